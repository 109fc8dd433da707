"""Reductions, softmax-like ops, scans and statistics."""

from ..case import ALL, BOOL, COMPLEX, FLOATS, INTS, REAL, D, N, P, row

S = (3, 4, 5)
AXES = {
    "all": "",
    "last": ", axis=-1",
    "first": ", axis=0",
    "two": ", axis=(0, 2)",
    "keep": ", axis=1, keepdims=True",
}


def reduction(name, ref, kind=N, grad=True, dtypes=ALL, axes=AXES, **options):
    rows = []
    for label, extra in axes.items():
        rows.append(
            row(
                f"{name}_{label}",
                f"mx.{name}(a{extra})",
                ref and f"{ref}(a{extra})",
                grad="a" if grad else "",
                a=kind(*S),
                dtypes=dtypes,
                **options,
            )
        )
    return rows


ONE_AXIS = {k: v for k, v in AXES.items() if k != "two"}
NO_KEEP = {k: v for k, v in ONE_AXIS.items() if k != "keep"}

CASES = [
    *reduction("sum", "np.sum"),
    *reduction("mean", "np.mean"),
    *reduction("prod", "np.prod", P, tolerance=4),
    *reduction("max", "np.max", D),
    *reduction("min", "np.min", D),
    *reduction("all", "np.all", grad=False),
    *reduction("any", "np.any", grad=False),
    *reduction("argmax", "np.argmax", D, grad=False, axes=ONE_AXIS, dtypes=REAL),
    *reduction("argmin", "np.argmin", D, grad=False, axes=ONE_AXIS, dtypes=REAL),
    *reduction("var", "np.var", tolerance=3, dtypes=FLOATS + INTS + BOOL),
    *reduction("std", "np.std", tolerance=3, dtypes=FLOATS + INTS + BOOL),
    *reduction("median", "np.median", D, grad=False, axes=ONE_AXIS, dtypes=REAL),
    # The wheel gives wrong values for the other integers here.
    *reduction("logsumexp", "sp.logsumexp", dtypes=FLOATS + ("int32",)),
    row("var_ddof", "mx.var(a, axis=1, ddof=1)", "np.var(a, axis=1, ddof=1)", a=N(*S), tolerance=3),
    row(
        "std_ddof",
        "a.std(axis=(0, 1), ddof=1)",
        "np.std(a, axis=(0, 1), ddof=1)",
        a=N(*S),
        tolerance=3,
    ),
    row("max_ties", "mx.argmax(a, axis=-1), mx.argmin(a, axis=0)", a=P(6, 40), dtypes=INTS),
    row("minmax", "mx.minmax(a, axis=-1)", a=D(*S), dtypes=REAL),
    row("count_nonzero", "mx.count_nonzero(a), mx.count_nonzero(a, axis=1)", a=N(*S), dtypes=ALL),
    row("trace", "mx.trace(a)", "np.trace(a)", grad="a", a=N(4, 6)),
    row("trace_offset", "mx.trace(a, offset=1, axis1=1, axis2=2)", "np.trace(a, 1, 1, 2)", a=N(*S)),
    row("trace_dtype", "mx.trace(a, dtype=mx.float32)", a=N(4, 6), dtypes=ALL),
    row("max_complex", "mx.max(a), mx.min(a, axis=0)", a=N(*S), dtypes=COMPLEX),
    row("logsumexp_complex", "mx.logsumexp(a, axis=-1)", a=N(*S), dtypes=COMPLEX),
    # Sizes that fill SIMD vectors and threads, and leave tails.
    row(
        "sum_long",
        "mx.sum(a)",
        "np.sum(a)",
        a=N(100_003),
        tolerance=2,
        dtypes=("float32", "float64", "int32"),
    ),
    row(
        "sum_long_rows",
        "mx.sum(a, axis=1)",
        "np.sum(a, axis=1)",
        a=N(37, 1031),
        tolerance=4,
        oracle=False,
    ),
    row(
        "sum_long_columns",
        "mx.sum(a, axis=0)",
        "np.sum(a, axis=0)",
        a=N(1031, 37),
        tolerance=4,
        oracle=False,
    ),
    row(
        "sum_middle",
        "mx.sum(a, axis=1)",
        "np.sum(a, axis=1)",
        a=N(7, 300, 9),
        tolerance=4,
        oracle=False,
    ),
    row(
        "max_long",
        "mx.max(a, axis=0), mx.max(a, axis=1)",
        a=D(130, 70),
        dtypes=("float32", "int32", "int16"),
    ),
    row(
        "sum_five_axes",
        "mx.sum(a, axis=(0, 2, 4))",
        "np.sum(a, axis=(0, 2, 4))",
        a=N(2, 3, 4, 3, 2),
    ),
    row("sum_negative_axes", "mx.sum(a, axis=(-1, -3))", "np.sum(a, axis=(-1, -3))", a=N(*S)),
    row(
        "method_reductions",
        "a.sum(), a.mean(0), a.max(1), a.min(), a.prod(), a.any(), a.all()",
        a=P(3, 4),
        dtypes=REAL,
    ),
    row(
        "sum_scalar",
        "mx.sum(a), mx.max(a), mx.mean(a), mx.argmax(a)",
        a=N(),
        dtypes=FLOATS + ("int32",),
    ),
    # The wheel reads outside the array here: only the reference is asked.
    row("sum_empty", "mx.sum(a)", "np.sum(a)", a=N(0, 3), vmap=False, oracle=False),
    row("sum_empty_axis", "mx.sum(a, 0)", "np.sum(a, 0)", a=N(0, 3), vmap=False, oracle=False),
    row("sum_empty_rows", "mx.sum(a, 1)", "np.sum(a, 1)", a=N(0, 3), vmap=False, oracle=False),
    row("prod_empty", "mx.prod(a)", "np.prod(a)", a=N(0, 3), vmap=False, oracle=False),
    row("all_empty", "mx.all(a)", "np.all(a)", a=N(0, 3), vmap=False, oracle=False),
    row("any_empty", "mx.any(a, 0)", "np.any(a, 0)", a=N(0, 3), vmap=False, oracle=False),
    row(
        "max_empty",
        "mx.max(a)",
        a=N(
            0,
        ),
        dtypes=REAL,
        vmap=False,
    ),
    row("argmax_empty", "mx.argmax(a, axis=0)", a=N(0, 3), dtypes=REAL, vmap=False),
    row("mean_empty", "mx.mean(a, 0)", "np.zeros(3) / 0", a=N(0, 3), vmap=False, oracle=False),
    row("sum_nothing", "mx.sum(a, axis=())", a=N(3, 4), dtypes=ALL),
    row("max_nan", "mx.max(a / b), mx.min(a / b)", a=N(4, 5), b=N(4, 5), dtypes=("float32",)),
    # Softmax
    row(
        "softmax",
        "mx.softmax(a, axis=-1)",
        "sp.softmax(a, axis=-1)",
        grad="a",
        a=N(*S),
        dtypes=REAL,
    ),
    row("softmax_first", "mx.softmax(a, axis=0)", "sp.softmax(a, axis=0)", grad="a", a=N(*S)),
    row(
        "softmax_two", "mx.softmax(a, axis=(1, 2))", "sp.softmax(a, axis=(1, 2))", grad="a", a=N(*S)
    ),
    row("softmax_all", "mx.softmax(a)", "sp.softmax(a)", a=N(*S)),
    row(
        "softmax_precise",
        "mx.softmax(a * 8, axis=-1, precise=True)",
        "sp.softmax(a * 8, axis=-1)",
        a=N(5, 300),
    ),
    row(
        "softmax_long",
        "mx.softmax(a * 8, axis=-1)",
        "sp.softmax(a * 8, axis=-1)",
        a=N(3, 5000),
        oracle=False,
    ),
    row(
        "softmax_masked",
        "mx.softmax(mx.where(a > 0, a, -mx.inf), axis=-1)",
        a=N(4, 50),
        dtypes=("float32",),
    ),
    row(
        "logsumexp_long",
        "mx.logsumexp(a * 8, axis=-1)",
        "sp.logsumexp(a * 8, axis=-1)",
        a=N(3, 5000),
        oracle=False,
    ),
    # Scans
    *[
        row(
            f"{name}_{axis}{'_reverse' if reverse else ''}{'' if inclusive else '_exclusive'}",
            f"mx.{name}(a, axis={axis}, reverse={reverse}, inclusive={inclusive})",
            {"cumsum": "np.cumsum", "cumprod": "np.cumprod"}[name] + f"(a, axis={axis})"
            if name in ("cumsum", "cumprod") and not reverse and inclusive
            else None,
            grad="a" if name in ("cumsum", "cumprod") and not reverse and inclusive else "",
            a=P(3, 4, 5) if name == "cumprod" else D(3, 4, 5),
            dtypes=ALL if name in ("cumsum", "cumprod") else REAL,
            jvp=name != "cumprod",  # neither MLX nor we have it
            tolerance=2,
        )
        for name in ("cumsum", "cumprod", "cummax", "cummin")
        for axis in (0, 1, -1)
        for reverse in (False, True)
        for inclusive in (True, False)
    ],
    row("cumsum_flat", "mx.cumsum(a)", "np.cumsum(a)", a=N(4, 5), dtypes=ALL),
    row(
        "cumsum_long",
        "mx.cumsum(a)",
        "np.cumsum(a)",
        a=N(20_001),
        dtypes=("float32", "int32"),
        tolerance=20,
    ),
    row(
        "logcumsumexp",
        "mx.logcumsumexp(a, axis=1)",
        "np.logaddexp.accumulate(a, axis=1)",
        grad="a",
        a=N(*S),
    ),
    row(
        "logcumsumexp_reverse", "mx.logcumsumexp(a, axis=0, reverse=True, inclusive=False)", a=N(*S)
    ),
    row("cumulative_sum", "mx.cumulative_sum(a, axis=1), mx.cumulative_sum(a, axis=0)", a=N(3, 4)),
    row("cumulative_prod", "mx.cumulative_prod(a, axis=1)", a=P(3, 4)),
    row("diff", "mx.diff(a), mx.diff(a, n=2, axis=0)", a=N(5, 6), dtypes=ALL),
]
