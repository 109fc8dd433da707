"""Quantized layers and the conversion of models."""

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten


def random(*shape, seed=0):
    return mx.array(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def names(tree):
    return {name for name, _ in tree_flatten(tree)}


def dequantized(layer):
    return mx.dequantize(
        layer.weight,
        scales=layer.scales,
        biases=layer.get("biases"),
        group_size=layer.group_size,
        bits=layer.bits,
        mode=layer.mode,
    )


def close(a, b, tolerance=1e-4):
    np.testing.assert_allclose(np.array(a), np.array(b), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("bits, group_size", [(2, 32), (3, 64), (4, 64), (6, 128), (8, 32)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(bits, group_size, bias):
    source, x = nn.Linear(128, 16, bias=bias), random(3, 128)
    layer = source.to_quantized(group_size, bits)
    expected = x @ dequantized(layer).T
    close(layer(x), expected + source.bias if bias else expected)
    steps = mx.abs(dequantized(layer) - source.weight) / mx.repeat(layer.scales, group_size, 1)
    assert mx.abs(steps).max().item() < 1.01
    assert repr(layer) == (
        f"QuantizedLinear(input_dims=128, output_dims=16, bias={bias}, "
        f"group_size={group_size}, bits={bits}, mode=affine)"
    )


def needs(mode):
    """Skip where the core does not have this quantization mode."""
    try:
        mx.eval(mx.quantize(mx.ones((32, 64)), mode=mode))
    except (RuntimeError, NotImplementedError) as error:
        if "not implemented" not in str(error):
            raise
        pytest.skip(f"mlx.core has no quantization mode {mode} yet")


@pytest.mark.parametrize(
    "mode, group_size, bits",
    [("affine", 64, 4), ("mxfp4", 32, 4), ("nvfp4", 16, 4), ("mxfp8", 32, 8)],
)
def test_modes(mode, group_size, bits):
    needs(mode)
    layer, x = nn.QuantizedLinear(64, 32, mode=mode), random(3, 64)
    assert (layer.group_size, layer.bits, layer.mode) == (group_size, bits, mode)
    assert ("biases" in layer) == (mode == "affine")
    close(layer(x), x @ dequantized(layer).T)
    with pytest.raises(ValueError, match="Valid modes are"):
        nn.QuantizedLinear(64, 64, mode="other")


def test_parameters_are_frozen():
    layer = nn.QuantizedLinear(64, 32)
    assert layer.trainable_parameters() == {} and "bias" in layer
    assert nn.QuantizedEmbedding(8, 64).trainable_parameters() == {}
    converted = nn.Linear(64, 32).to_quantized()
    assert names(converted.trainable_parameters()) == {"bias"}


def test_embedding():
    source = nn.Embedding(9, 64)
    layer, idx = source.to_quantized(32, 8), mx.array([[1, 8], [3, 3]])
    close(layer(idx), dequantized(layer)[idx])
    close(layer(idx), source(idx), 0.05)
    x = random(2, 64)
    close(layer.as_linear(x), x @ dequantized(layer).T)
    assert repr(layer) == "QuantizedEmbedding(9, 64, group_size=32, bits=8, mode=affine)"
    with pytest.raises(ValueError, match="Quantized input"):
        source.to_quantized(quantize_input=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(64, 64)
        self.layers = [nn.Linear(64, 64), nn.LayerNorm(64)]
        self.head = nn.Linear(64, 3)

    def __call__(self, x):
        return self.head(self.layers[1](self.layers[0](self.embedding(x))))


def test_quantize_model():
    model, idx = Model(), mx.array([0, 5, 63])
    before = model(idx)
    nn.quantize(model, 32, 8)
    assert isinstance(model.embedding, nn.QuantizedEmbedding)
    assert isinstance(model.layers[0], nn.QuantizedLinear)
    assert isinstance(model.layers[1], nn.LayerNorm)
    assert model.head.bits == 8 and model.head.group_size == 32
    close(model(idx), before, 0.05)


def test_quantize_chooses():
    model = Model()
    choose = lambda path, m: {"bits": 2} if path == "layers.0" else path == "head"  # noqa: E731
    nn.quantize(model, class_predicate=choose)
    assert isinstance(model.embedding, nn.Embedding)
    assert model.layers[0].bits == 2 and model.head.bits == 4
    with pytest.raises(ValueError, match="Unable to quantize model of type"):
        nn.quantize(Model(), class_predicate=lambda path, m: True)
    with pytest.raises(ValueError, match="bool or a dict"):
        nn.quantize(Model(), class_predicate=lambda path, m: 3 if path == "head" else False)


def test_weights_in_files(tmp_path):
    path = str(tmp_path / "model.safetensors")
    model, other = Model(), Model()
    nn.quantize(model)
    model.save_weights(path)
    nn.quantize(other)
    other.load_weights(path)
    idx = mx.array([1, 2])
    assert mx.array_equal(model(idx), other(idx))


def test_gradient_passes_through():
    """The layers before a quantized one can be trained."""
    model = nn.Sequential(nn.Linear(64, 64), nn.QuantizedLinear(64, 8))
    x = random(3, 64)
    _, grads = nn.value_and_grad(model, lambda: model(x).sum())()
    expected = mx.ones((3, 8)) @ dequantized(model.layers[1])
    close(grads["layers"][0]["bias"], expected.sum(0), 1e-3)


def test_quantized_input_layer():
    source = nn.Linear(64, 32, bias=False)
    layer = nn.QQLinear.from_linear(source)
    assert mx.array_equal(layer.weight, source.weight)
    assert names(layer.trainable_parameters()) == {"weight"}
    needs("nvfp4")
    layer.eval()
    assert layer.weight.dtype == mx.uint32 and "scales" in layer
    assert (
        repr(layer) == "QQLinear(input_dims=64, output_dims=32, group_size=16, bits=4, mode=nvfp4)"
    )
    layer.train()
    assert layer.weight.shape == (32, 64) and "scales" not in layer
    assert isinstance(source.to_quantized(mode="nvfp4", quantize_input=True), nn.QQLinear)
    with pytest.raises(NotImplementedError, match="bias"):
        nn.QQLinear.from_linear(nn.Linear(64, 32))
    with pytest.raises(ValueError, match="only supported for"):
        source.to_quantized(quantize_input=True)
