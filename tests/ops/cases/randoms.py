"""Random numbers: the same key gives the numbers that the released MLX gives."""

from ..case import P, U, row


def draw(name, text, **options):
    return row(f"random_{name}", text, dtypes=("float32",), vmap=False, compile=False, **options)


K = "mx.random.key(7)"

CASES = [
    draw("key", "mx.random.key(0), mx.random.key(12345678901)"),
    draw("split", f"mx.random.split({K}), mx.random.split({K}, 5)"),
    draw("uniform", f"mx.random.uniform(shape=(3, 5), key={K}), mx.random.uniform(key={K})"),
    draw("uniform_range", f"mx.random.uniform(-2, 3, (4, 4), key={K})"),
    draw("uniform_arrays", f"mx.random.uniform(-b, b, (4, 3), key={K})", b=P(3)),
    draw("uniform_dtypes", f"[mx.random.uniform(shape=(7,), dtype=d, key={K}) for d in (mx.float16, mx.bfloat16)]"),
    draw("uniform_odd", f"[mx.random.uniform(shape=(n,), key={K}) for n in (1, 2, 3, 7, 8, 9, 1001)]"),
    draw("normal", f"mx.random.normal((3, 50), key={K})", tolerance=8),
    draw("normal_scale", f"mx.random.normal((3, 5), loc=2.0, scale=0.5, key={K})", tolerance=8),
    draw("normal_dtypes", f"[mx.random.normal((9,), dtype=d, key={K}) for d in (mx.float16, mx.bfloat16)]", tolerance=2),
    draw("normal_complex", f"mx.random.normal((9,), dtype=mx.complex64, key={K})", tolerance=8),
    draw("randint", f"mx.random.randint(0, 10, (20,), key={K}), mx.random.randint(-5, 5, (3, 4), key={K})"),
    draw("randint_dtypes", f"[mx.random.randint(0, 100, (9,), d, key={K}) for d in (mx.int8, mx.uint8, mx.int16, mx.uint32, mx.int64)]"),
    draw("randint_bad", f"mx.random.randint(0, 10, (3,), mx.float32, key={K})"),
    draw("bernoulli", f"mx.random.bernoulli(0.3, (30,), key={K}), mx.random.bernoulli(key={K})"),
    draw("bernoulli_array", f"mx.random.bernoulli(mx.abs(b), key={K})", b=U(20)),
    draw("truncated_normal", f"mx.random.truncated_normal(-1, 2, (20,), key={K})", tolerance=10),
    draw("gumbel", f"mx.random.gumbel((20,), key={K})", tolerance=10),
    draw("categorical", f"mx.random.categorical(b, key={K}), mx.random.categorical(b, axis=0, key={K})", b=P(6, 9)),
    draw("categorical_samples", f"mx.random.categorical(b, num_samples=5, key={K}), mx.random.categorical(b, shape=(4, 6), key={K})", b=P(6, 9)),
    draw("laplace", f"mx.random.laplace((20,), key={K}), mx.random.laplace((5,), loc=1.0, scale=2.0, key={K})", tolerance=20),
    draw("multivariate_normal", f"mx.random.multivariate_normal(b, mx.array([[2.0, 0.5], [0.5, 1.0]]), (4, 3), key={K})", b=P(3, 2), tolerance=20),
    draw("permutation", f"mx.random.permutation(10, key={K}), mx.random.permutation(b, key={K}), mx.random.permutation(b, axis=1, key={K})", b=P(6, 5)),
    draw("seeded", "mx.random.seed(3); out = mx.random.uniform(shape=(3,)), mx.random.normal((2, 2)), mx.random.randint(0, 9, (4,)), mx.random.bernoulli(0.5, (3,))", tolerance=8),
    draw("seeded_twice", "mx.random.seed(3); x = mx.random.uniform(shape=(3,)); mx.random.seed(3); out = x, mx.random.uniform(shape=(3,))"),
    draw("state", "mx.random.seed(9); out = mx.random.state[0]"),
    draw("vmap_keys", f"mx.vmap(lambda k: mx.random.uniform(shape=(3,), key=k))(mx.random.split({K}, 4))"),
    draw("uniform_empty", f"mx.random.uniform(shape=(0, 3), key={K}), mx.random.normal((2, 0), key={K})"),
    draw("uniform_large", f"mx.random.uniform(shape=(300, 301), key={K})[::50, ::60]"),
    draw("bad_key", "mx.random.uniform(shape=(3,), key=mx.array([1, 2, 3], mx.uint32))"),
    draw("bad_key_dtype", "mx.random.uniform(shape=(3,), key=mx.array([1.0, 2.0]))"),
    draw("bad_dtype", f"mx.random.uniform(shape=(3,), dtype=mx.int32, key={K})"),
]  # fmt: skip
