"""Dense products: large, small, batched, matrix times vector."""

from bench.case import SIZES, Case, normal


def gemm(m, k, n, dtype="float32", batch=()):
    count = 1
    for b in batch:
        count *= b
    label = f"{'×'.join(map(str, batch))} of " if batch else ""
    shape = f"{m}³" if m == k == n else f"{m}×{k}×{n}"
    return Case(
        f"matmul {label}{shape} {dtype}",
        {"x": normal(*batch, m, k, dtype=dtype), "y": normal(*batch, k, n, dtype=dtype)},
        "x @ y",
        "x @ y",
        "torch.matmul(x, y, out=out)",
        "x @ y" if dtype == "float32" else None,
        "np.matmul(x, y, out=out)" if dtype == "float32" else None,
        read=count * SIZES[dtype] * (m * k + k * n),
        flops=2 * count * m * k * n,
        tolerance=1e-4 if dtype == "float32" else 3e-2,
    )


CASES = [
    *[gemm(2048, 2048, 2048, d) for d in ("float32", "float16", "bfloat16")],
    *[gemm(n, n, n, d) for n in (64, 128, 256, 512) for d in ("float32", "bfloat16")],
    gemm(256, 256, 256, batch=(32,)),
    gemm(64, 64, 64, batch=(512,)),
    gemm(512, 4096, 4096),
    *[gemm(1, 4096, 4096, d) for d in ("float32", "float16", "bfloat16")],
    *[
        Case(
            f"matrix × vector 4096² {d}",
            {"x": normal(4096, 4096, dtype=d), "y": normal(4096, dtype=d)},
            "x @ y",
            "x @ y",
            "torch.mv(x, y, out=out)",
            "x @ y" if d == "float32" else None,
            read=SIZES[d] * 4096 * 4096,
            tolerance=1e-4 if d == "float32" else 3e-2,
        )
        for d in ("float32", "float16", "bfloat16")
    ],
]
