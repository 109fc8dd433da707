"""Position encodings and attention."""

import math

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(np.array(a), b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("dims, base, scale, offset", [(8, 10000, 1.0, 0), (6, 500, 0.5, 3)])
def test_rope(traditional, dims, base, scale, offset):
    x = random(2, 3, 5, 8)
    layer = nn.RoPE(dims, traditional=traditional, base=base, scale=scale)
    half = dims // 2
    positions = (np.arange(5) + offset) * scale
    angles = positions[:, None] * base ** (-np.arange(half) / half)
    cos, sin = np.cos(angles), np.sin(angles)
    expected = x.astype(np.float64)
    if traditional:
        first, second = slice(0, dims, 2), slice(1, dims, 2)
    else:
        first, second = slice(0, half), slice(half, dims)
    a, b = x[..., first], x[..., second]
    expected[..., first], expected[..., second] = a * cos - b * sin, a * sin + b * cos
    close(layer(mx.array(x), offset=offset), expected)
    assert repr(layer) == f"RoPE({dims}, traditional={traditional})"


def test_sinusoidal():
    positions = random(3, 4)
    layer = nn.SinusoidalPositionalEncoding(8, min_freq=0.01, max_freq=2.0)
    angles = positions[..., None].astype(np.float64) * np.geomspace(2.0, 0.01, 4)
    expected = np.concatenate([np.sin(angles), np.cos(angles)], -1) * math.sqrt(2 / 8)
    close(layer(mx.array(positions)), expected)
    assert layer.parameters() == {}
    turns = nn.SinusoidalPositionalEncoding(8, 0.01, 2.0, 3.0, cos_first=True, full_turns=True)
    angles = angles * 2 * np.pi
    expected = np.concatenate([np.cos(angles), np.sin(angles)], -1) * 3
    close(turns(mx.array(positions)), expected)
    for dims in (7, 0):
        with pytest.raises(ValueError, match="positive and even"):
            nn.SinusoidalPositionalEncoding(dims)


def test_alibi():
    slopes = nn.ALiBi.create_alibi_slope(6)
    assert slopes.shape == (6, 1, 1)
    close(slopes.reshape(-1), [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8, 2.0**-1, 2.0**-3])
    scores, mask = random(2, 4, 3, 5), random(3, 5, seed=1)
    slope = 2.0 ** -np.array([2, 4, 6, 8])
    distance = np.abs((np.arange(3) + 2)[:, None] - np.arange(5))
    expected = scores - slope[:, None, None] * distance + mask
    close(nn.ALiBi()(mx.array(scores), offset=2, mask=mx.array(mask)), expected)
    half = nn.ALiBi()(mx.array(scores).astype(mx.float16))
    assert half.dtype == mx.float16


def attention(q, k, v, heads, mask=None):
    """Attention of (N, L, D) arrays in float64."""

    def split(x):
        n, length, _ = x.shape
        return x.astype(np.float64).reshape(n, length, heads, -1).transpose(0, 2, 1, 3)

    q, k, v = split(q), split(k), split(v)
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    scores = scores if mask is None else scores + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    out = (weights @ v).transpose(0, 2, 1, 3)
    return out.reshape(*out.shape[:2], -1)


def linear(layer, x):
    y = x @ np.array(layer.weight).T.astype(np.float64)
    return y + np.array(layer.bias) if "bias" in layer else y


@pytest.mark.parametrize("bias", [False, True])
def test_multi_head_attention(bias):
    layer = nn.MultiHeadAttention(12, 3, 6, 4, 5, 9, 7, bias=bias)
    q, k, v = random(2, 5, 6), random(2, 4, 4, seed=1), random(2, 4, 5, seed=2)
    mask = random(5, 4, seed=3)
    inner = attention(
        linear(layer.query_proj, q),
        linear(layer.key_proj, k),
        linear(layer.value_proj, v),
        3,
        mask,
    )
    out = layer(mx.array(q), mx.array(k), mx.array(v), mask=mx.array(mask))
    close(out, linear(layer.out_proj, inner), 1e-4)
    with pytest.raises(ValueError, match="divisible by the number of heads"):
        nn.MultiHeadAttention(7, 2)


def test_causal_mask():
    mask = np.array(nn.MultiHeadAttention.create_additive_causal_mask(4))
    assert np.all(np.tril(mask) == 0)
    assert np.all(mask[np.triu_indices(4, 1)] == np.finfo(np.float32).min)
    half = nn.MultiHeadAttention.create_additive_causal_mask(3, mx.float16)
    assert half.dtype == mx.float16 and half[0, 1].item() == -65504


def layer_norm(layer, x):
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def attend(layer, q, kv, mask):
    inner = attention(
        linear(layer.query_proj, q),
        linear(layer.key_proj, kv),
        linear(layer.value_proj, kv),
        layer.num_heads,
        mask,
    )
    return linear(layer.out_proj, inner)


def feed_forward(layer, x):
    return linear(layer.linear2, np.maximum(linear(layer.linear1, x), 0))


def encoder_layer(layer, x, mask):
    if layer.norm_first:
        y = layer_norm(layer.ln1, x)
        x = x + attend(layer.attention, y, y, mask)
        return x + feed_forward(layer, layer_norm(layer.ln2, x))
    x = layer_norm(layer.ln1, x + attend(layer.attention, x, x, mask))
    return layer_norm(layer.ln2, x + feed_forward(layer, x))


def decoder_layer(layer, x, memory, mask):
    if layer.norm_first:
        y = layer_norm(layer.ln1, x)
        x = x + attend(layer.self_attention, y, y, mask)
        x = x + attend(layer.cross_attention, layer_norm(layer.ln2, x), memory, None)
        return x + feed_forward(layer, layer_norm(layer.ln3, x))
    x = layer_norm(layer.ln1, x + attend(layer.self_attention, x, x, mask))
    x = layer_norm(layer.ln2, x + attend(layer.cross_attention, x, memory, None))
    return layer_norm(layer.ln3, x + feed_forward(layer, x))


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("checkpoint", [True, False])
def test_transformer(norm_first, checkpoint):
    model = nn.Transformer(8, 2, 2, 1, norm_first=norm_first, checkpoint=checkpoint)
    src, tgt = random(2, 5, 8), random(2, 4, 8, seed=1)
    mask = np.triu(np.full((4, 4), -1e9), 1)
    memory = src.astype(np.float64)
    for layer in model.encoder.layers:
        memory = encoder_layer(layer, memory, None)
    memory = layer_norm(model.encoder.ln, memory)
    expected = decoder_layer(model.decoder.layers[0], tgt.astype(np.float64), memory, mask)
    expected = layer_norm(model.decoder.ln, expected)

    def run(src):
        return model(src, mx.array(tgt), None, mx.array(mask, dtype=mx.float32), None)

    close(run(mx.array(src)), expected, 2e-4)
    grad = mx.grad(lambda s: run(s).square().sum())(mx.array(src))
    assert mx.all(mx.isfinite(grad)).item() and mx.abs(grad).max().item() > 0


def test_transformer_parts_of_the_caller():
    encoder, decoder = nn.ReLU(), nn.Identity()
    model = nn.Transformer(8, 2, custom_encoder=encoder, custom_decoder=decoder)
    assert model.encoder is encoder and model.decoder is decoder
