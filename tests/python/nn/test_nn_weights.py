"""Weights in files and lists."""

import pytest

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten


def make(seed):
    mx.random.seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LayerNorm(4))


def same(a, b):
    pairs = zip(tree_flatten(a.parameters()), tree_flatten(b.parameters()))
    return all(x[0] == y[0] and mx.array_equal(x[1], y[1]) for x, y in pairs)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_file_round_trip(tmp_path, suffix):
    path = str(tmp_path / ("weights" + suffix))
    source, target = make(1), make(2)
    assert not same(source, target)
    source.save_weights(path)
    assert target.load_weights(path) is target
    assert same(source, target)


def test_unknown_suffix(tmp_path):
    with pytest.raises(ValueError, match="npz"):
        make(1).save_weights(str(tmp_path / "weights.txt"))


def test_strict_loading():
    layer = nn.Linear(3, 2)
    weight, bias = mx.ones((2, 3)), mx.ones((2,))
    for weights, message in (
        ([("weight", weight)], "Missing 1 parameters"),
        ([("weight", weight), ("bias", bias), ("x", bias)], "Received 1 parameters not in model"),
        ([("weight", mx.ones((3, 2))), ("bias", bias)], r"Expected shape \(2, 3\)"),
        ([("weight", 3), ("bias", bias)], "Expected mx.array"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.load_weights(weights)
    layer.load_weights([("weight", weight), ("bias", bias)])
    assert layer.weight.sum().item() == 6


def test_loose_loading():
    layer = nn.Linear(3, 2)
    layer.load_weights([("weight", mx.zeros((5, 5))), ("x", mx.ones((2,)))], strict=False)
    assert layer.weight.shape == (5, 5) and "x" not in layer
    assert layer.load_weights([], strict=False) is layer
