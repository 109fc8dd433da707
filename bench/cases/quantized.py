"""Affine-quantised products: one row (decoding) and 512 rows (a prompt), 4096 × 4096 weights."""

from bench.case import SIZES, Case, normal

N = 4096


def product(rows, bits, dtype):
    weights = N * N * bits // 8 + 2 * SIZES[dtype] * N * N // 64
    return Case(
        f"quantized_matmul {rows} × 4096², {bits}-bit, {dtype}",
        {"w": normal(N, N, dtype=dtype), "x": normal(rows, N, dtype=dtype)},
        f"mx.quantized_matmul(x, q, s, b, transpose=True, group_size=64, bits={bits})",
        setup_mlx=f"q, s, b = mx.quantize(w, group_size=64, bits={bits}); mx.eval(q, s, b)",
        read=weights + SIZES[dtype] * rows * N,
        flops=2 * rows * N * N if rows > 8 else 0,
        tolerance=3e-2,
    )


CASES = [
    *[product(1, bits, d) for bits in (4, 8) for d in ("float32", "float16", "bfloat16")],
    *[product(512, bits, d) for bits in (4, 8) for d in ("float32", "bfloat16")],
    Case(
        "quantize 4096², 4-bit",
        {"w": normal(N, N)},
        "mx.quantize(w, group_size=64, bits=4)",
        read=4 * N * N,
        written=N * N // 2 + N * N // 8,
        tolerance=None,
    ),
    Case(
        "dequantize 4096², 4-bit",
        {"w": normal(N, N)},
        "mx.dequantize(q, s, b, group_size=64, bits=4)",
        setup_mlx="q, s, b = mx.quantize(w, group_size=64, bits=4); mx.eval(q, s, b)",
        read=N * N // 2 + N * N // 8,
        written=4 * N * N,
    ),
]
