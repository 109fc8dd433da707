"""The shortest proof that an installed or freshly built mlx works; also run under the sanitizers."""

import subprocess
import sys

import numpy as np


def test_arithmetic(mx):
    a = mx.array([1.0, 2.0, 3.0])
    assert (a * 2 + 1).tolist() == [3.0, 5.0, 7.0]
    assert mx.sum(mx.arange(100_000)).item() == 4_999_950_000 % 2**32 - (
        2**32 if 4_999_950_000 % 2**32 >= 2**31 else 0
    )


def test_matmul_and_reduction(mx):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 65, 65)).astype(np.float32)
    np.testing.assert_allclose(np.array(mx.array(x) @ mx.array(y)), x @ y, 1e-4, 1e-4)
    np.testing.assert_allclose(np.array(mx.softmax(mx.array(x), axis=-1)).sum(-1), 1, 1e-5)


def test_gradient(mx):
    gradient = mx.grad(lambda w: mx.sum(mx.square(w)))(mx.array([1.0, -2.0]))
    assert gradient.tolist() == [2.0, -4.0]


def test_indexing(mx):
    a = mx.zeros((4, 4))
    a[1:3, ::2] = 5
    a[mx.array([0, 3])] = 1
    assert a.tolist() == [[1] * 4, [5, 0, 5, 0], [5, 0, 5, 0], [1] * 4]


def test_sort_and_random(mx):
    x = mx.random.normal((1000,), key=mx.random.key(0))
    y = mx.sort(x)
    assert mx.all(y[1:] >= y[:-1]).item()
    assert mx.array_equal(mx.take(x, mx.argsort(x)), y).item()


def test_compile_and_vmap(mx):
    f = lambda x: mx.exp(-x * x).sum()
    x = mx.random.uniform(shape=(8, 33), key=mx.random.key(1))
    assert mx.array_equal(mx.compile(f)(x), f(x)).item()
    assert mx.allclose(mx.vmap(f)(x), mx.stack([f(r) for r in x])).item()


def test_deep_chain(mx):
    """A chain of a hundred thousand ops is built, evaluated and freed without recursion."""
    x = mx.zeros((4,))
    for _ in range(100_000):
        x = x + 1
    assert x.tolist() == [100_000.0] * 4


def test_deep_chain_dropped_unevaluated(mx):
    x = mx.zeros((4,))
    for _ in range(100_000):
        x = x + 1
    del x


def test_training_step(mx):
    import mlx.nn as nn
    import mlx.optimizers as optim

    mx.random.seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = optim.Adam(learning_rate=0.05)
    x = mx.random.normal((64, 4))
    y = mx.sum(x, axis=1, keepdims=True)
    loss_and_grad = nn.value_and_grad(model, lambda m, x, y: mx.mean(mx.square(m(x) - y)))
    first = None
    for _ in range(60):
        loss, gradients = loss_and_grad(model, x, y)
        optimizer.update(model, gradients)
        mx.eval(model.parameters(), optimizer.state)
        first = first or loss.item()
    assert loss.item() < first / 5


def test_import_leaves_threads_and_gpu_alone():
    """Importing the package does no work: a fresh interpreter exits cleanly, also without evaluating."""
    program = "import mlx.core as mx; a = mx.ones((3,)) + 1"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_same_bits_on_any_number_of_threads():
    """Reductions, products and scans split work by shape, never by thread count."""
    program = (
        "import hashlib, numpy as np, mlx.core as mx\n"
        "a = mx.random.normal((700, 900), key=mx.random.key(3))\n"
        "b = mx.random.normal((900, 300), key=mx.random.key(4))\n"
        "q = mx.random.normal((1, 4, 90, 64), key=mx.random.key(5))\n"
        "outs = [mx.sum(a), mx.sum(a, axis=0), mx.sum(a, axis=1), a @ b, mx.softmax(a, axis=-1), mx.cumsum(a),\n"
        "        mx.logsumexp(a), mx.var(a, axis=0), mx.sort(a, axis=0), (a @ b).astype(mx.bfloat16) @ b.T[:, :50],\n"
        "        mx.fast.scaled_dot_product_attention(q, q, q, scale=0.125, mask='causal'),\n"
        "        mx.fast.rms_norm(a, None, 1e-5), mx.erf(a) * mx.exp(-a * a)]\n"
        "h = hashlib.sha256()\n"
        "for o in outs: h.update(np.array(o.astype(mx.float32)).tobytes())\n"
        "print(h.hexdigest())\n"
    )
    import os

    digests = set()
    for threads in ("1", "2", "5"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "MLX_NUM_THREADS": threads},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1
