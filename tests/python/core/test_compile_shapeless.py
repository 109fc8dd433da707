"""Shapeless compilation: one trace serves arrays of other shapes, or says that it cannot."""

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn

PAIR = mx.array([[[1.0]], [[2.0]]])

# name -> a function of a matrix whose every shape follows from its input's
FUNCTIONS = {
    "scalars": lambda x: 0.5 * x * (1 + mx.tanh(x + 0.1 * x**3)),
    "sum": lambda x: x.sum(-1) * 2,
    "mean": lambda x: x.mean(-1, keepdims=True) * x,
    "mean all": lambda x: x.mean(),
    "var": lambda x: mx.var(x, axis=0, ddof=1),
    "max": lambda x: x.max(-1),
    "prod": lambda x: mx.prod(x, axis=-1),
    "softmax": lambda x: mx.softmax(x, axis=-1) ** 2,
    "logsumexp": lambda x: mx.logsumexp(x, axis=-1),
    "cumsum": lambda x: mx.cumsum(x, axis=-1) ** 2,
    "sort": lambda x: mx.sort(x, axis=-1) * mx.cumsum(mx.ones_like(x), axis=-1),
    "matmul": lambda x: x.T @ x,
    "batched matmul": lambda x: mx.expand_dims(x, 0) @ (x.T @ x),
    "matmul with a broadcast batch": lambda x: (PAIR[:, None] * x) @ x.T,
    "matmul with a batch on the right": lambda x: x.T @ (PAIR * x),
    "addmm": lambda x: mx.addmm(x.sum(0), x @ x.T, x, alpha=2.0, beta=0.5),
    "addmm of a vector": lambda x: mx.addmm(x.sum(1), x, x.sum(0)),
    "addmm with a batch": lambda x: mx.addmm(x, PAIR * (x @ x.T), x),
    "take_along_axis": lambda x: mx.take_along_axis(x, mx.array([[0]]), axis=-1),
    "rms_norm": lambda x: mx.fast.rms_norm(x, None, 1e-5),
    "layer_norm": lambda x: mx.fast.layer_norm(x, None, None, 1e-5),
    "flatten": lambda x: mx.flatten(x) ** 2,
    "unflatten": lambda x: mx.unflatten(mx.flatten(x), 0, (1, -1)),
    "broadcast": lambda x: x.sum(0) * x,
    "where": lambda x: mx.where(x > 0, x, 2.0),
    "clip": lambda x: mx.clip(x, 0, 2.0),
    "zeros_like": lambda x: mx.zeros_like(x) + x,
    "batch": lambda x: mx.vmap(lambda row: row * 2.0 + 1.0)(x),
}
SHAPES = [(4, 2), (3, 3), (1, 5)]


def sample(shape):
    return mx.array(np.random.default_rng(3).normal(size=shape).astype(np.float32))


def same(a, b):
    np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name):
    function = FUNCTIONS[name]
    compiled = mx.compile(function, shapeless=True)
    for shape in SHAPES if name != "var" else SHAPES[:2]:
        same(compiled(sample(shape)), function(sample(shape)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_inside_a_trace(name):
    gradient = mx.grad(lambda x: (FUNCTIONS[name](x) ** 2).sum())
    compiled = mx.compile(gradient, shapeless=True)
    for shape in SHAPES if name != "var" else SHAPES[:2]:
        same(compiled(sample(shape)), gradient(sample(shape)))


def test_an_element_and_rows_by_index():
    compiled = mx.compile(lambda x, rows: (x[-1] * 2, x[rows]), shapeless=True)
    for n in (4, 2, 7):
        x, rows = sample((n, 3)), mx.array([0, n - 1] * n)
        for out, expected in zip(compiled(x, rows), (x[-1] * 2, x[rows]), strict=True):
            same(out, expected)
    with pytest.raises(ValueError, match="gather"):
        compiled(sample((4, 5)), mx.array([1]))


@pytest.mark.parametrize("transform", ["grad", "jvp", "vmap"])
def test_a_first_call_inside_a_transform_makes_the_same_trace(transform):
    function = FUNCTIONS["scalars"]
    compiled = mx.compile(function, shapeless=True)
    x = sample((50,))
    if transform == "grad":
        mx.eval(mx.grad(lambda a: compiled(a).sum())(x))
    elif transform == "jvp":
        mx.eval(mx.jvp(compiled, [x], [x])[1])
    else:
        mx.eval(mx.vmap(compiled)(x))
    same(compiled(sample((207,))), function(sample((207,))))


def test_vmap_of_a_replayed_trace():
    compiled = mx.compile(lambda x, y: (x * y + 1).sum(-1, keepdims=True) * x, shapeless=True)
    for batch, n in ((3, 4), (5, 7)):
        x, y = sample((batch, n)), sample((batch, 1))
        same(mx.vmap(compiled)(x, y), compiled(x, y))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[1:],
        lambda x: mx.split(x, 2)[0],
        lambda x: mx.as_strided(x, (2,), (1,)),
    ],
)
def test_ops_with_fixed_positions_are_refused(function):
    with pytest.raises(ValueError, match="shapeless"):
        mx.eval(mx.compile(function, shapeless=True)(sample((4,))))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: mx.zeros(x.shape) + x,
        lambda x: x @ mx.ones((4, 2)),
        lambda x: mx.concatenate([x, mx.ones((2, 4))], axis=0),
        lambda x: mx.take_along_axis(x, mx.zeros((2, 4), mx.int32), axis=0),
        lambda x: mx.fast.rms_norm(x, mx.ones((4,)), 1e-5),
        lambda x: x.reshape(2, 8),
        lambda x: mx.partition(x, 3, axis=-1),
        lambda x: nn.losses.cross_entropy(x, mx.zeros((4,), mx.int32)),
        lambda x: mx.squeeze(mx.expand_dims(x, 0), 0) * mx.ones((4, 4)),
    ],
)
def test_shapes_that_do_not_fit_the_trace_raise(function):
    """Nothing reads past the arrays of a replay."""
    compiled = mx.compile(function, shapeless=True)
    mx.eval(compiled(sample((4, 4))))
    with pytest.raises(ValueError):
        mx.eval(compiled(sample((3, 3))))
