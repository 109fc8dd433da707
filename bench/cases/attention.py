"""Scaled dot product attention: a causal prompt, and decoding one token against 4096 keys."""

from bench.case import SIZES, Case, normal

CASES = [
    *[
        Case(
            f"attention 1×32×1024×128 causal {d}",
            {n: normal(1, 32, 1024, 128, dtype=d) for n in ("q", "k", "v")},
            "mx.fast.scaled_dot_product_attention(q, k, v, scale=0.08838834764831845, mask='causal')",
            "F.scaled_dot_product_attention(q, k, v, is_causal=True)",
            read=3 * SIZES[d] * 32 * 1024 * 128,
            flops=2 * 32 * 1024 * 1024 * 128,
            tolerance=1e-3 if d == "float32" else 3e-2,
        )
        for d in ("float32", "float16", "bfloat16")
    ],
    *[
        Case(
            f"attention decode, 4096 keys, 32/8 heads {d}",
            {
                "q": normal(1, 32, 1, 128, dtype=d),
                "k": normal(1, 8, 4096, 128, dtype=d),
                "v": normal(1, 8, 4096, 128, dtype=d),
            },
            "mx.fast.scaled_dot_product_attention(q, k, v, scale=0.08838834764831845)",
            "F.scaled_dot_product_attention(q, k, v, enable_gqa=True)",
            read=2 * SIZES[d] * 8 * 4096 * 128,
            tolerance=1e-3 if d == "float32" else 3e-2,
        )
        for d in ("float32", "float16", "bfloat16")
    ],
    Case(
        "rope 1×32×1024×128 float32",
        {"x": normal(1, 32, 1024, 128)},
        "mx.fast.rope(x, 128, traditional=False, base=10000.0, scale=1.0, offset=0)",
        read=4 * 32 * 1024 * 128,
        written=4 * 32 * 1024 * 128,
    ),
]
