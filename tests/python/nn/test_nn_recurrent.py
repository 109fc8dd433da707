"""Recurrent layers against NumPy loops."""

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(a, b, tolerance=2e-5):
    np.testing.assert_allclose(np.array(a), b, rtol=tolerance, atol=tolerance)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def parameter(layer, name, shape=()):
    value = getattr(layer, name)
    return np.zeros(shape) if value is None else np.array(value).astype(np.float64)


def rnn(layer, x, h):
    wx, wh = parameter(layer, "Wxh"), parameter(layer, "Whh")
    bias, states = parameter(layer, "bias"), []
    for t in range(x.shape[-2]):
        h = np.tanh(x[..., t, :] @ wx.T + h @ wh.T + bias)
        states.append(h)
    return np.stack(states, -2)


def gru(layer, x, h):
    wx, wh = parameter(layer, "Wx"), parameter(layer, "Wh")
    b, bhn = parameter(layer, "b", (wx.shape[0],)), parameter(layer, "bhn")
    states = []
    for t in range(x.shape[-2]):
        xr, xz, xn = np.split(x[..., t, :] @ wx.T + b, 3, -1)
        hr, hz, hn = np.split(h @ wh.T, 3, -1)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        n = np.tanh(xn + r * (hn + bhn))
        h = (1 - z) * n + z * h
        states.append(h)
    return np.stack(states, -2)


def lstm(layer, x, h, c):
    wx, wh = parameter(layer, "Wx"), parameter(layer, "Wh")
    bias, states, cells = parameter(layer, "bias"), [], []
    for t in range(x.shape[-2]):
        i, f, g, o = np.split(x[..., t, :] @ wx.T + h @ wh.T + bias, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
        cells.append(c)
    return np.stack(states, -2), np.stack(cells, -2)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(2, 6, 3), (6, 3)])
@pytest.mark.parametrize("given", [True, False])
def test_values(bias, shape, given):
    x = random(*shape)
    hidden, cell = random(*shape[:-2], 4, seed=1), random(*shape[:-2], 4, seed=2)
    hidden, cell = (hidden, cell) if given else (hidden * 0, cell * 0)
    start = {"hidden": mx.array(hidden)} if given else {}

    layer = nn.RNN(3, 4, bias=bias)
    close(layer(mx.array(x), **start), rnn(layer, x, hidden))
    layer = nn.GRU(3, 4, bias=bias)
    close(layer(mx.array(x), **start), gru(layer, x, hidden))
    layer = nn.LSTM(3, 4, bias=bias)
    if given:
        start["cell"] = mx.array(cell)
    states, cells = layer(mx.array(x), **start)
    expected = lstm(layer, x, hidden, cell)
    close(states, expected[0])
    close(cells, expected[1])


def test_start_and_representation():
    mx.random.seed(0)
    layer = nn.LSTM(100, 64)
    assert layer.Wx.shape == (256, 100) and layer.Wh.shape == (256, 64)
    for p in (layer.Wx, layer.Wh, layer.bias):
        assert 0.12 < mx.abs(p).max().item() <= 0.125
    assert repr(layer) == "LSTM(input_dims=100, hidden_size=64, bias=True)"
    assert nn.GRU(3, 4).bhn.shape == (4,)


def test_nonlinearity():
    layer = nn.RNN(3, 4, nonlinearity=nn.ReLU())
    assert layer(mx.array(random(2, 5, 3))).min().item() >= 0
    with pytest.raises(ValueError, match="callable"):
        nn.RNN(3, 4, nonlinearity=3)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_learns_to_remember(kind):
    """The last state has to tell the sign of the first input, five steps back."""
    mx.random.seed(1)
    x = mx.array(random(64, 6, 2))
    y = x[:, 0, 0]

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent, self.head = kind(2, 16), nn.Linear(16, 1)

        def __call__(self, x):
            states = self.recurrent(x)
            states = states[0] if isinstance(states, tuple) else states
            return self.head(states[:, -1])[:, 0]

    model, optimizer = Model(), optim.Adam(0.02)
    loss_and_grad = nn.value_and_grad(model, lambda: nn.losses.mse_loss(model(x), y))
    losses = []
    for _ in range(60):
        loss, grads = loss_and_grad()
        optimizer.update(model, grads)
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
