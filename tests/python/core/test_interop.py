"""NumPy, the buffer protocol and DLPack, in and out."""

import array as python_array
import gc

import numpy as np
import pytest

import mlx.core as mx

PAIRS = [
    (mx.bool_, np.bool_), (mx.uint8, np.uint8), (mx.uint16, np.uint16), (mx.uint32, np.uint32),
    (mx.uint64, np.uint64), (mx.int8, np.int8), (mx.int16, np.int16), (mx.int32, np.int32),
    (mx.int64, np.int64), (mx.float16, np.float16), (mx.float32, np.float32),
    (mx.complex64, np.complex64),
]  # fmt: skip


@pytest.mark.parametrize("dtype, numpy_dtype", PAIRS)
def test_round_trip_through_numpy(dtype, numpy_dtype):
    source = np.array([[0, 1, 2], [3, 4, 5]]).astype(numpy_dtype)
    a = mx.array(source)
    assert a.dtype == dtype and a.shape == (2, 3)
    back = np.array(a)
    assert back.dtype == numpy_dtype
    np.testing.assert_array_equal(back, source)
    np.testing.assert_array_equal(np.from_dlpack(a), source)
    assert mx.array_equal(mx.from_dlpack(source), a).item()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.T, lambda x: x[::-1], lambda x: x[:, ::2], lambda x: x[::-1, ::-1],
        lambda x: x[1:1], lambda x: x[..., None], lambda x: np.broadcast_to(x[0], (4, 4)),
    ],
)  # fmt: skip
def test_strided_numpy_arrays(view):
    source = view(np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(np.array(mx.array(source)), source)


def test_wide_numpy_types_become_narrow():
    assert mx.array(np.arange(2.0)).dtype == mx.float32
    assert mx.array(np.array([1 + 2j])).dtype == mx.complex64
    assert mx.array(np.float64(1.5)).dtype == mx.float32
    assert mx.array(np.int64(1)).dtype == mx.int64
    assert mx.array(np.array([1.5, 2.5]), mx.int32).tolist() == [1, 2]


@pytest.mark.parametrize(
    "bad", [np.array(["a"]), np.arange(3, dtype=">i4"), np.array([(1, 2)], dtype="i4,i4")]
)
def test_numpy_types_without_a_dtype_are_refused(bad):
    with pytest.raises((ValueError, RuntimeError)):
        mx.array(bad)


def test_bfloat16_through_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    source = np.array([1.5, -2.0, 3.0], dtype=ml_dtypes.bfloat16)
    a = mx.array(source)
    assert a.dtype == mx.bfloat16 and a.tolist() == [1.5, -2.0, 3.0]
    assert a.__array__().dtype == ml_dtypes.bfloat16


def test_other_buffers():
    assert mx.array(b"ab").tolist() == [97, 98] and mx.array(b"ab").dtype == mx.uint8
    assert mx.array(bytearray(2)).tolist() == [0, 0]
    assert mx.array(python_array.array("d", [1.5])).dtype == mx.float32
    assert mx.array(memoryview(np.eye(2, dtype=np.int8))).tolist() == [[1, 0], [0, 1]]


def test_import_copies():
    source = np.zeros(3, np.float32)
    a = mx.array(source)
    source[:] = 1
    assert a.tolist() == [0, 0, 0]


def test_export_shares_memory():
    a = mx.array([1, 2, 3])
    shared = np.array(a, copy=False)
    assert shared.flags.writeable
    assert np.array(a, copy=False).ctypes.data == shared.ctypes.data
    assert np.from_dlpack(a).ctypes.data == shared.ctypes.data
    del a
    gc.collect()
    mx.clear_cache()
    assert shared.tolist() == [1, 2, 3]


def test_buffer_protocol():
    a = mx.array([[1, 2], [3, 4]])
    view = memoryview(a.T)
    assert (view.format, view.shape, view.strides) == ("i", (2, 2), (4, 8))
    assert view.tolist() == [[1, 3], [2, 4]]
    assert bytes(memoryview(a)) == np.array([1, 2, 3, 4], np.int32).tobytes()
    assert memoryview(mx.array(1.5, mx.float16)).format == "e"
    assert memoryview(mx.array(1.5, mx.bfloat16)).format == "bfloat16"
    lazy = mx.array([1, 2]) + 1
    assert memoryview(lazy).tolist() == [2, 3]


def test_dlpack():
    a = mx.array([1.0, 2.0])
    assert a.__dlpack_device__() == (1, 0)
    assert mx.from_dlpack(a).tolist() == [1, 2]
    copied = np.from_dlpack(mx.array([5]))
    assert copied.tolist() == [5]
    assert "dltensor_versioned" in repr(a.__dlpack__(max_version=(1, 0)))
    del a
    with pytest.raises(BufferError):
        mx.array([1]).__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError):
        mx.from_dlpack([1])


def test_dlpack_capsules_are_freed():
    before = mx.get_active_memory()
    for _ in range(16):
        mx.ones((1 << 16,)).__dlpack__()
        np.from_dlpack(mx.ones((1 << 16,)))
    gc.collect()
    assert mx.get_active_memory() - before < 1 << 18


def test_asarray():
    a = mx.array([1, 2])
    assert mx.asarray(a).tolist() == [1, 2] and mx.asarray([1], mx.float16).dtype == mx.float16
    copied = mx.asarray(a, copy=True)
    copied += 1
    assert a.tolist() == [1, 2]
    for source in ([1], a, np.arange(2)):
        with pytest.raises(ValueError):
            mx.asarray(source, copy=False)


def test_array_method():
    a = mx.array([1, 2])
    assert a.__array__().dtype == np.int32 and a.__array__(np.float64).dtype == np.float64
    assert np.asarray(a).tolist() == [1, 2] and np.add(a, 1).tolist() == [2, 3]
