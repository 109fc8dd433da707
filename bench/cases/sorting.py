"""Sorting, partitions and the positions they give."""

from bench.case import Case, integers, normal

M = 1_000_000


def short_rows(rows, length):
    return Case(
        f"sort rows of {rows}×{length} float32",
        {"x": normal(rows, length)},
        "mx.sort(x, axis=-1)",
        "torch.sort(x, -1)[0]",
        None,
        "np.sort(x, axis=-1)",
        read=4 * rows * length,
        written=4 * rows * length,
    )


CASES = [
    Case(
        "sort 1M float32",
        {"x": normal(M)},
        "mx.sort(x)",
        "torch.sort(x)[0]",
        None,
        "np.sort(x)",
        read=4 * M,
        written=4 * M,
    ),
    Case(
        "sort 16M float32",
        {"x": normal(16 * M)},
        "mx.sort(x)",
        "torch.sort(x)[0]",
        None,
        "np.sort(x)",
        read=64 * M,
        written=64 * M,
    ),
    Case(
        "sort rows of 4096² float32",
        {"x": normal(4096, 4096)},
        "mx.sort(x, axis=-1)",
        "torch.sort(x, -1)[0]",
        None,
        "np.sort(x, axis=-1)",
        read=4 << 24,
        written=4 << 24,
    ),
    Case(
        "argsort 1M float32 (NumPy's is not stable)",
        {"x": normal(M)},
        "mx.argsort(x)",
        "torch.argsort(x, stable=True)",
        None,
        "np.argsort(x)",
        read=4 * M,
        written=4 * M,
        tolerance=None,
    ),
    Case(
        "sort 1M int32",
        {"x": integers(1 << 30, M)},
        "mx.sort(x)",
        "torch.sort(x)[0]",
        None,
        "np.sort(x)",
        read=4 * M,
        written=4 * M,
    ),
    *[short_rows(rows, length) for rows, length in ((1 << 20, 8), (1 << 18, 64), (160_000, 100))],
    Case(
        "argsort rows of 262144×64 float32",
        {"x": normal(1 << 18, 64)},
        "mx.argsort(x, axis=-1)",
        "torch.argsort(x, -1)",
        None,
        "np.argsort(x, axis=-1)",
        read=4 << 24,
        written=4 << 24,
        tolerance=None,
    ),
    Case(
        "partition 1M float32, the median",
        {"x": normal(M)},
        "mx.partition(x, 500000)",
        None,
        None,
        "np.partition(x, 500000)",
        read=4 * M,
        written=4 * M,
        tolerance=None,
    ),
    Case(
        "argpartition 1M float32, the median",
        {"x": normal(M)},
        "mx.argpartition(x, 500000)",
        None,
        None,
        "np.argpartition(x, 500000)",
        read=4 * M,
        written=4 * M,
        tolerance=None,
    ),
    *[
        Case(
            f"topk 64 of {'×'.join(map(str, shape))} float32",
            {"x": normal(*shape)},
            "mx.topk(x, 64)",
            "torch.topk(x, 64)[0]",
            read=size,
            tolerance=None,
        )
        for shape, size in (((M,), 4 * M), ((4096, 4096), 4 << 24))
    ],
]
