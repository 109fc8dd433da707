"""The op table: every row of every family."""

from . import (
    creation,
    elementwise,
    fast,
    indexing,
    matmul,
    quantized,
    randoms,
    reductions,
    shapes,
    sorting,
    transforms,
)

FAMILIES = {
    module.__name__.rsplit(".", 1)[-1]: module.CASES
    for module in (
        elementwise,
        reductions,
        shapes,
        indexing,
        sorting,
        matmul,
        creation,
        randoms,
        fast,
        quantized,
        transforms,
    )
}
CASES = [case for cases in FAMILIES.values() for case in cases]
assert len({case.name for case in CASES}) == len(CASES), "two rows have the same name"
