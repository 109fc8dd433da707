"""Linear layers, embedding, containers and dropout."""

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(np.array(a), b, rtol=tolerance, atol=tolerance)


def test_identity():
    x = mx.array(random(2, 3))
    assert nn.Identity(1, anything=2)(x) is x


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias):
    layer, x = nn.Linear(5, 3, bias=bias), random(2, 4, 5)
    expected = x @ np.array(layer.weight).T + (np.array(layer.bias) if bias else 0)
    close(layer(mx.array(x)), expected)
    assert ("bias" in layer) == bias


def test_linear_start():
    mx.random.seed(0)
    layer = nn.Linear(400, 300)
    for p in (layer.weight, layer.bias):
        assert mx.abs(p).max().item() <= 0.05
    assert layer.weight.shape == (300, 400)
    assert abs(mx.var(layer.weight).item() - 0.05**2 / 3) < 2e-5


@pytest.mark.parametrize("bias", [True, False])
def test_bilinear(bias):
    layer = nn.Bilinear(4, 3, 2, bias=bias)
    a, b = random(5, 6, 4), random(5, 6, 3, seed=1)
    expected = np.einsum("nmi,oji,nmj->nmo", a, np.array(layer.weight), b)
    expected = expected + (np.array(layer.bias) if bias else 0)
    close(layer(mx.array(a), mx.array(b)), expected)
    assert "input1_dims=4, input2_dims=3, output_dims=2" in repr(layer)


def test_embedding():
    layer = nn.Embedding(7, 4)
    idx = np.array([[0, 6], [3, 3]])
    close(layer(mx.array(idx)), np.array(layer.weight)[idx], 0)
    x = random(2, 4)
    close(layer.as_linear(mx.array(x)), x @ np.array(layer.weight).T)
    grad = nn.value_and_grad(layer, lambda i: layer(i).sum())(mx.array([3, 3]))[1]["weight"]
    assert grad[3].tolist() == [2, 2, 2, 2] and grad.sum().item() == 8


def test_embedding_start():
    mx.random.seed(0)
    weight = nn.Embedding(2000, 25).weight
    assert abs(weight.std().item() - 0.2) < 0.005 and abs(weight.mean().item()) < 0.005


def test_sequential():
    model = nn.Sequential(nn.Linear(2, 3), nn.relu, lambda x: x + 1)
    x = random(4, 2)
    linear = model.layers[0]
    hidden = x @ np.array(linear.weight).T + np.array(linear.bias)
    close(model(mx.array(x)), np.maximum(hidden, 0) + 1)


@pytest.mark.parametrize(
    "kind, shape, dropped_axes",
    [
        (nn.Dropout, (40, 50), ()),
        (nn.Dropout2d, (20, 3, 4, 50), (1, 2)),
        (nn.Dropout2d, (3, 4, 500), (0, 1)),
        (nn.Dropout3d, (20, 2, 3, 4, 50), (1, 2, 3)),
        (nn.Dropout3d, (2, 3, 4, 500), (0, 1, 2)),
    ],
)
def test_dropout(kind, shape, dropped_axes):
    mx.random.seed(1)
    layer, x = kind(0.25), mx.ones(shape)
    y = np.array(layer(x))
    assert np.all((y == 0) | np.isclose(y, 1 / 0.75))
    kept = y.max(axis=dropped_axes) if dropped_axes else y
    if dropped_axes:
        assert np.array_equal(kept, y.min(axis=dropped_axes))
    assert abs((kept == 0).mean() - 0.25) < 0.06
    assert mx.array_equal(layer.eval()(x), x)
    assert mx.array_equal(kind(0.0)(x), x)


def test_dropout_errors():
    for kind in (nn.Dropout, nn.Dropout2d, nn.Dropout3d):
        for p in (1.0, -0.1):
            with pytest.raises(ValueError, match="not in"):
                kind(p)
    with pytest.raises(ValueError, match="3 or 4 dimensions"):
        nn.Dropout2d()(mx.ones((2, 3)))
    with pytest.raises(ValueError, match="4 or 5 dimensions"):
        nn.Dropout3d()(mx.ones((2, 3)))
