"""Affine quantisation: packing, unpacking and products."""

from ..case import HALVES, N, row

F = HALVES + ("float32",)
SETTINGS = [(g, b) for g in (32, 64, 128) for b in (2, 3, 4, 5, 6, 8)]


def settings(name, text, **options):
    return [
        row(f"{name}_g{g}_b{b}", text.format(q=f"group_size={g}, bits={b}"), **options)
        for g, b in SETTINGS
    ]


CASES = [
    *settings("quantize", "mx.quantize(w, {q})", w=N(6, 256), dtypes=("float32",), tolerance=4, vmap=False),
    *settings("dequantize", "mx.dequantize(*mx.quantize(w, {q}), {q})", w=N(6, 256), dtypes=("float32",), tolerance=4),
    *settings("quantized_matmul", "mx.quantized_matmul(x, *mx.quantize(w, {q}), True, {q})", w=N(64, 256), x=N(3, 256), dtypes=("float32",), tolerance=20, vmap=False),
    *settings("quantized_matmul_nt", "mx.quantized_matmul(x, *mx.quantize(w, {q}), False, {q})", w=N(64, 256), x=N(3, 64), dtypes=("float32",), tolerance=20, vmap=False),
    row("quantize_default", "mx.quantize(w)", w=N(4, 128), dtypes=F, vmap=False, tolerance=3),
    row("quantize_batch", "mx.quantize(w, bits=8)", w=N(2, 3, 128), dtypes=F, vmap=False, tolerance=3),
    row("quantize_bad", "mx.quantize(w)", w=N(4, 100), dtypes=("float32",), vmap=False),
    row("quantize_bad_bits", "mx.quantize(w, bits=7)", w=N(4, 128), dtypes=("float32",), vmap=False),
    row("quantize_bad_group", "mx.quantize(w, group_size=48)", w=N(4, 96), dtypes=("float32",), vmap=False),
    row("quantize_bad_dtype", "mx.quantize(w)", w=N(4, 128), dtypes=("int32",), vmap=False),
    row("quantize_bad_mode", "mx.quantize(w, mode='cubic')", w=N(4, 128), dtypes=("float32",), vmap=False),
    row("quantize_vector", "mx.quantize(w)", w=N(128), dtypes=("float32",), vmap=False),
    row("qmv_halves", "mx.quantized_matmul(x, *mx.quantize(w), True)", w=N(64, 256), x=N(1, 256), dtypes=F, tolerance=8, vmap=False),
    # The wheel accumulates 16-bit products in 16 bits.
    row("qmm_halves", "mx.quantized_matmul(x, *mx.quantize(w), True)", w=N(64, 256), x=N(40, 256), dtypes=F, tolerance=50, vmap=False),
    row("qmm_halves_dense", "mx.quantized_matmul(x, *mx.quantize(w), True) - x.astype(mx.float32) @ mx.dequantize(*mx.quantize(w)).astype(mx.float32).T", "np.zeros((40, 64))", w=N(64, 256), x=N(40, 256), dtypes=F, tolerance=30, vmap=False, oracle=False),
    row("qmm_batch", "mx.quantized_matmul(x, *mx.quantize(w), True)", w=N(64, 128), x=N(2, 5, 128), dtypes=F, tolerance=8, vmap=False),
    row("qmm_matches_dense", "mx.quantized_matmul(x, *mx.quantize(w), True) - x @ mx.dequantize(*mx.quantize(w)).T", w=N(64, 128), x=N(5, 128), dtypes=("float32",), tolerance=20, vmap=False),
    row("qmm_grad", "mx.grad(lambda x: mx.quantized_matmul(x, *mx.quantize(w), True).square().sum())(x)", w=N(64, 128), x=N(5, 128), dtypes=("float32",), tolerance=60, vmap=False),
    row("qmm_scale_grad", "mx.grad(lambda s: mx.quantized_matmul(x, mx.quantize(w)[0], s, mx.quantize(w)[2], True).square().sum())(mx.quantize(w)[1])", w=N(64, 128), x=N(5, 128), dtypes=("float32",), tolerance=300, vmap=False),
    row("qmm_bad", "mx.quantized_matmul(x, *mx.quantize(w), True)", w=N(64, 128), x=N(5, 64), dtypes=("float32",), vmap=False),
]  # fmt: skip
