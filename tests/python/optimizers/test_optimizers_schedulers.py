"""Learning rate schedules."""

import math

import pytest

import mlx.core as mx
import mlx.optimizers as optim


def values(schedule, steps):
    return [float(schedule(mx.array(s)).item()) for s in steps]


def test_exponential():
    found = values(optim.exponential_decay(0.5, 0.9), range(5))
    assert found == pytest.approx([0.5 * 0.9**t for t in range(5)], rel=1e-6)
    assert optim.exponential_decay(0.5, 0.9)(2) == pytest.approx(0.405)


def test_step():
    found = values(optim.step_decay(1.0, 0.5, 3), range(10))
    assert found == pytest.approx([0.5 ** (t // 3) for t in range(10)], rel=1e-6)


def test_cosine():
    found = values(optim.cosine_decay(1.0, 8, end=0.2), range(12))
    wave = [0.2 + 0.4 * (1 + math.cos(math.pi * min(t, 8) / 8)) for t in range(12)]
    assert found == pytest.approx(wave, rel=1e-6)


def test_linear():
    found = values(optim.linear_schedule(0.1, 1.0, 4), range(7))
    assert found == pytest.approx([0.1, 0.325, 0.55, 0.775, 1, 1, 1], rel=1e-6)
    with pytest.raises(ValueError, match="greater than 0"):
        optim.linear_schedule(0.0, 1.0, 0)


def test_join():
    warmup, wave = optim.linear_schedule(0.0, 1.0, 4), optim.cosine_decay(1.0, 6)
    joined = optim.join_schedules([warmup, wave, lambda step: 0.01 * step], [4, 8])
    expected = values(warmup, range(4)) + values(wave, range(4)) + [0, 0.01, 0.02]
    assert values(joined, range(11)) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="at least 1 schedule"):
        optim.join_schedules([], [])
    with pytest.raises(ValueError, match="1 boundaries but expected 2"):
        optim.join_schedules([warmup] * 3, [3])
