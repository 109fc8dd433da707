"""Pooling and upsampling against NumPy loops."""

import itertools

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(np.array(a), b, rtol=tolerance, atol=tolerance)


def pool(x, size, stride, padding, kind):
    """Pool the axes between first and last."""
    count = x.ndim - 2
    fill = -np.inf if kind == "Max" else 0
    x = np.pad(x, [(0, 0), *((p, p) for p in padding), (0, 0)], constant_values=fill)
    places = [(n - w) // s + 1 for n, w, s in zip(x.shape[1:-1], size, stride)]
    out = np.empty((x.shape[0], *places, x.shape[-1]))
    reduce = np.max if kind == "Max" else np.mean
    for place in itertools.product(*map(range, places)):
        window = tuple(slice(p * s, p * s + w) for p, s, w in zip(place, stride, size))
        values = x[(slice(None), *window)].astype(np.float64)
        out[(slice(None), *place)] = reduce(values, axis=tuple(range(1, count + 1)))
    return out


@pytest.mark.parametrize("kind", ["Max", "Avg"])
@pytest.mark.parametrize("count, shape", [(1, (2, 9, 3)), (2, (2, 6, 8, 3)), (3, (1, 4, 6, 5, 2))])
@pytest.mark.parametrize("size, stride, padding", [(2, None, 0), (3, 1, 1), (3, 2, 0), (4, 3, 2)])
def test_pooling(kind, count, shape, size, stride, padding):
    x = random(*shape)
    layer = getattr(nn, f"{kind}Pool{count}d")(size, stride, padding)
    step = size if stride is None else stride
    close(layer(mx.array(x)), pool(x, [size] * count, [step] * count, [padding] * count, kind))


def test_pooling_with_pairs():
    x = random(2, 6, 8, 3)
    layer = nn.MaxPool2d((3, 2), (2, 1), (1, 0))
    close(layer(mx.array(x)), pool(x, (3, 2), (2, 1), (1, 0), "Max"))
    assert repr(layer) == "MaxPool2d(kernel_size=(3, 2), stride=(2, 1), padding=(1, 0))"


@pytest.mark.parametrize("stride", [2, 1])
def test_pooling_gradient(stride):
    x = mx.array(random(1, 6, 1))
    grad = mx.grad(lambda v: nn.AvgPool1d(2, stride)(v).sum())(x).reshape(-1).tolist()
    assert grad == ([0.5] * 6 if stride == 2 else [0.5, 1, 1, 1, 1, 0.5])
    grad = mx.grad(lambda v: nn.MaxPool1d(2, stride)(v).sum())(x)
    assert grad.sum().item() == (3 if stride == 2 else 5)
    assert grad.reshape(-1)[x.reshape(-1).argmin().item()].item() == 0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.MaxPool2d((1, 2, 3)), r"\[MaxPool2d\] 'kernel_size' must be an integer"),
        (lambda: nn.MaxPool2d(2.5), "'kernel_size' must be an integer"),
        (lambda: nn.AvgPool1d(2, (1, 2)), "'stride' must be an integer or a tuple containing 1"),
        (lambda: nn.AvgPool3d(2, 1, (1, 1)), "'padding' must be an integer"),
        (lambda: nn.MaxPool2d(2, 0), "'stride' must be positive"),
        (lambda: nn.MaxPool2d(0), "'kernel_size' must be positive"),
        (lambda: nn.MaxPool2d(2, 1, -1), "'padding' must be non-negative"),
        (lambda: nn.MaxPool1d(2)(mx.ones((4, 2))), "at least 1 spatial dimension"),
        (lambda: nn.MaxPool1d(2)(mx.ones((2, 4, 4, 2))), "same number of spatial dimensions"),
    ],
)
def test_pooling_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def cubic(t, a):
    t = np.abs(t)
    near = (a + 2) * t**3 - (a + 3) * t**2 + 1
    far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def triangle(t, a=None):
    return np.maximum(1 - np.abs(t), 0)


def resample(x, scale, kernel, align_corners=False, antialias=False):
    """Resample axis 0 of a matrix by summing the kernel over all its rows."""
    n = len(x)
    m = int(n * scale)
    if align_corners:
        where = np.arange(m) * (n - 1) / (m - 1)
    else:
        where = (np.arange(m) - (m - 1) / 2) / scale + (n - 1) / 2
    width = max(1, 1 / scale) if antialias else 1
    reach = np.arange(-20, n + 20)
    weights = kernel((reach - where[:, None]) / width, -0.5 if antialias else -0.75)
    if antialias:
        weights = weights * ((reach >= 0) & (reach < n))
        weights /= weights.sum(1, keepdims=True)
    return weights @ x[np.clip(reach, 0, n - 1)]


@pytest.mark.parametrize("scale", [2.0, 1.5, 2.7, 0.5, 0.6])
@pytest.mark.parametrize("mode, kernel", [("linear", triangle), ("cubic", cubic)])
@pytest.mark.parametrize("how", [{}, {"align_corners": True}, {"antialias": True}])
def test_interpolation(scale, mode, kernel, how):
    x = random(1, 9, 3)
    expected = resample(x[0].astype(np.float64), scale, kernel, **how)
    close(nn.Upsample(scale, mode, **how)(mx.array(x))[0], expected, 1e-4)


def test_interpolation_of_images():
    x = random(1, 5, 6, 2)
    y = nn.Upsample((2.0, 1.5), "linear")(mx.array(x))
    rows = resample(x[0].reshape(5, -1).astype(np.float64), 2.0, triangle).reshape(10, 6, 2)
    expected = np.stack([resample(row, 1.5, triangle) for row in rows])
    close(y[0], expected, 1e-4)


def test_nearest():
    x = random(2, 3, 4, 2)
    expected = x.repeat(2, axis=1).repeat(3, axis=2)
    assert np.array_equal(np.array(nn.Upsample((2, 3))(mx.array(x))), expected)
    line = mx.arange(8).reshape(1, 8, 1)
    halves = nn.Upsample(0.5)(line).reshape(-1).tolist()
    assert halves == [0, 2, 4, 6]
    assert nn.Upsample(1.5)(line[:, :3]).reshape(-1).tolist() == [0, 1, 1, 2]


def test_upsample_errors():
    with pytest.raises(ValueError, match="unsupported upsampling algorithm: area"):
        nn.Upsample(2, "area")
    with pytest.raises(ValueError, match="nearest"):
        nn.Upsample(2, antialias=True)
    with pytest.raises(ValueError, match="align_corners"):
        nn.Upsample(2, "linear", align_corners=True, antialias=True)
    with pytest.raises(ValueError, match="at least 3D"):
        nn.Upsample(2)(mx.ones((2, 3)))
    with pytest.raises(ValueError, match="One scale per spatial dimension"):
        nn.Upsample((2, 2))(mx.ones((2, 3, 1)))
    assert repr(nn.Upsample(2)) == "Upsample(scale_factor=2.0, mode='nearest', align_corners=False)"
