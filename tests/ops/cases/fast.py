"""Fused ops of mx.fast: norms, rotary embedding, attention, cross entropy."""

from ..case import FLOATS, HALVES, B, I, N, P, row

F = HALVES + ("float32",)
SDPA = "mx.fast.scaled_dot_product_attention"

# softmax(q k^T / sqrt(d)) v in NumPy, with shared key heads repeated.
NP_ATTENTION = "(lambda q, k, v, m: sp.softmax(q @ np.swapaxes(k, -1, -2) * 0.25 + m, axis=-1) @ v)"
REPEAT = "np.repeat(k, 2, axis=1), np.repeat(v, 2, axis=1)"

CASES = [
    row("rms_norm", "mx.fast.rms_norm(x, w, 1e-5)", "x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-5) * w", grad="xw", x=N(3, 5, 64), w=P(64), dtypes=F, tolerance=4),
    row("rms_norm_no_weight", "mx.fast.rms_norm(x, None, 1e-5)", "x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-5)", grad="x", x=N(3, 65), dtypes=F, tolerance=4),
    row("rms_norm_long", "mx.fast.rms_norm(x, w, 1e-5)", "x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-5) * w", x=N(3, 4097), w=P(4097), dtypes=F, tolerance=4),
    row("rms_norm_bad", "mx.fast.rms_norm(x, w, 1e-5)", x=N(3, 8), w=P(7), dtypes=("float32",), vmap=False),
    row("layer_norm", "mx.fast.layer_norm(x, w, b, 1e-5)", "(x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w + b", grad="xwb", x=N(3, 5, 64), w=P(64), b=N(64), dtypes=F, tolerance=6),
    row("layer_norm_plain", "mx.fast.layer_norm(x, None, None, 1e-5)", "(x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)", grad="x", x=N(4, 33), dtypes=F, tolerance=6),
    row("layer_norm_weight", "mx.fast.layer_norm(x, w, None, 1e-5)", x=N(4, 33), w=P(33), dtypes=F, tolerance=6),
    row("layer_norm_bad", "mx.fast.layer_norm(x, w, w, 1e-5)", x=N(3, 8), w=P(7), dtypes=("float32",), vmap=False),
    *[
        row(f"rope_{name}", f"mx.fast.rope(x, {dims}, traditional={traditional}, base={base}, scale={scale}, offset={offset})", x=N(2, 4, 6, 16), dtypes=F, tolerance=6, grad="x")
        for name, dims, traditional, base, scale, offset in [
            ("half", 16, False, 10000.0, 1.0, 0),
            ("traditional", 16, True, 10000.0, 1.0, 0),
            ("offset", 16, False, 10000.0, 1.0, 37),
            ("partial", 8, False, 500.0, 1.0, 3),
            ("partial_traditional", 8, True, 10000.0, 0.5, 3),
            ("scaled", 16, False, 1000.0, 0.25, 5),
        ]
    ],
    row("rope_freqs", "mx.fast.rope(x, 16, traditional=False, base=None, scale=1.0, offset=2, freqs=f)", x=N(2, 4, 6, 16), f=P(8, dtype="float32"), dtypes=F, tolerance=6),
    row("rope_array_offset", "mx.fast.rope(x, 16, traditional=False, base=10000.0, scale=1.0, offset=o)", x=N(2, 4, 6, 16), o=I(9, 2), dtypes=F, tolerance=6, vmap=False),
    row("rope_one_token", "mx.fast.rope(x, 16, traditional=False, base=10000.0, scale=1.0, offset=11)", x=N(1, 4, 1, 16), dtypes=F, tolerance=6),
    row("rope_bad", "mx.fast.rope(x, 16, traditional=False, base=None, scale=1.0, offset=0)", x=N(2, 4, 6, 16), dtypes=("float32",), vmap=False),
    row("attention", f"{SDPA}(q, k, v, scale=0.25)", f"{NP_ATTENTION}(q, k, v, 0)", grad="qkv", q=N(2, 4, 7, 16), k=N(2, 4, 9, 16), v=N(2, 4, 9, 16), dtypes=F, tolerance=6),
    row("attention_causal", f"{SDPA}(q, k, v, scale=0.25, mask='causal')", f"{NP_ATTENTION}(q, k, v, np.where(np.tri(9, 9, dtype=bool), 0, -np.inf))", grad="qkv", q=N(1, 2, 9, 16), k=N(1, 2, 9, 16), v=N(1, 2, 9, 16), dtypes=F, tolerance=6),
    row("attention_causal_longer_keys", f"{SDPA}(q, k, v, scale=0.25, mask='causal')", f"{NP_ATTENTION}(q, k, v, np.where(np.tri(5, 9, 4, dtype=bool), 0, -np.inf))", q=N(1, 2, 5, 16), k=N(1, 2, 9, 16), v=N(1, 2, 9, 16), dtypes=F, tolerance=6),
    row("attention_grouped", f"{SDPA}(q, k, v, scale=0.25)", f"{NP_ATTENTION}(q, {REPEAT}, 0)", q=N(2, 4, 7, 16), k=N(2, 2, 9, 16), v=N(2, 2, 9, 16), dtypes=F, tolerance=6),
    row("attention_decode", f"{SDPA}(q, k, v, scale=0.25)", f"{NP_ATTENTION}(q, {REPEAT}, 0)", q=N(2, 4, 1, 16), k=N(2, 2, 300, 16), v=N(2, 2, 300, 16), dtypes=F, tolerance=6),
    row("attention_bool_mask", f"{SDPA}(q, k, v, scale=0.25, mask=m)", f"{NP_ATTENTION}(q, k, v, np.where(m, 0, -1e30))", q=N(2, 4, 7, 16), k=N(2, 4, 9, 16), v=N(2, 4, 9, 16), m=B(7, 9), dtypes=("float32",), tolerance=6),
    row("attention_additive_mask", f"{SDPA}(q, k, v, scale=0.25, mask=m)", f"{NP_ATTENTION}(q, k, v, m)", grad="qkv", q=N(2, 4, 7, 16), k=N(2, 4, 9, 16), v=N(2, 4, 9, 16), m=N(2, 1, 7, 9), dtypes=F, tolerance=6),
    row("attention_value_width", f"{SDPA}(q, k, v, scale=0.25)", f"{NP_ATTENTION}(q, k, v, 0)", q=N(2, 4, 7, 16), k=N(2, 4, 9, 16), v=N(2, 4, 9, 24), dtypes=F, tolerance=6),
    row("attention_sinks", f"{SDPA}(q, k, v, scale=0.25, sinks=s)", q=N(2, 4, 7, 16), k=N(2, 4, 9, 16), v=N(2, 4, 9, 16), s=N(4), dtypes=F, tolerance=6),
    row("attention_long", f"{SDPA}(q, k, v, scale=0.25, mask='causal')", f"{NP_ATTENTION}(q, k, v, np.where(np.tri(150, 150, dtype=bool), 0, -np.inf))", q=N(1, 2, 150, 64), k=N(1, 2, 150, 64), v=N(1, 2, 150, 64), dtypes=F, tolerance=8, special=False),
    row("attention_transposed", f"{SDPA}(q.transpose(0, 2, 1, 3), k.transpose(0, 2, 1, 3), v.transpose(0, 2, 1, 3), scale=0.25)", q=N(2, 7, 4, 16), k=N(2, 9, 2, 16), v=N(2, 9, 2, 16), dtypes=F, tolerance=6),
    row("attention_bad_mask", f"{SDPA}(q, k, v, scale=0.25, mask='diagonal')", q=N(1, 2, 5, 16), k=N(1, 2, 9, 16), v=N(1, 2, 9, 16), dtypes=("float32",), vmap=False),
    row("attention_bad_shape", f"{SDPA}(q, k, v, scale=0.25)", q=N(1, 2, 5, 16), k=N(1, 2, 9, 8), v=N(1, 2, 9, 16), dtypes=("float32",), vmap=False),
    row("attention_bad_heads", f"{SDPA}(q, k, v, scale=0.25)", q=N(1, 3, 5, 16), k=N(1, 2, 9, 16), v=N(1, 2, 9, 16), dtypes=("float32",), vmap=False),
    row("attention_bad_rank", f"{SDPA}(q, k, v, scale=0.25)", q=N(2, 5, 16), k=N(2, 9, 16), v=N(2, 9, 16), dtypes=("float32",), vmap=False),
    row("cross_entropy", "mx.fast.cross_entropy(x, t)", "sp.logsumexp(x, axis=-1) - np.take_along_axis(x, t[:, None].astype(int), 1)[:, 0]", grad="x", x=N(6, 50), t=I(50, 6), dtypes=("float32",), tolerance=4),
    # The wheel rounds the loss to 16 bits on the way.
    row("cross_entropy_halves", "mx.fast.cross_entropy(x, t)", "sp.logsumexp(x, axis=-1) - np.take_along_axis(x, t[:, None].astype(int), 1)[:, 0]", x=N(6, 50), t=I(50, 6), dtypes=HALVES, tolerance=4, oracle=False),
    row("float64_norm", "mx.fast.rms_norm(x, w, 1e-5)", x=N(3, 64), w=P(64), dtypes=FLOATS[-1:], vmap=False),
]  # fmt: skip
