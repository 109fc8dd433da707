"""Convolution layers: parameters always, values where the core has convolutions."""

import itertools
import math

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn


def has_convolutions():
    try:
        mx.eval(mx.conv1d(mx.ones((1, 3, 1)), mx.ones((1, 1, 1))))
    except (RuntimeError, NotImplementedError, ValueError):
        return False
    return True


needs_convolutions = pytest.mark.skipif(
    not has_convolutions(), reason="mlx.core has no convolutions yet"
)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def convolve(x, w, stride, padding, dilation, groups):
    """Correlation over the axes between first and last, in float64."""
    count = x.ndim - 2
    x = np.pad(x.astype(np.float64), [(0, 0), *((p, p) for p in padding), (0, 0)])
    taps = w.shape[1:-1]
    spans = [(k - 1) * d + 1 for k, d in zip(taps, dilation)]
    places = [(n - s) // step + 1 for n, s, step in zip(x.shape[1:-1], spans, stride)]
    out = np.zeros((x.shape[0], *places, w.shape[0]))
    ins, outs = w.shape[-1], w.shape[0] // groups
    for place in itertools.product(*map(range, places)):
        window = tuple(
            slice(p * s, p * s + span, d) for p, s, span, d in zip(place, stride, spans, dilation)
        )
        patch = x[(slice(None), *window)]
        for g in range(groups):
            axes = list(range(1, count + 2))
            part = patch[..., g * ins : (g + 1) * ins]
            kernel = w[g * outs : (g + 1) * outs]
            value = np.tensordot(part, kernel.astype(np.float64), (axes, axes))
            out[(slice(None), *place, slice(g * outs, (g + 1) * outs))] = value
    return out


SHAPES = {1: (2, 9, 4), 2: (2, 6, 7, 4), 3: (1, 5, 4, 6, 4)}


@needs_convolutions
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2}])
def test_values(count, options):
    kind, x = getattr(nn, f"Conv{count}d"), random(*SHAPES[count])
    layer = kind(4, 6, 2, **options)
    layer.bias = mx.array(random(6, seed=3))
    each = [
        [options.get(k, v)] * count for k, v in (("stride", 1), ("padding", 0), ("dilation", 1))
    ]
    expected = convolve(x, np.array(layer.weight), *each, 1) + np.array(layer.bias)
    np.testing.assert_allclose(np.array(layer(mx.array(x))), expected, rtol=1e-4, atol=1e-4)


@needs_convolutions
def test_groups():
    layer, x = nn.Conv2d(4, 6, (3, 2), padding=(1, 0), groups=2, bias=False), random(*SHAPES[2])
    expected = convolve(x, np.array(layer.weight), (1, 1), (1, 0), (1, 1), 2)
    np.testing.assert_allclose(np.array(layer(mx.array(x))), expected, rtol=1e-4, atol=1e-4)


@needs_convolutions
@pytest.mark.parametrize("count", [1, 2, 3])
def test_transposed_is_the_adjoint(count):
    """<conv(x), y> = <x, conv_transpose(y)> with input and output channels swapped."""
    forward = getattr(nn, f"Conv{count}d")(4, 3, 3, stride=2, bias=False)
    backward = getattr(nn, f"ConvTranspose{count}d")(3, 4, 3, stride=2, bias=False)
    backward.weight = forward.weight.moveaxis(0, -1).moveaxis(-2, 0)
    x = mx.array(random(1, *[7] * count, 4))
    y = mx.array(random(*forward(x).shape, seed=1))
    left, right = (forward(x) * y).sum().item(), (x * backward(y)).sum().item()
    assert abs(left - right) < 1e-3 * max(1, abs(left))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_parameters(count):
    mx.random.seed(0)
    for kind in (f"Conv{count}d", f"ConvTranspose{count}d"):
        layer = getattr(nn, kind)(16, 8, 3)
        assert layer.weight.shape == (8, *[3] * count, 16)
        assert layer.bias.tolist() == [0] * 8
        bound = 1 / math.sqrt(16 * 3**count)
        assert 0.9 * bound < mx.abs(layer.weight).max().item() <= bound
        assert "bias" not in getattr(nn, kind)(16, 8, 3, bias=False)


def test_grouped_parameters_and_errors():
    assert nn.Conv2d(4, 6, (3, 2), groups=2).weight.shape == (6, 3, 2, 2)
    for kind in (nn.Conv1d, nn.Conv2d):
        with pytest.raises(ValueError, match="divisible by the number of groups"):
            kind(5, 6, 3, groups=2)


def test_representation():
    assert repr(nn.Conv1d(4, 6, 3, stride=2, groups=2)) == (
        "Conv1d(4, 6, kernel_size=3, stride=2, padding=0, dilation=1, groups=2, bias=True)"
    )
    assert repr(nn.Conv2d(4, 6, (3, 2), bias=False)) == (
        "Conv2d(4, 6, kernel_size=(3, 2), stride=(1, 1), padding=(0, 0), dilation=1, groups=1, "
        "bias=False)"
    )
    assert repr(nn.ConvTranspose3d(4, 6, 3)) == (
        "ConvTranspose3d(4, 6, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=(0, 0, 0), "
        "dilation=1, output_padding=(0, 0, 0), bias=True)"
    )
