"""Sorting, partitioning, searching and set-like ops."""

from ..case import ALL, COMPLEX, REAL, D, N, P, row

S = (4, 5, 6)
AXES = (0, 1, -1)

CASES = [
    *[row(f"sort_{axis}", f"mx.sort(a, axis={axis})", f"np.sort(a, axis={axis})", grad="a", a=D(*S), dtypes=REAL) for axis in AXES],
    *[row(f"argsort_{axis}", f"mx.argsort(a, axis={axis})", f"np.argsort(a, axis={axis}, kind='stable')", a=D(*S), dtypes=("float32", "float16", "bfloat16", "int32", "int64", "uint8", "float64")) for axis in AXES],
    row("sort_flat", "mx.sort(a, axis=None), mx.argsort(a, axis=None)", a=D(4, 5), dtypes=("float32", "int16")),
    row("argsort_stable", "mx.argsort(a, axis=-1)", "np.argsort(a, axis=-1, kind='stable')", a=P(5, 200), dtypes=("float32", "float16", "int32")),
    row("argsort_stable_integers", "mx.argsort(a)", a=N(1000), dtypes=("bool", "uint8", "int8", "int32", "uint64", "int64")),
    row("sort_nan", "mx.sort(a / b), mx.argsort(a / b)", a=N(6, 20), b=N(6, 20), dtypes=("float32", "float16", "bfloat16", "float64")),
    row("sort_complex", "mx.sort(a)", a=N(20), dtypes=COMPLEX),
    row("sort_long", "mx.sort(a)", "np.sort(a)", a=D(5000), dtypes=("float32", "int32", "uint64", "float64")),
    row("argsort_long", "mx.argsort(a)", "np.argsort(a, kind='stable')", a=D(5000), dtypes=("float32", "int32")),
    row("sort_empty", "mx.sort(a), mx.argsort(a)", a=N(0,), dtypes=("float32",), vmap=False),
    row("sort_scalar", "mx.sort(a, axis=0)", a=N(), dtypes=("float32",), vmap=False),
    row("partition_sorted", "mx.sort(mx.partition(a, 2, axis=-1)[..., :3], axis=-1)", "np.sort(a, axis=-1)[..., :3]", a=D(*S), dtypes=REAL),
    row("partition_pivot", "mx.partition(a, 2, axis=1)[:, 2], mx.partition(a, 2, axis=0)[2]", a=D(*S), dtypes=("float32", "int32")),
    row("argpartition_pivot", "mx.take_along_axis(a, mx.argpartition(a, 3, axis=1), axis=1)[:, 3]", "np.sort(a, axis=1)[:, 3]", a=D(*S)),
    row("topk", "mx.sort(mx.topk(a, 3), axis=-1)", "np.sort(a, axis=-1)[..., -3:]", a=D(*S), dtypes=REAL),
    row("topk_axis", "mx.sort(mx.topk(a, 2, axis=0), axis=0)", "np.sort(a, axis=0)[-2:]", a=D(*S)),
    row("topk_bad", "mx.topk(a, 10)", a=D(*S), dtypes=("float32",), vmap=False),
    row("partition_bad", "mx.partition(a, 10)", a=D(*S), dtypes=("float32",), vmap=False),
    row("searchsorted", "mx.searchsorted(mx.sort(a), b), mx.searchsorted(mx.sort(a), b, side='right')", a=D(20), b=N(7), dtypes=("float32", "int32", "float16"), vmap=False),
    row("unique", "mx.unique(a, 8)", a=N(20), dtypes=("int32", "float32", "uint8"), vmap=False),
    row("unique_all", "mx.unique(a, 30, return_index=True, return_inverse=True, return_counts=True, fill_value=-9)", a=N(25), dtypes=("int32", "float32"), vmap=False),
    row("median_even", "mx.median(a), mx.median(a, axis=1)", a=D(5, 6)),
    row("sort_all_dtypes", "mx.sort(a.reshape(-1))", a=N(7, 9), dtypes=ALL[:-1]),
]  # fmt: skip
