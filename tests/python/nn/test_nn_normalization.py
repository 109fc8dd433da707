"""Normalization layers."""

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 2 + 1


def close(a, b, tolerance=1e-4):
    np.testing.assert_allclose(np.array(a), b, rtol=tolerance, atol=tolerance)


def normalized(x, axes, eps):
    x = x.astype(np.float64)
    centered = x - x.mean(axis=axes, keepdims=True)
    return centered / np.sqrt(x.var(axis=axes, keepdims=True) + eps)


def with_affine(layer, dims):
    """Give weight and bias values that matter; returns them."""
    weight, bias = random(dims, seed=5), random(dims, seed=6)
    for name, value in (("weight", weight), ("bias", bias)):
        if name in layer:
            layer[name] = mx.array(value)
    return (weight if "weight" in layer else 1.0), (bias if "bias" in layer else 0.0)


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"affine": False}, {"eps": 0.1}])
def test_layer_norm(options):
    layer, x = nn.LayerNorm(6, **options), random(3, 4, 6)
    weight, bias = with_affine(layer, 6)
    close(layer(mx.array(x)), normalized(x, -1, options.get("eps", 1e-5)) * weight + bias)


def test_rms_norm():
    layer, x = nn.RMSNorm(6, eps=0.01), random(3, 4, 6)
    weight, _ = with_affine(layer, 6)
    root = np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + 0.01)
    close(layer(mx.array(x)), x / root * weight)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(3, 5, 8), (2, 3, 4, 8)])
def test_group_norm(shape, affine):
    x = random(*shape)
    for compatible in (False, True):
        layer = nn.GroupNorm(2, 8, affine=affine, pytorch_compatible=compatible)
        weight, bias = with_affine(layer, 8)
        order = (4, 2) if not compatible else (2, 4)
        split = x.reshape(shape[0], -1, *order)
        axes = (1, 2) if not compatible else (1, 3)
        expected = normalized(split, axes, 1e-5).reshape(shape)
        close(layer(mx.array(x)), expected * weight + bias)
    with pytest.raises(ValueError, match="evenly divisible"):
        nn.GroupNorm(3, 8)


@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm(affine):
    for shape in ((3, 5, 8), (2, 3, 4, 8)):
        layer, x = nn.InstanceNorm(8, affine=affine), random(*shape)
        weight, bias = with_affine(layer, 8)
        axes = tuple(range(1, len(shape) - 1))
        close(layer(mx.array(x)), normalized(x, axes, 1e-5) * weight + bias)
    with pytest.raises(ValueError, match="at least 3 dimensions"):
        nn.InstanceNorm(8)(mx.ones((2, 8)))


@pytest.mark.parametrize("shape", [(6, 8), (3, 5, 8), (2, 3, 4, 8)])
def test_batch_norm(shape):
    layer = nn.BatchNorm(8, momentum=0.3)
    weight, bias = with_affine(layer, 8)
    mean, var = np.zeros(8), np.ones(8)
    axes = tuple(range(len(shape) - 1))
    for step in range(3):
        x = random(*shape, seed=step)
        close(layer(mx.array(x)), normalized(x, axes, 1e-5) * weight + bias)
        mean = 0.7 * mean + 0.3 * x.mean(axes)
        var = 0.7 * var + 0.3 * x.var(axes, ddof=1)
    close(layer.running_mean, mean)
    close(layer.running_var, var)
    layer.eval()
    x = random(*shape, seed=9)
    close(layer(mx.array(x)), (x - mean) / np.sqrt(var + 1e-5) * weight + bias)
    close(layer.running_mean, mean)


def test_batch_norm_without_statistics():
    layer, x = nn.BatchNorm(4, affine=False, track_running_stats=False), random(6, 4)
    for _ in range(2):
        close(layer(mx.array(x)), normalized(x, 0, 1e-5))
        layer.eval()
    assert tree_flatten(layer.parameters()) == []


def test_batch_norm_statistics_stay_frozen():
    layer = nn.BatchNorm(4)
    for change in (layer.unfreeze, layer.freeze, lambda: layer.unfreeze(keys=["running_mean"])):
        change()
        trainable = [name for name, _ in tree_flatten(layer.trainable_parameters())]
        assert "running_mean" not in trainable and "running_var" not in trainable
    with pytest.raises(ValueError, match="2, 3 or 4 dimensions"):
        layer(mx.ones((4,)))
