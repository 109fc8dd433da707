"""Element-wise ops: unary, binary, comparison, logic, bits, selection, casts."""

from ..case import ALL, BOOL, COMPLEX, FLOATS, INTS, REAL, B, N, P, U, row

S = (3, 5)


def unary(name, ref=None, kind=N, grad=True, **options):
    options = {"dtypes": ALL, "elementwise": True, **options}
    return row(
        name,
        f"mx.{name}(a)",
        None if ref is None else f"{ref}(a)",
        grad="a" if grad and ref else "",
        a=kind(*S),
        **options,
    )


def binary(name, ref=None, grad="", a=None, b=None, **options):
    options = {"dtypes": ALL, "elementwise": True, **options}
    return row(
        name,
        f"mx.{name}(a, b)",
        None if ref is None else f"{ref}(a, b)",
        grad=grad,
        a=a or N(*S),
        b=b or N(*S),
        **options,
    )


UNARY = [
    unary("abs", "np.abs", P),
    row("abs_negative", "mx.abs(a)", "np.abs(a)", a=N(*S), dtypes=ALL),
    unary("arccos", "np.arccos", U),
    row(
        "arccosh",
        "mx.arccosh(a + 1)",
        "np.arccosh(a + 1)",
        grad="a",
        a=P(*S),
        dtypes=ALL,
        elementwise=True,
    ),
    unary("arcsin", "np.arcsin", U),
    unary("arcsinh", "np.arcsinh"),
    unary("arctan", "np.arctan"),
    unary("arctanh", "np.arctanh", U),
    unary("ceil", "np.ceil", grad=False, dtypes=REAL),
    row("ceil_complex", "mx.ceil(a)", a=N(*S), dtypes=COMPLEX),
    unary("cos", "np.cos"),
    unary("cosh", "np.cosh"),
    unary("degrees", "np.degrees", dtypes=REAL),
    unary("erf", "sp.erf", dtypes=REAL),
    unary("erfinv", "sp.erfinv", U, dtypes=REAL, tolerance=3),
    unary("exp", "np.exp"),
    unary("expm1", "np.expm1", dtypes=REAL),
    unary("floor", "np.floor", grad=False, dtypes=REAL),
    unary("log", "np.log", P),
    unary("log10", "np.log10", P),
    unary("log1p", "np.log1p", P),
    unary("log2", "np.log2", P),
    unary("negative", "np.negative"),
    unary("positive", "np.positive"),
    unary("radians", "np.radians", dtypes=REAL),
    unary("reciprocal", "np.reciprocal", P),
    unary("round", "np.round", grad=False),
    row(
        "round_decimals",
        "mx.round(a, decimals=1)",
        "np.round(a, 1)",
        a=N(*S),
        dtypes=ALL,
        tolerance=3,
    ),
    row("round_tens", "mx.round(a * 10, decimals=-1)", a=N(*S), dtypes=ALL),
    row("rsqrt", "mx.rsqrt(a)", "1 / np.sqrt(a)", grad="a", a=P(*S), dtypes=ALL, elementwise=True),
    row(
        "sigmoid",
        "mx.sigmoid(a)",
        "1 / (1 + np.exp(-a))",
        grad="a",
        a=N(*S),
        dtypes=REAL,
        elementwise=True,
    ),
    row("sigmoid_complex", "mx.sigmoid(a)", a=N(*S), dtypes=COMPLEX),
    unary("sign", grad=False),
    unary("sin", "np.sin"),
    unary("sinh", "np.sinh"),
    unary("sqrt", "np.sqrt", P),
    unary("square", "np.square"),
    unary("tan", "np.tan", U),
    unary("tanh", "np.tanh"),
    unary("trunc", "np.trunc", grad=False, dtypes=REAL),
    unary("conj", "np.conj", grad=False),
    unary("conjugate", "np.conj", grad=False),
    unary("real", "np.real", grad=False),
    unary("imag", "np.imag", grad=False),
    unary("isfinite", "np.isfinite", grad=False),
    unary("isinf", "np.isinf", grad=False),
    unary("isnan", "np.isnan", grad=False),
    unary("isposinf", grad=False),
    unary("isneginf", grad=False),
    unary("logical_not", "np.logical_not", grad=False),
    unary("bitwise_invert", grad=False),
    unary("nan_to_num", grad=False, dtypes=BOOL + INTS + FLOATS[:3] + COMPLEX),
    row(
        "nan_to_num_values",
        "mx.nan_to_num(a / b, nan=1.0, posinf=2.0, neginf=-3.0)",
        a=N(*S),
        b=N(*S),
    ),
    unary("stop_gradient", "np.positive", grad=False),
]

ALIASES = [
    row(f"alias_{short}", f"mx.{short}(a)", f"np.{long}(a)", a=kind(*S))
    for short, long, kind in [
        ("acos", "arccos", U),
        ("asin", "arcsin", U),
        ("atan", "arctan", N),
        ("asinh", "arcsinh", N),
        ("atanh", "arctanh", U),
    ]
] + [
    row("alias_acosh", "mx.acosh(a + 1)", "np.arccosh(a + 1)", a=P(*S)),
    row("alias_atan2", "mx.atan2(a, b)", "np.arctan2(a, b)", a=N(*S), b=N(*S)),
    row("alias_pow", "mx.pow(a, b)", "np.power(a, b)", a=P(*S), b=N(*S)),
    row("alias_left_shift", "mx.left_shift(a, b)", a=P(*S), b=P(*S), dtypes=INTS),
    row("alias_right_shift", "mx.right_shift(a, b)", a=P(*S), b=P(*S), dtypes=INTS),
]

BINARY = [
    binary("add", "np.add", grad="ab"),
    binary("subtract", "np.subtract", grad="ab"),
    binary("multiply", "np.multiply", grad="ab"),
    binary("divide", "np.divide", grad="ab", b=P(*S)),
    # The wheel rounds the quotient to 16 bits before it floors.
    binary("floor_divide", "np.floor_divide", b=P(*S), dtypes=REAL, special=False),
    binary("remainder", "np.remainder", b=P(*S), dtypes=REAL),
    row(
        "floor_divide_negative",
        "mx.floor_divide(a, -b)",
        "np.floor_divide(a, -b)",
        a=N(*S),
        b=P(*S),
    ),
    row("remainder_negative", "mx.remainder(a, -b)", "np.remainder(a, -b)", a=N(*S), b=P(*S)),
    row("remainder_signed", "mx.remainder(a, -b)", a=N(*S), b=P(*S), dtypes=INTS[4:]),
    row("divmod", "mx.divmod(a, b)", a=N(*S), b=P(*S), dtypes=REAL),
    binary("power", "np.power", grad="ab", a=P(*S)),
    row("power_integer_exponent", "a ** 3", "a ** 3", a=N(*S), dtypes=ALL),
    row("power_square", "a ** 2", "a ** 2", grad="a", a=N(*S)),
    row("power_negative", "a ** -1", "1 / a", a=P(*S)),
    binary("maximum", "np.maximum", grad="ab"),
    binary("minimum", "np.minimum", grad="ab"),
    binary("logaddexp", "np.logaddexp", grad="ab", dtypes=REAL),
    row("logaddexp_complex", "mx.logaddexp(a, b)", a=N(*S), b=N(*S), dtypes=COMPLEX),
    binary("arctan2", "np.arctan2", grad="ab", a=P(*S), dtypes=REAL),
    binary("equal", "np.equal"),
    binary("not_equal", "np.not_equal"),
    binary("greater", "np.greater", dtypes=REAL),
    binary("greater_equal", "np.greater_equal", dtypes=REAL),
    binary("less", "np.less", dtypes=REAL),
    binary("less_equal", "np.less_equal", dtypes=REAL),
    row("compare_complex", "(a < b, a <= b, a > b, a >= b)", a=N(*S), b=N(*S), dtypes=COMPLEX),
    binary("logical_and", "np.logical_and"),
    binary("logical_or", "np.logical_or"),
    binary("logical_xor", "np.logical_xor"),
    binary("bitwise_and", dtypes=ALL),
    binary("bitwise_or", dtypes=ALL),
    binary("bitwise_xor", dtypes=ALL),
    binary("bitwise_left_shift", a=P(*S), b=P(*S), dtypes=INTS + BOOL),
    binary("bitwise_right_shift", a=P(*S), b=P(*S), dtypes=INTS + BOOL),
    row(
        "isclose",
        "mx.isclose(a, b, rtol=0.3, atol=0.1)",
        "np.isclose(a, b, 0.3, 0.1)",
        a=N(*S),
        b=N(*S),
    ),
    row("isclose_nan", "mx.isclose(a / b, a / b, equal_nan=True)", a=N(*S), b=N(*S)),
    row("allclose", "mx.allclose(a, a + 1e-9)", a=N(*S)),
    row("array_equal", "mx.array_equal(a, b), mx.array_equal(a, a)", a=N(*S), b=N(*S), dtypes=ALL),
    row("array_equal_nan", "mx.array_equal(a / 0, a / 0, equal_nan=True)", a=N(*S)),
]

BROADCAST = [
    row(f"broadcast_{i}", "a * b + a", "a * b + a", grad="ab", a=N(*x), b=N(*y))
    for i, (x, y) in enumerate(
        [((3, 5), (5,)), ((3, 1), (1, 5)), ((2, 1, 4), (3, 1)), ((4,), ()), ((1,), (6,))]
    )
]

OPERATORS = [
    row("operator_add", "a + b, a + 2, 2 + a, a + 2.5", a=N(*S), b=N(*S), dtypes=ALL),
    row("operator_sub", "a - b, a - 2, 2 - a, a - 2.5", a=N(*S), b=N(*S), dtypes=ALL),
    row("operator_mul", "a * b, a * 2, 2 * a, a * 2.5, a * True", a=N(*S), b=N(*S), dtypes=ALL),
    row("operator_truediv", "a / b, a / 2, 2 / b, a / 2.5", a=N(*S), b=P(*S), dtypes=ALL),
    row("operator_floordiv", "a // b, a // 2, 7 // b", a=N(*S), b=P(*S), dtypes=ALL),
    row("operator_mod", "a % b, a % 2, 7 % b", a=N(*S), b=P(*S), dtypes=ALL),
    row(
        "operator_pow",
        "a ** b, a ** 2, 2 ** b, a ** 0.5",
        a=P(*S),
        b=P(*S),
        dtypes=ALL,
        tolerance=3,
    ),
    row(
        "operator_compare",
        "a < b, a <= 1, a > 1, a >= b, a == b, a != 1",
        a=N(*S),
        b=N(*S),
        dtypes=REAL,
    ),
    row("operator_bits", "a & b, a | b, a ^ b, ~a", a=N(*S), b=N(*S), dtypes=ALL),
    row("operator_shift", "a << b, a >> b, a << 1, a >> 1", a=P(*S), b=P(*S), dtypes=ALL),
    row("operator_unary", "-a, abs(a)", a=N(*S), dtypes=ALL),
    row(
        "operator_inplace",
        "b = a; a += 1; a -= 2; a *= 3; out = a, b",
        a=N(*S),
        dtypes=ALL,
        vmap=False,
        compile=False,
    ),
    row("operator_inplace_div", "a /= 2; out = a", a=N(*S), dtypes=ALL, vmap=False, compile=False),
    row(
        "operator_inplace_bits",
        "a &= b; a |= 1; out = a",
        a=N(*S),
        b=N(*S),
        dtypes=INTS,
        vmap=False,
        compile=False,
    ),
    row("method_call", "a.abs(), a.square(), a.exp(), a.sin()", a=P(*S), dtypes=ALL),
    row("scalar_reflect_complex", "a + 1j, 1j * a", a=N(*S), dtypes=ALL),
]

SELECT = [
    row(
        "where",
        "mx.where(c, a, b)",
        "np.where(c, a, b)",
        grad="ab",
        c=B(*S),
        a=N(*S),
        b=N(*S),
        dtypes=ALL,
    ),
    row(
        "where_broadcast",
        "mx.where(c, a, b)",
        "np.where(c, a, b)",
        grad="ab",
        c=B(3, 1),
        a=N(5),
        b=N(),
    ),
    row("where_scalar", "mx.where(a > 0, a, 0), mx.where(a > 0, 1.5, a)", a=N(*S), dtypes=REAL),
    row("where_condition", "mx.where(a, b, 2 * b)", a=N(*S), b=N(*S), dtypes=ALL),
    row("clip", "mx.clip(a, -0.5, 0.5)", "np.clip(a, -0.5, 0.5)", grad="a", a=N(*S)),
    row("clip_one_side", "mx.clip(a, None, 1), mx.clip(a, 1, None)", a=N(*S), dtypes=REAL),
    row(
        "clip_arrays", "mx.clip(a, b, b + 1)", "np.clip(a, b, b + 1)", a=N(*S), b=N(5), dtypes=REAL
    ),
    row(
        "relu_gelu",
        "a * 0.5 * (1 + mx.erf(a / 2 ** 0.5))",
        "a * .5 * (1 + sp.erf(a / 2 ** .5))",
        grad="a",
        a=N(*S),
    ),
    row("silu_chain", "mx.sigmoid(a) * a + mx.exp(-a * a)", grad="a", a=N(7, 33)),
    row(
        "mixed_chain",
        "((a * b).astype(mx.float32) + 1).astype(mx.float16) * 2",
        a=N(*S),
        b=N(*S),
        dtypes=REAL,
    ),
]

CASTS = [
    row(f"astype_{target}", f"a.astype(mx.{target})", a=N(*S), dtypes=ALL, elementwise=False)
    for target in ("bool_", *INTS, *FLOATS, "complex64")
] + [
    row("astype_function", "mx.astype(a, mx.float16)", a=N(*S), dtypes=ALL),
    row("view_bytes", "a.view(mx.uint8)", a=N(3, 8), dtypes=ALL, vmap=False),
    row(
        "view_float",
        "mx.view(a, mx.float32)",
        a=P(3, 8),
        dtypes=ALL,
        vmap=False,
        special=False,
        compile=False,
    ),
    row(
        "cast_rounding",
        "(a / 3).astype(mx.float16), (a / 3).astype(mx.bfloat16)",
        a=N(9, 9),
        dtypes=FLOATS,
    ),
]

PROMOTION = [
    row(
        f"promotion_{name}",
        "\n".join(
            [
                "out = {}",
                f"names = {list(('bool_', *INTS, *FLOATS, 'complex64'))}",
                "for x in names:",
                "    for y in names:",
                "        p, q = a.astype(getattr(mx, x)), b.astype(getattr(mx, y))",
                "        try:",
                f"            out[x + ' ' + y] = {text}",
                "        except Exception as e:",
                "            out[x + ' ' + y] = type(e).__name__",
            ]
        ),
        a=P(4),
        b=P(4),
        dtypes=("float32",),
        vmap=False,
        compile=False,
        tolerance=50,  # float16 and bfloat16 operands
    )
    for name, text in [
        ("add", "p + q"),
        ("subtract", "p - q"),
        ("multiply", "p * q"),
        ("divide", "p / q"),
        ("power", "p ** q"),
        ("maximum", "mx.maximum(p, q)"),
        ("where", "mx.where(p > 0, p, q)"),
        ("equal", "p == q"),
        ("bitwise_and", "p & q"),
        ("left_shift", "p << q"),
        ("floor_divide", "p // q"),
        ("remainder", "p % q"),
        ("arctan2", "mx.arctan2(p, q)"),
        ("logaddexp", "mx.logaddexp(p, q)"),
        ("concatenate", "mx.concatenate([p, q])"),
        ("result_type", "str(mx.result_type(p, q))"),
        ("can_cast", "mx.can_cast(p.dtype, q.dtype)"),
    ]
]

SCALARS = [
    row(
        "scalar_promotion",
        "out = {str(s) + op: eval('a ' + op + ' s', {'a': a, 's': s}) "
        "for s in (True, 2, 2.5) for op in '+-*/'}",
        a=N(4),
        dtypes=ALL,
        vmap=False,
        compile=False,
    )
]

CASES = UNARY + ALIASES + BINARY + BROADCAST + OPERATORS + SELECT + CASTS + PROMOTION + SCALARS
