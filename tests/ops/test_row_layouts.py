"""Reductions, scans, sorts and partitions over layouts and lengths that take different paths."""

import itertools

import numpy as np
import pytest

import mlx.core as mx

DTYPES = ["float32", "float16", "int8", "uint8", "int32", "int64", "bool_"]


def as_numpy(x):
    return np.array(x.astype(mx.float32))


def integers(shape, dtype, low=-50, high=50):
    values = np.random.default_rng(len(shape)).integers(low, high, shape)
    return mx.array(values).astype(getattr(mx, dtype))


def views(x):
    """Every order of the axes, forward and backward, with the same view in NumPy."""
    for order in itertools.permutations(range(x.ndim)):
        view, same = mx.transpose(x, order), as_numpy(x).transpose(order)
        yield view, same
        back = (slice(None, None, -1),) * x.ndim
        yield view[back], same[back]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1000, 8), (20, 30), (70, 33, 5), (3, 4, 600), (2, 100, 40)])
def test_reductions_of_views(shape, dtype):
    x = integers(shape, dtype)
    for view, same in views(x):
        for axis in range(len(shape)):
            for op in ("max", "min", "all", "any", "argmax", "argmin"):
                got = as_numpy(getattr(mx, op)(view, axis=axis))
                np.testing.assert_array_equal(got, getattr(np, op)(same, axis=axis), op)
            if dtype == "float16":
                continue  # its sums are rounded
            got = as_numpy(mx.sum(view, axis=axis))
            np.testing.assert_array_equal(got, np.sum(same, axis=axis, dtype=np.float64))


def running(op, values, axis, reverse, inclusive):
    """The scan as NumPy does it, in float64."""
    identity = {np.add: 0, np.maximum: -np.inf, np.logaddexp: -np.inf}[op]
    values = np.flip(values, axis) if reverse else values
    expected = op.accumulate(values, axis)
    if not inclusive:
        expected = np.roll(expected, 1, axis)
        expected[(slice(None),) * axis + (0,)] = identity
    return np.flip(expected, axis) if reverse else expected


SCANNED = [
    (90, 16, 2),
    (90, 10, 3),
    (1300, 3),
    (2, 1300, 5),
    (700, 31),
    (40, 7),
    (200_000, 2),
    (9000, 17),
    (30, 4, 8),
]


@pytest.mark.parametrize("shape", SCANNED)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "int64"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("inclusive", [False, True])
def test_scans_of_few_columns(shape, dtype, reverse, inclusive):
    x = integers(shape, dtype, -3, 4)
    for axis in range(len(shape)):
        values = as_numpy(x).astype(np.float64)
        how = {"axis": axis, "reverse": reverse, "inclusive": inclusive}
        highest = running(np.maximum, values, axis, reverse, inclusive)
        got = as_numpy(mx.cummax(x, **how))
        known = np.isfinite(highest)  # before the first element there is none
        np.testing.assert_array_equal(got[known], highest[known])
        if dtype == "bfloat16":
            continue  # its sums are rounded
        np.testing.assert_array_equal(
            as_numpy(mx.cumsum(x, **how)), running(np.add, values, axis, reverse, inclusive)
        )


@pytest.mark.parametrize("shape", [(130, 70), (1000, 3), (150, 9), (2, 40, 12)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("inclusive", [False, True])
def test_logcumsumexp_of_rows_and_columns(shape, reverse, inclusive):
    values = np.random.default_rng(5).normal(size=shape) * 5
    for axis in range(len(shape)):
        x = mx.array(values.astype(np.float32))
        got = mx.logcumsumexp(x, axis=axis, reverse=reverse, inclusive=inclusive)
        expected = running(np.logaddexp, values, axis, reverse, inclusive)
        np.testing.assert_allclose(as_numpy(got), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("length", [1, 2, 7, 33, 64, 100, 128, 129])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8", "uint16", "int64"])
def test_sorts_of_short_rows(length, dtype):
    x = integers((50, length), dtype, 0, 20)
    if mx.issubdtype(x.dtype, mx.floating):
        row = mx.arange(50)[:, None]
        x = mx.where(row % 7 == 3, x * -0.0, x)
        x = mx.where((row % 5 == 2) & (x == 4), mx.array(float("nan"), x.dtype), x)
    same = as_numpy(x)
    for axis in (0, 1):
        np.testing.assert_array_equal(as_numpy(mx.sort(x, axis=axis)), np.sort(same, axis))
        places = np.argsort(same, axis, kind="stable")
        np.testing.assert_array_equal(as_numpy(mx.argsort(x, axis=axis)), places)


@pytest.mark.parametrize("dtype", ["float32", "int16", "int32"])
@pytest.mark.parametrize("kth", [0, 100_000, 199_999])
def test_partitions_of_long_rows(dtype, kth):
    x = integers((200_000,), dtype, -10_000, 10_000)
    same = as_numpy(x)
    ordered = np.sort(same)
    for got in (as_numpy(mx.partition(x, kth)), same[np.array(mx.argpartition(x, kth))]):
        assert got[kth] == ordered[kth]
        assert got[:kth].max(initial=ordered[0]) <= ordered[kth] <= got[kth:].min()
        np.testing.assert_array_equal(np.sort(got), ordered)


@pytest.mark.parametrize("dtype", ["float32", "int8", "float16", "int64"])
@pytest.mark.parametrize("index_dtype", ["int32", "uint32", "int64", "uint8"])
def test_elements_at_indices_along_an_axis(dtype, index_dtype):
    x = integers((70, 33, 20), dtype)
    rng = np.random.default_rng(2)
    for view, same in views(x):
        for axis in range(3):
            length = view.shape[axis]
            low = 0 if index_dtype[0] == "u" else -length
            shape = list(view.shape)
            shape[axis] = 37
            places = rng.integers(low, length, shape).astype(index_dtype)
            got = mx.take_along_axis(view, mx.array(places), axis=axis)
            expected = np.take_along_axis(same, places.astype(np.int64), axis)
            np.testing.assert_array_equal(as_numpy(got), expected)


@pytest.mark.parametrize("index_dtype", ["int32", "uint32", "int64"])
def test_rows_at_indices_and_indices_outside(index_dtype):
    x = mx.arange(300).reshape(100, 3)
    places = np.random.default_rng(3).integers(0, 100, 1000).astype(index_dtype)
    got = as_numpy(mx.take(x, mx.array(places), axis=0))
    np.testing.assert_array_equal(got, as_numpy(x)[places])
    far = [5, 100, 2**31 - 1] + ([2**32 - 1] if index_dtype == "uint32" else [-1, -100, -101])
    near = [5, 99, 99] + ([99] if index_dtype == "uint32" else [99, 0, 0])
    index = mx.array(np.array(far * 9, index_dtype))  # more than a vector
    np.testing.assert_array_equal(as_numpy(mx.take(x, index, axis=0)), as_numpy(x)[near * 9])
    along = mx.take_along_axis(x.T, index[None, :], axis=1)
    np.testing.assert_array_equal(as_numpy(along), as_numpy(x).T[:, near * 9])
    # Writes outside are dropped.
    total = as_numpy(mx.zeros(100).at[index].add(1))
    expected = np.zeros(100)
    np.add.at(expected, [i for i in far * 9 if -100 <= i < 100], 1)
    np.testing.assert_array_equal(total, expected)
