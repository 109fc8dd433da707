"""Running reductions along both axes, of one long row, and of short rows."""

from bench.case import SIZES, Case, normal

N = 4096


def scan(op, shape, axis, torch, numpy=None, dtype="float32"):
    size = SIZES[dtype]
    for n in shape:
        size *= n
    numpy = f"{numpy}(x, axis={axis})" if numpy and dtype == "float32" else None
    takes_out = torch in ("cumsum", "cumprod", "logcumsumexp")
    label = "×".join(map(str, shape))
    return Case(
        f"{op} axis {axis} {label} {dtype}",
        {"x": normal(*shape, dtype=dtype)},
        f"mx.{op}(x, axis={axis})",
        f"torch.{torch}(x, {axis})" + ("" if takes_out else ".values"),
        f"torch.{torch}(x, {axis}, out=out)" if takes_out else None,
        numpy,
        read=size,
        written=size,
        tolerance=None if op == "cumprod" or dtype != "float32" else 1e-3,
    )


CASES = [
    *[
        scan("cumsum", (N, N), axis, "cumsum", "np.cumsum", dtype)
        for axis in (0, 1)
        for dtype in ("float32", "float16", "bfloat16")
    ],
    scan("cumsum", (N * N,), 0, "cumsum", "np.cumsum"),
    scan("cumsum", (1 << 20, 8), 1, "cumsum", "np.cumsum"),
    scan("cumsum", (1 << 20, 8), 0, "cumsum", "np.cumsum"),
    scan("cumsum", (8, 1 << 20), 0, "cumsum", "np.cumsum"),
    *[scan("cumprod", (N, N), axis, "cumprod", "np.cumprod") for axis in (0, 1)],
    *[scan("cummax", (N, N), axis, "cummax", "np.maximum.accumulate") for axis in (0, 1)],
    *[scan("logcumsumexp", (N, N), axis, "logcumsumexp") for axis in (0, 1)],
]
