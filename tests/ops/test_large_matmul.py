"""Products large enough to be packed by several threads at once."""

import numpy as np
import pytest

import mlx.core as mx


@pytest.mark.parametrize("shape", [(1024, 1024, 512), (1100, 700, 600)])
def test_large_products_are_right_every_time(shape):
    m, n, k = shape
    rng = np.random.default_rng(0)
    a = rng.standard_normal((m, k), dtype=np.float32)
    b = rng.standard_normal((k, n), dtype=np.float32)
    expected = a.astype(np.float64) @ b
    x, y = mx.array(a), mx.array(b)
    first = np.array(x @ y)
    assert np.abs(first - expected).max() < 1e-3
    for _ in range(10):
        assert np.array_equal(np.array(x @ y), first)
