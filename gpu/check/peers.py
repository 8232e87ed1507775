"""Times of an assignment and an iteration of k-means by torch and flash-kmeans on the first CUDA device: gpu-check sends the
shapes as JSON on stdin, and reads the table as JSON from stdout."""

import json
import statistics
import sys
import time

asked = json.load(sys.stdin)
try:
    import torch
except ImportError as error:
    print(json.dumps({"skipped": str(error)}))
    sys.exit()
if not torch.cuda.is_available():
    print(json.dumps({"skipped": f"torch {torch.__version__} finds no CUDA device"}))
    sys.exit()
try:
    import flash_kmeans
except ImportError:
    flash_kmeans = None


def median(work):
    work()  # compiles
    torch.cuda.synchronize()
    seconds = []
    for _ in range(max(asked["repetitions"], 1)):
        begun = time.perf_counter()
        work()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def assigned(x, c, chunk=1 << 15):
    """The nearest centroids, by products in the type of the rows."""
    half = (c.float() ** 2).sum(1) / 2
    labels = [(part @ c.T).float().sub_(half).argmax(1) for part in x.split(chunk)]
    return torch.cat(labels)


def iterated(x, c):
    labels = assigned(x, c)
    sums = torch.zeros(c.shape, device=x.device).index_add_(0, labels, x.float())
    counts = torch.bincount(labels, minlength=len(c)).clamp_(min=1)
    return (sums / counts[:, None]).to(x.dtype)


table = []
for d in asked["dims"]:
    for k in asked["clusters"]:
        if k > asked["rows"]:
            continue
        for dtype in (torch.float32, torch.bfloat16):
            torch.manual_seed(0)
            x = torch.randn(asked["rows"], d, device="cuda").to(dtype)
            c = x[:k].clone()
            row = {"rows": asked["rows"], "values": d, "clusters": k, "dtype": str(dtype).removeprefix("torch.")}
            row["torch_assignment_s"] = median(lambda: assigned(x, c))
            row["torch_iteration_s"] = median(lambda: iterated(x, c))
            if flash_kmeans is not None:
                try:
                    run = lambda: flash_kmeans.batch_kmeans_Euclid(x[None], k, max_iters=1, tol=-1.0, init_centroids=c[None])
                    row["flash_kmeans_iteration_s"] = median(run)
                except Exception as error:  # another version, or a shape that it refuses
                    row["flash_kmeans_error"] = str(error)[:200]
            table.append(row)
            del x, c
print(json.dumps({
    "torch": torch.__version__, "device": torch.cuda.get_device_name(0), "driver": torch.version.cuda,
    "flash_kmeans": getattr(flash_kmeans, "__version__", None) if flash_kmeans else "not installed", "times": table,
}))
