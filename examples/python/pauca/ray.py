"""The calls of :mod:`pauca.shards` on a cluster of Ray.

    import pauca.ray
    clusters = pauca.ray.kmeans("/data/rows", 1000, "/data/work", spherical=True, init="random", seed=7)
    unique = pauca.ray.semdedup("/data/rows", clusters, "/data/dedup", epsilon=0.05)

Both folders must be seen by all workers. A task whose worker dies is done again; it leaves nothing half done.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Iterable, Iterator

from . import shards
from .errors import Error
from .shards import Clusters, Curated, Dedup, Folder

__all__ = ["Clusters", "Curated", "Dedup", "Folder", "d4", "kmeans", "pool", "semdedup"]


def pool(*, pending: int = 0, max_retries: int = 3, **options: Any) -> Callable[[Callable, Iterable], Iterator]:
    """Something shaped like ``map`` whose tasks are Ray's.

    pending: how many tasks are handed to Ray at once, 0 for twice the cores of the cluster; their results, 40 k d bytes
    each, wait in its object store. max_retries: how often a task is done again whose worker died. options: more of
    ``ray.remote``, ``memory=`` or ``scheduling_strategy=`` for one.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError("pauca.ray needs Ray: pip install 'pauca[ray]'") from error
    if not ray.is_initialized():
        ray.init()

    @ray.remote(max_retries=max_retries, **{"num_cpus": 1, **options})
    def work(function: Callable, item: Any) -> Any:
        return function(item)

    def result(reference: Any) -> Any:
        try:
            return ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, Error):
                raise error.cause from None
            raise

    def run(function: Callable, items: Iterable) -> Iterator:
        function = ray.put(function)  # once for each node, and not once for each task
        most = pending or 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting: list = []
        for item in items:
            if len(waiting) >= most:
                yield result(waiting.pop(0))
            waiting.append(work.remote(function, item))
        while waiting:
            yield result(waiting.pop(0))

    return run


def _on_ray(call: Callable) -> Callable:
    @functools.wraps(call)
    def with_ray(*arguments: Any, run: Any = None, **named: Any) -> Any:
        return call(*arguments, run=run or pool(), **named)

    return with_ray


kmeans = _on_ray(shards.kmeans)
semdedup = _on_ray(shards.semdedup)
d4 = _on_ray(shards.d4)
