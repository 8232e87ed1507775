"""k-means, SemDeDup and D4 over a folder of shards, to the bits of one call on all rows.

The work is done by anything shaped like ``map``: ``run(task, items)`` returns what the task returns for each item, in
order. The built-in ``map`` does it here and now, ``concurrent.futures.ProcessPoolExecutor().map`` on the cores of a
machine, :func:`pauca.ray.pool` on a cluster; docs/ray.md has Spark, Dask and MPI.

Tasks read their shards once, and hold nothing between calls. Exact sums come back as bytes and are merged by adding
integers, so that the result does not depend on how many shards there are, on their order of arrival, or on a task that is
done twice. What belongs to rows stays in files of a work folder, which every worker must see. A run that was stopped goes
on from there when it is called again.

>>> import numpy as np, pathlib, tempfile, pauca, pauca.shards
>>> x = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
>>> with tempfile.TemporaryDirectory() as place:
...     folder = pathlib.Path(place, "rows")
...     folder.mkdir()
...     for i, part in enumerate(np.split(x, [50, 220])):
...         np.save(folder / f"{i:05}.npy", part)
...     found = pauca.shards.kmeans(folder, 5, pathlib.Path(place, "work"), seed=1)
...     print(np.array_equal(found.labels(), pauca.kmeans(x, 5, seed=1).labels))
True
"""

from ._d4 import Curated, d4
from ._dedup import Dedup, semdedup
from ._folder import Folder
from ._kmeans import Clusters, kmeans

__all__ = ["Clusters", "Curated", "Dedup", "Folder", "d4", "kmeans", "semdedup"]
