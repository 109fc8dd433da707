"""Initializers: shapes, dtypes, ranges and moments."""

import math

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn

init = nn.init


def moments(a):
    a = np.array(a, dtype=np.float64)
    return a.mean(), a.std(), np.abs(a).max()


def test_constant_and_identity():
    a = init.constant(3)(mx.zeros((2, 3)))
    assert a.tolist() == [[3.0] * 3] * 2 and a.dtype == mx.float32
    assert init.constant(3, mx.int32)(mx.zeros((2,))).dtype == mx.int32
    assert np.array_equal(np.array(init.identity()(mx.zeros((4, 4)))), np.eye(4))
    for shape in ((2, 3), (3,), (2, 2, 2)):
        with pytest.raises(ValueError, match="square"):
            init.identity()(mx.zeros(shape))


def test_normal_and_uniform():
    mx.random.seed(0)
    a = mx.zeros((300, 200))
    mean, std, _ = moments(init.normal(2.0, 0.5)(a))
    assert abs(mean - 2) < 0.01 and abs(std - 0.5) < 0.01
    b = init.uniform(-1, 3)(a)
    mean, std, _ = moments(b)
    assert b.min().item() >= -1 and b.max().item() < 3
    assert abs(mean - 1) < 0.03 and abs(std - 4 / math.sqrt(12)) < 0.02
    assert init.normal(dtype=mx.float16)(a).dtype == mx.float16
    assert init.uniform()(a.astype(mx.float16)).dtype == mx.float32


# A weight of 40 outputs, 3 x 2 taps and 50 inputs: fan in 300, fan out 240.
WEIGHT = (40, 3, 2, 50)


@pytest.mark.parametrize(
    "initializer, options, std, is_uniform",
    [
        (init.glorot_normal, {}, math.sqrt(2 / 540), False),
        (init.glorot_uniform, {}, math.sqrt(2 / 540), True),
        (init.glorot_uniform, {"gain": 3.0}, 3 * math.sqrt(2 / 540), True),
        (init.he_normal, {}, 1 / math.sqrt(300), False),
        (init.he_normal, {"mode": "fan_out", "gain": 2.0}, 2 / math.sqrt(240), False),
        (init.he_uniform, {}, 1 / math.sqrt(300), True),
        (init.he_uniform, {"mode": "fan_out"}, 1 / math.sqrt(240), True),
    ],
)
def test_fans(initializer, options, std, is_uniform):
    mx.random.seed(1)
    mean, found, largest = moments(initializer()(mx.zeros(WEIGHT), **options))
    assert abs(mean) < 0.05 * std and abs(found / std - 1) < 0.03
    if is_uniform:
        assert largest <= math.sqrt(3) * std * 1.0001
    else:
        assert largest > 3 * std
    assert initializer(mx.float16)(mx.zeros((4, 4))).dtype == mx.float16
    with pytest.raises(ValueError, match="at least 2 dimensional"):
        initializer()(mx.zeros((3,)))


def test_unknown_fan():
    for initializer in (init.he_normal, init.he_uniform):
        with pytest.raises(ValueError, match="Invalid mode: other"):
            initializer()(mx.zeros((3, 3)), mode="other")


def test_sparse():
    mx.random.seed(2)
    a = np.array(init.sparse(0.3, mean=1.0)(mx.zeros((200, 10))))
    assert np.all((a == 0).sum(1) == 3)
    assert abs(a[a != 0].mean() - 1) < 0.1
    assert (a == 0).sum(0).min() > 30
    with pytest.raises(ValueError, match="2 dimensions"):
        init.sparse(0.3)(mx.zeros((2, 2, 2)))


def has_qr():
    try:
        mx.eval(mx.linalg.qr(mx.eye(2), stream=mx.cpu))
    except (RuntimeError, NotImplementedError, ValueError):
        return False
    return True


@pytest.mark.skipif(not has_qr(), reason="mlx.core has no QR decomposition yet")
@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7)])
def test_orthogonal(shape):
    a = np.array(init.orthogonal(gain=2.0)(mx.zeros(shape)), dtype=np.float64)
    gram = a.T @ a if shape[0] > shape[1] else a @ a.T
    np.testing.assert_allclose(gram, 4 * np.eye(min(shape)), atol=1e-4)


def test_orthogonal_needs_a_matrix():
    with pytest.raises(ValueError, match="2D array"):
        init.orthogonal()(mx.zeros((2, 2, 2)))


def test_seed_repeats():
    a = mx.zeros((3, 3))
    for make in (init.normal(), init.uniform(), init.glorot_normal(), init.he_uniform()):
        mx.random.seed(3)
        first = make(a)
        mx.random.seed(3)
        assert mx.array_equal(first, make(a))
