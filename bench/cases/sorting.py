"""Sorting and random numbers."""

from bench.case import Case, normal

M = 1_000_000

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
        "random.normal 16M float32",
        {},
        "mx.random.normal((16777216,))",
        "torch.randn(16777216)",
        "torch.randn(16777216, out=out)",
        written=4 << 24,
        tolerance=None,
    ),
    Case(
        "random.uniform 16M float32",
        {},
        "mx.random.uniform(shape=(16777216,))",
        "torch.rand(16777216)",
        "torch.rand(16777216, out=out)",
        written=4 << 24,
        tolerance=None,
    ),
]
