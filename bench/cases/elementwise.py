"""Element-wise work over 16M elements: arithmetic, transcendental functions, casts, composed GELU."""

from bench.case import SIZES, Case, normal, uniform

N = 1 << 24


def unary(
    name,
    mlx,
    torch,
    torch_out=None,
    numpy=None,
    dtype="float32",
    passes=2,
    tolerance=1e-3,
    kind=normal,
):
    size = SIZES[dtype] * N
    return Case(
        f"{name} 16M {dtype}",
        {"x": kind(N, dtype=dtype)},
        mlx,
        torch,
        torch_out,
        numpy if dtype in ("float32", "float64") else None,
        read=size,
        written=(passes - 1) * size,
        tolerance=tolerance if dtype == "float32" else 2e-2,
    )


def binary(name, dtype="float32", torch=None, inputs=(normal, uniform)):
    size = SIZES[dtype] * N
    torch = torch or name
    has_numpy = dtype in ("float32", "float64")
    return Case(
        f"{name} 16M {dtype}",
        {"x": inputs[0](N, dtype=dtype), "y": inputs[1](N, dtype=dtype)},
        f"mx.{name}(x, y)",
        f"torch.{torch}(x, y)",
        f"torch.{torch}(x, y, out=out)",
        f"np.{name}(x, y)" if has_numpy else None,
        f"np.{name}(x, y, out=out)" if has_numpy else None,
        read=2 * size,
        written=size,
        tolerance=2e-2,
    )


GELU_MLX = "x * 0.5 * (1 + mx.erf(x * 0.7071067811865476))"
GELU_TORCH = "x * 0.5 * (1 + torch.erf(x * 0.7071067811865476))"

CASES = [
    *[binary("add", d) for d in ("float32", "float16", "bfloat16")],
    binary("multiply", "float32"),
    *[
        unary("x*2+1", "x * 2 + 1", "x * 2 + 1", None, "x * 2 + 1", dtype=d)
        for d in ("float32", "float16", "bfloat16")
    ],
    *[
        unary(
            f,
            f"mx.{f}(x)",
            f"torch.{f}(x)",
            f"torch.{f}(x, out=out)",
            f"np.{f}(x)" if f != "erf" else None,
        )
        for f in ("exp", "tanh", "sin", "erf")
    ],
    *[
        unary(f, f"mx.{f}(x)", f"torch.{f}(x)", f"torch.{f}(x, out=out)", dtype=d)
        for d in ("float16", "bfloat16")
        for f in ("exp", "tanh", "sin", "erf")
    ],
    *[
        unary(
            f,
            f"mx.{f}(x)",
            f"torch.{f}(x)",
            f"torch.{f}(x, out=out)",
            f"np.{f}(x)" if f != "erf" else None,
            dtype="float64",
            kind=uniform,
        )
        for f in ("exp", "log", "sin", "tanh", "erf")
    ],
    *[binary("power", d, torch="pow", inputs=(uniform, normal)) for d in ("float32", "float64")],
    *[
        unary(
            "gelu (erf, composed)",
            GELU_MLX,
            GELU_TORCH,
            "torch.ops.aten.gelu.out(x, out=out)",
            dtype=d,
        )
        for d in ("float32", "float16", "bfloat16")
    ],
    Case(
        "cast 16M float32 to float16",
        {"x": normal(N)},
        "x.astype(mx.float16)",
        "x.to(torch.float16)",
        "out.copy_(x)",
        "x.astype(np.float16)",
        read=4 * N,
        written=2 * N,
    ),
    Case(
        "cast 16M float32 to bfloat16",
        {"x": normal(N)},
        "x.astype(mx.bfloat16)",
        "x.to(torch.bfloat16)",
        "out.copy_(x)",
        read=4 * N,
        written=2 * N,
        tolerance=1e-2,
    ),
    Case(
        "cast 16M float16 to float32",
        {"x": normal(N, dtype="float16")},
        "x.astype(mx.float32)",
        "x.to(torch.float32)",
        "out.copy_(x)",
        read=2 * N,
        written=4 * N,
    ),
    Case(
        "where 16M float32",
        {"x": normal(N), "y": normal(N)},
        "mx.where(x > 0, x, y)",
        "torch.where(x > 0, x, y)",
        None,
        "np.where(x > 0, x, y)",
        read=8 * N,
        written=4 * N,
    ),
]
