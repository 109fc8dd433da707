"""Operators of arrays with arrays, Python numbers, NumPy values and foreign objects."""

import operator

import numpy as np
import pytest

import mlx.core as mx

ARITHMETIC = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow,
]  # fmt: skip
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
BITWISE = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


@pytest.mark.parametrize("op", ARITHMETIC + COMPARISONS)
def test_values_against_numpy(op):
    a, b = [1.5, -2.0, 7.0], [2.0, 4.0, 3.0]
    expected = op(np.array(a, np.float32), np.array(b, np.float32))
    np.testing.assert_allclose(np.array(op(mx.array(a), mx.array(b))), expected, rtol=1e-6)
    np.testing.assert_allclose(
        np.array(op(mx.array(a), 2.0)), op(np.array(a, np.float32), np.float32(2)), rtol=1e-6
    )
    if op is not operator.pow:
        np.testing.assert_allclose(
            np.array(op(2.0, mx.array(a))), op(np.float32(2), np.array(a, np.float32)), rtol=1e-6
        )


@pytest.mark.parametrize("op", BITWISE)
def test_bit_operators(op):
    a, b = [12, 5, 1], [1, 3, 2]
    assert op(mx.array(a), mx.array(b)).tolist() == [op(x, y) for x, y in zip(a, b)]
    assert op(mx.array(a), 2).tolist() == [op(x, 2) for x in a]
    for bad in (mx.array(1.0), 1.5):
        with pytest.raises(ValueError):
            op(mx.array(a), bad)
        with pytest.raises(ValueError):
            op(mx.array([1.5]), 1)


def test_unary_operators():
    a = mx.array([1, -2])
    assert (-a).tolist() == [-1, 2] and (+a).tolist() == [1, -2] and abs(a).tolist() == [1, 2]
    assert (~a).tolist() == [-2, 1] and (~mx.array([True])).tolist() == [False]
    with pytest.raises(ValueError):
        ~mx.array([1.0])
    with pytest.raises(ValueError):
        -mx.array([True])


@pytest.mark.parametrize(
    "dtype, scalar, result",
    [
        (mx.int8, 1, mx.int8),
        (mx.int8, True, mx.int8),
        (mx.int8, 1.5, mx.float32),
        (mx.uint64, 1, mx.uint64),
        (mx.float16, 1, mx.float16),
        (mx.float16, 1.5, mx.float16),
        (mx.bfloat16, 1.5, mx.bfloat16),
        (mx.float16, 1j, mx.complex64),
        (mx.float64, 1.5, mx.float64),
        (mx.bool_, True, mx.bool_),
        (mx.bool_, 1, mx.int32),
        (mx.bool_, 1.0, mx.float32),
        (mx.complex64, 1.5, mx.complex64),
    ],
)
def test_python_scalars_are_weak(dtype, scalar, result):
    a = mx.array([0, 1]).astype(dtype)
    assert (a + scalar).dtype == result and (scalar + a).dtype == result
    assert mx.add(a, scalar).dtype == result


def test_scalars_that_do_not_fit_are_refused():
    for dtype, scalar in [(mx.int8, 300), (mx.uint8, -1), (mx.int32, 2**40), (mx.uint32, -1)]:
        with pytest.raises(ValueError):
            mx.array([1], dtype) + scalar


def test_numpy_operands():
    a = mx.array([1, 2])
    assert isinstance(a + np.array([1, 2]), mx.array)
    assert isinstance(a * np.float32(2), mx.array)
    assert (a + np.int64(2)).dtype == mx.int32
    # A foreign number or array becomes the dtype of the mx.array, whatever is lost: as in MLX.
    assert (a * np.float32(2.5)).tolist() == [2, 4]
    assert (mx.array([1.5], mx.float16) + np.array([1.0])).dtype == mx.float16


def test_objects_with_mlx_array():
    class Wrapper:
        def __mlx_array__(self):
            return mx.array([7])

    assert (mx.array([1]) + Wrapper()).item() == 8
    assert mx.array(Wrapper()).item() == 7 and mx.sin(Wrapper()).shape == (1,)


def test_foreign_operands():
    a = mx.array([1])
    assert (a == None) is False and (a != None) is True  # noqa: E711
    assert (a == "a") is False and (a == [1]) is False and (a != "a") is True
    for bad in ("a", [1], {}):
        for op in (operator.add, operator.lt, operator.pow, operator.and_):
            with pytest.raises(ValueError):
                op(a, bad)
    with pytest.raises(TypeError):
        a + None
    with pytest.raises(TypeError):
        a @ 1


@pytest.mark.parametrize(
    "op, value, result",
    [
        (operator.iadd, 1, [2, 3]),
        (operator.isub, 1, [0, 1]),
        (operator.imul, 3, [3, 6]),
        (operator.ifloordiv, 2, [0, 1]),
        (operator.imod, 2, [1, 0]),
        (operator.ipow, 2, [1, 4]),
        (operator.iand, 1, [1, 0]),
        (operator.ior, 4, [5, 6]),
        (operator.ixor, 1, [0, 3]),
        (operator.ilshift, 1, [2, 4]),
        (operator.irshift, 1, [0, 1]),
    ],
)
def test_in_place_operators_change_the_object(op, value, result):
    a = mx.array([1, 2])
    alias = a
    a = op(a, value)
    assert a is alias and alias.tolist() == result


def test_in_place_division_and_product():
    a = mx.array([1.0, 2.0])
    a /= 2
    assert a.tolist() == [0.5, 1.0]
    a @= mx.array([2.0, 1.0])
    assert a.item() == 2.0
    integers = mx.array([1])
    with pytest.raises(ValueError):
        integers /= 2
    assert integers.tolist() == [1]


def test_in_place_operator_leaves_the_graph_of_others():
    a = mx.array([1.0])
    b = a * 2
    a += 5
    assert b.item() == 2.0
