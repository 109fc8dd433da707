"""Activations against NumPy formulas."""

import math

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn

X = np.concatenate(
    [np.random.default_rng(0).standard_normal(200) * 3, [0.0, 0.5, -0.5, 1, -1, 6, -3]]
).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


erf = np.vectorize(math.erf)

CASES = {
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "relu2": lambda x: np.maximum(x, 0) ** 2,
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507 * np.where(x > 0, x, 1.67326 * np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softshrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "silu": lambda x: x * sigmoid(x),
    "log_sigmoid": lambda x: -np.logaddexp(-x, 0),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "gelu_approx": lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    "gelu_fast_approx": lambda x: x * sigmoid(1.702 * x),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "tanh": np.tanh,
    "step": lambda x: (x >= 0).astype(np.int32),
    "softmax": softmax,
    "softmin": lambda x: softmax(-x),
    "log_softmax": lambda x: np.log(softmax(x)),
}

LAYERS = {
    "Sigmoid": "sigmoid",
    "ReLU": "relu",
    "ReLU2": "relu2",
    "ReLU6": "relu6",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "SELU": "selu",
    "CELU": "celu",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Softshrink": "softshrink",
    "HardShrink": "hard_shrink",
    "HardTanh": "hard_tanh",
    "Hardswish": "hardswish",
    "SiLU": "silu",
    "LogSigmoid": "log_sigmoid",
    "GELU": "gelu",
    "Mish": "mish",
    "Tanh": "tanh",
    "Step": "step",
    "Softmax": "softmax",
    "Softmin": "softmin",
    "LogSoftmax": "log_softmax",
}


def close(a, b, tolerance=2e-6):
    np.testing.assert_allclose(np.array(a), b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_function(name):
    function, expected = getattr(nn, name), CASES[name](X.astype(np.float64))
    close(function(mx.array(X)), expected)
    shaped = function(mx.array(X[:200].reshape(4, 50)))
    close(shaped, CASES[name](X[:200].reshape(4, 50).astype(np.float64)))


@pytest.mark.parametrize("name", CASES)
def test_half_precision_stays(name):
    y = getattr(nn, name)(mx.array(X).astype(mx.float16))
    assert y.dtype == (mx.int32 if name == "step" else mx.float16)


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    layer = getattr(nn, name)()
    assert mx.array_equal(layer(mx.array(X)), getattr(nn, LAYERS[name])(mx.array(X)))
    assert repr(layer) == f"{name}()"


SMOOTH = ["sigmoid", "silu", "gelu", "gelu_approx", "mish", "softplus", "tanh", "softmax"]


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient(name):
    x = X[:50].astype(np.float64)
    weights = np.cos(np.arange(50))
    grad = mx.grad(lambda v: (getattr(nn, name)(v) * mx.array(weights, mx.float32)).sum())
    numeric = np.empty(50)
    for i in range(50):
        step = np.zeros(50)
        step[i] = 1e-5
        difference = CASES[name](x + step) - CASES[name](x - step)
        numeric[i] = (difference * weights).sum() / 2e-5
    close(grad(mx.array(x, mx.float32)), numeric, 2e-4)


def test_parameters_of_functions():
    x = mx.array(X)
    x64 = X.astype(np.float64)
    close(nn.leaky_relu(x, 0.3), np.where(X > 0, X, 0.3 * X))
    close(nn.elu(x, 2.0), np.where(x64 > 0, x64, 2 * np.expm1(x64)))
    close(nn.celu(x, 2.0), np.where(x64 > 0, x64, 2 * np.expm1(x64 / 2)))
    close(nn.softshrink(x, 0.2), np.sign(X) * np.maximum(np.abs(X) - 0.2, 0))
    close(nn.hard_shrink(x, 0.2), np.where(np.abs(X) > 0.2, X, 0))
    close(nn.hard_tanh(x, -2, 3), np.clip(X, -2, 3))
    assert mx.array_equal(nn.step(x, 0.5), x >= 0.5)
    close(nn.prelu(x, mx.array([0.3])), np.where(X > 0, X, 0.3 * X))
    table = X[:200].reshape(4, 50)
    close(nn.softmax(mx.array(table), axis=0), softmax(table.T.astype(np.float64)).T)


def test_layers_with_parameters():
    x = mx.array(X)
    assert mx.array_equal(nn.LeakyReLU(0.3)(x), nn.leaky_relu(x, 0.3))
    assert mx.array_equal(nn.ELU(2.0)(x), nn.elu(x, 2.0))
    assert mx.array_equal(nn.CELU(2.0)(x), nn.celu(x, 2.0))
    assert mx.array_equal(nn.Softshrink(0.2)(x), nn.softshrink(x, 0.2))
    assert mx.array_equal(nn.HardShrink(0.2)(x), nn.hard_shrink(x, 0.2))
    assert mx.array_equal(nn.Step(0.5)(x), nn.step(x, 0.5))
    prelu = nn.PReLU(3, init=0.1)
    assert prelu.weight.shape == (3,) and prelu(mx.array([-1.0, 0, 2])).tolist()[2] == 2


def test_gelu_variants():
    x = mx.array(X)
    for approx, function in (
        ("none", nn.gelu),
        ("tanh", nn.gelu_approx),
        ("precise", nn.gelu_approx),
        ("fast", nn.gelu_fast_approx),
    ):
        assert mx.array_equal(nn.GELU(approx)(x), function(x))
    with pytest.raises(ValueError, match="approximation"):
        nn.GELU("other")
    assert mx.abs(nn.gelu(x) - nn.gelu_approx(x)).max().item() < 0.0005
    assert mx.abs(nn.gelu(x) - nn.gelu_fast_approx(x)).max().item() < 0.021


def test_glu():
    x = X[:48].reshape(4, 12).astype(np.float64)
    close(nn.glu(mx.array(x, mx.float32)), x[:, :6] * sigmoid(x[:, 6:]))
    close(nn.GLU(axis=0)(mx.array(x, mx.float32)), x[:2] * sigmoid(x[2:]))


def test_extremes_are_finite():
    x = mx.array([-200.0, 200.0])
    for name in ("softplus", "log_sigmoid", "silu", "mish", "gelu", "gelu_approx", "elu", "selu"):
        function = getattr(nn, name)
        assert mx.all(mx.isfinite(function(x))).item(), name
        grad = mx.grad(lambda v, function=function: function(v).sum())(x)
        assert mx.all(mx.isfinite(grad)).item(), name
