"""Construction of arrays, their properties, conversions to Python, copies and pickling."""

import copy
import math
import pickle
import threading

import numpy as np
import pytest

import mlx.core as mx

DTYPES = [
    mx.bool_, mx.uint8, mx.uint16, mx.uint32, mx.uint64, mx.int8, mx.int16, mx.int32, mx.int64,
    mx.float16, mx.bfloat16, mx.float32, mx.float64, mx.complex64,
]  # fmt: skip


@pytest.mark.parametrize(
    "value, dtype",
    [
        (True, mx.bool_),
        (3, mx.int32),
        (-(2**31), mx.int32),
        (2**31, mx.int64),
        (-(2**63), mx.int64),
        (2**63, mx.uint64),
        (1.5, mx.float32),
        (1 - 2j, mx.complex64),
    ],
)
def test_scalars_choose_their_dtype(value, dtype):
    a = mx.array(value)
    assert a.shape == () and a.dtype == dtype
    assert a.item() == value and type(a.item()) is type(value)


@pytest.mark.parametrize(
    "values, dtype",
    [
        ([], mx.float32),
        ([True, False], mx.bool_),
        ([True, 2], mx.int32),
        ([1, 2**40], mx.int64),
        ([1, 2**63], mx.uint64),
        ([1, 2.5], mx.float32),
        ([1, 2.5, 3j], mx.complex64),
        (((1, 2), (3, 4)), mx.int32),
        ([[[]]], mx.float32),
    ],
)
def test_sequences_choose_the_widest_dtype(values, dtype):
    a = mx.array(values)
    assert a.dtype == dtype
    assert a.tolist() == np.array(values).tolist()
    assert a.shape == np.array(values).shape


@pytest.mark.parametrize("dtype", DTYPES)
def test_explicit_dtype(dtype):
    for a in (mx.array([0, 1], dtype), mx.array([0.0, 1.0], dtype), mx.array([False, True], dtype)):
        assert a.dtype == dtype
        assert a.astype(mx.float32).tolist() == [0.0, 1.0]


def test_float64_keeps_its_digits():
    assert mx.array(1.1, mx.float64).item() == 1.1
    assert mx.array([1.1], mx.float64).tolist() == [1.1]
    assert mx.array(np.array([1.1]), mx.float64).item() == 1.1
    assert mx.array(np.array([1.1])).dtype == mx.float32


def test_arrays_inside_sequences_are_stacked():
    a = mx.array([1, 2])
    assert mx.array([a, [3.5, 4]]).tolist() == [[1, 2], [3.5, 4]]
    assert mx.array([[a[0], 5], [6, a[1]]]).tolist() == [[1, 5], [6, 2]]
    gradient = mx.grad(lambda x: mx.array([x, 2 * x]).sum())(mx.array(1.0))
    assert gradient.item() == 3.0


@pytest.mark.parametrize(
    "value", [[[1, 2], [3]], [1, [2]], [[1], 2], "abc", ["a"], [None], {}, range(3), object()]
)
def test_what_is_no_array_is_refused(value):
    with pytest.raises(ValueError):
        mx.array(value)


def test_refused_arguments():
    for arguments in [(), (None,), (1, "float32"), (1, np.float32), (1, None, 3)]:
        with pytest.raises(TypeError):
            mx.array(*arguments)
    with pytest.raises((ValueError, OverflowError)):
        mx.array(2**64)
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError):
        mx.array(endless)


def test_properties():
    a = mx.zeros((2, 3), mx.int16)
    assert (a.shape, a.ndim, a.size, a.itemsize, a.nbytes) == ((2, 3), 2, 6, 2, 12)
    assert len(a) == 2 and a.T.shape == (3, 2)
    assert mx.array([1 + 2j]).real.item() == 1 and mx.array([1 + 2j]).imag.item() == 2


def test_python_conversions():
    assert int(mx.array(1.7)) == 1 and float(mx.array([2])) == 2.0 and complex(mx.array(1)) == 1
    assert bool(mx.array(0)) is False and bool(mx.array([[2]])) is True
    assert [10, 20, 30][mx.array(1)] == 20
    assert bytes(mx.array([1, 256], mx.uint16)) == b"\x01\x00\x00\x01"
    assert f"{mx.array(1.5):.3f} {mx.array(7):3d}" == "1.500   7"
    with pytest.raises(TypeError):
        f"{mx.array([1.5]):.3f}"
    for bad in (mx.array(1.0), mx.array([1]), mx.array(True)):
        with pytest.raises(TypeError):
            [1, 2][bad]
    with pytest.raises(TypeError):
        float(mx.array(1j))
    for convert in (bool, int, float, lambda a: a.item()):
        for a in (mx.array([1, 2]), mx.array([])):
            with pytest.raises(ValueError):
                convert(a)


def test_iteration():
    assert [row.tolist() for row in mx.array([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]
    first, second = mx.array([5, 6])
    assert (first.item(), second.item()) == (5, 6)
    for function in (len, iter):
        with pytest.raises(TypeError):
            function(mx.array(1))


def test_tolist_follows_strides():
    a = mx.array([[1, 2, 3], [4, 5, 6]])
    assert a.T.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert a[:, ::-2].tolist() == [[3, 1], [6, 4]]
    assert mx.zeros((2, 0)).tolist() == [[], []]


@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_and_pickles(dtype):
    a = mx.array([[0, 1, 2]]).astype(dtype)
    for made in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert made is not a and made.dtype == dtype and made.shape == (1, 3)
        assert mx.array_equal(made, a).item()
    assert pickle.loads(pickle.dumps(dtype)) == dtype


def test_copies_are_independent():
    a = mx.array([1, 2])
    b = copy.copy(a)
    a += 1
    assert b.tolist() == [1, 2]


def test_hash_is_identity():
    a, b = mx.array(1), mx.array(1)
    table = {a: "a", b: "b"}
    assert table[a] == "a" and table[b] == "b"


@pytest.mark.parametrize(
    "value, text",
    [
        (1, "array(1, dtype=int32)"),
        (1.0, "array(1, dtype=float32)"),
        (1 / 3, "array(0.333333, dtype=float32)"),
        ([1e10, -1e-10], "array([1e+10, -1e-10], dtype=float32)"),
        ([True, False], "array([True, False], dtype=bool)"),
        ([math.nan, -math.inf], "array([nan, -inf], dtype=float32)"),
        ([1 + 2j, 1 - 2j], "array([1+2j, 1-2j], dtype=complex64)"),
        ([[1, 2], [3, 4]], "array([[1, 2],\n       [3, 4]], dtype=int32)"),
        ([[[1], [2]]], "array([[[1],\n        [2]]], dtype=int32)"),
        ([], "array([], dtype=float32)"),
        ([[], []], "array([[],\n       []], dtype=float32)"),
        (list(range(6)), "array([0, 1, 2, 3, 4, 5], dtype=int32)"),
        (list(range(1000)), "array([0, 1, 2, ..., 997, 998, 999], dtype=int32)"),
    ],
)
def test_text(value, text):
    assert repr(mx.array(value)) == text and str(mx.array(value)) == text


def test_text_of_long_and_strided_arrays():
    rows = repr(mx.zeros((7, 1))).splitlines()
    assert rows[3].strip() == "...," and len(rows) == 7
    assert repr(mx.array([[1, 2], [3, 4]]).T) == "array([[1, 3],\n       [2, 4]], dtype=int32)"
    assert repr(mx.array(1.5, mx.bfloat16)) == "array(1.5, dtype=bfloat16)"
    assert repr(mx.zeros((1, 1, 0, 2))) == "array([[[]]], dtype=float32)"
    assert repr(mx.zeros((2, 0, 3))) == "array([[],\n       []], dtype=float32)"


def test_linspace_keeps_the_digits_of_float64():
    for num in (1, 2, 5):
        assert mx.linspace(0.1, 0.7, num, dtype=mx.float64)[0].item() == 0.1


def test_print_options():
    a = mx.array([1.23456, 2])
    with mx.printoptions(precision=3):
        assert repr(a) == "array([1.235, 2.000], dtype=float32)"
        assert mx.get_printoptions().precision == 3
    assert repr(a) == "array([1.23456, 2], dtype=float32)"
    mx.set_printoptions(precision=1)
    assert str(a) == "array([1.2, 2.0], dtype=float32)"
    mx.set_printoptions()
    assert mx.get_printoptions().precision == -1


def test_arrays_cross_threads():
    lazy = mx.ones((64,)) * 3
    results = []

    def work():
        results.append((lazy + 1).sum().item())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [256.0] * 8
