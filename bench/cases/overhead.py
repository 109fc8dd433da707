"""What an op costs beyond its arithmetic: chains of tiny ops, and a tiny op evaluated at once."""

from bench.case import Case, normal

CHAIN = "__import__('functools').reduce(lambda a, _: a + 1, range(1000), x)"

CASES = [
    Case("1000 chained adds on [4], per op", {"x": normal(4)}, CHAIN, CHAIN, numpy=CHAIN, per=1000),
    Case(
        "building 1000 chained adds on [4], per op",
        {"x": normal(4)},
        f"({CHAIN}, x)[1]",
        per=1000,
        tolerance=None,
    ),
    Case("add + eval on [4]", {"x": normal(4)}, "x + 1", "x + 1", numpy="x + 1"),
    Case(
        "sum + eval on [64]",
        {"x": normal(64)},
        "mx.sum(x * x)",
        "torch.sum(x * x)",
        numpy="np.sum(x * x)",
    ),
]
