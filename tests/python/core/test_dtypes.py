"""Dtypes, categories, promotion, limits, devices, streams, constants and memory functions."""

import math

import pytest

import mlx.core as mx


def test_names_and_identity():
    assert repr(mx.float32) == "mlx.core.float32" and str(mx.bool_) == "mlx.core.bool"
    assert mx.float32 == mx.float32 and mx.float32 != mx.float16 and mx.float32 != "float32"
    assert len({mx.float32, mx.float16, mx.float32}) == 2
    assert mx.complex64.size == 8 and mx.bfloat16.size == 2
    with pytest.raises(TypeError):
        mx.Dtype()


def test_categories():
    assert mx.issubdtype(mx.float32, mx.floating) and mx.issubdtype(mx.bfloat16, mx.inexact)
    assert mx.issubdtype(mx.uint8, mx.unsignedinteger) and mx.issubdtype(mx.integer, mx.number)
    assert not mx.issubdtype(mx.bool_, mx.number) and mx.issubdtype(mx.bool_, mx.generic)
    assert mx.issubdtype(mx.float32, mx.float32) and not mx.issubdtype(mx.float32, mx.float64)
    for bad in [(1, mx.float32), (mx.float32, 2), ("a", "b")]:
        with pytest.raises(ValueError):
            mx.issubdtype(*bad)


@pytest.mark.parametrize(
    "a, b, result",
    [
        (mx.bool_, mx.int8, mx.int8),
        (mx.int8, mx.uint8, mx.int16),
        (mx.int32, mx.uint32, mx.int64),
        (mx.int64, mx.float16, mx.float16),
        (mx.float16, mx.bfloat16, mx.float32),
        (mx.float32, mx.float64, mx.float64),
        (mx.float32, mx.complex64, mx.complex64),
    ],
)
def test_promotion(a, b, result):
    assert mx.result_type(a, b) == result and mx.result_type(mx.array(0).astype(a), b) == result
    assert (mx.array([1]).astype(a) + mx.array([1]).astype(b)).dtype == result


def test_queries():
    assert mx.can_cast(mx.int8, mx.float32) and not mx.can_cast(mx.float32, mx.int8)
    assert mx.can_cast(mx.array(1), mx.int64)
    assert mx.isdtype(mx.int8, "signed integer") and mx.isdtype(mx.int8, ("bool", mx.int8))
    assert not mx.isdtype(mx.bool_, "numeric")
    for bad in ("foo", 1):
        with pytest.raises(ValueError):
            mx.isdtype(mx.int8, bad)
    for bad in [(), (1, 2)]:
        with pytest.raises(ValueError):
            mx.result_type(*bad)


def test_limits():
    single = mx.finfo(mx.float32)
    assert single.eps == 2**-23 and single.smallest_normal == 2**-126 and single.bits == 32
    assert mx.finfo(mx.float16).max == 65504 and mx.finfo(mx.bfloat16).eps == 2**-7
    assert mx.finfo(mx.complex64).dtype == mx.float32
    assert repr(mx.finfo(mx.float16)) == "finfo(min=-65504, max=65504, dtype=float16)"
    assert mx.iinfo(mx.uint64).max == 2**64 - 1 and mx.iinfo(mx.int64).min == -(2**63)
    for function, dtype in [(mx.finfo, mx.int8), (mx.iinfo, mx.float32), (mx.iinfo, mx.bool_)]:
        with pytest.raises(ValueError):
            function(dtype)


def test_devices():
    assert mx.cpu == mx.Device(mx.cpu) and mx.Device(mx.cpu) == mx.cpu and mx.cpu != mx.gpu
    assert repr(mx.Device(mx.cpu)) == "Device(cpu, 0)" and mx.Device(mx.cpu) != 1
    assert mx.is_available(mx.cpu) and mx.device_count(mx.cpu) == 1
    assert {"device_name", "architecture"} <= set(mx.device_info(mx.cpu))
    assert mx.metal.is_available() is False
    assert isinstance(mx.cuda.is_available(), bool)


def test_streams():
    first, second = mx.new_stream(mx.cpu), mx.new_stream(mx.cpu)
    assert first != second and first == first and first.device == mx.Device(mx.cpu)
    with mx.stream(first):
        assert mx.default_stream(mx.cpu) == first
        with mx.stream(mx.cpu):
            pass
        assert mx.default_stream(mx.cpu) == first
    assert mx.default_stream(mx.cpu) != first
    assert mx.add(1, 2, stream=second).item() == 3
    local = mx.new_thread_local_stream(mx.cpu)
    assert mx.add(1, 2, stream=local).item() == 3
    for target in (None, mx.cpu, second, local):
        mx.synchronize(target)
    for bad in (3, "cpu"):
        with pytest.raises(TypeError):
            mx.add(1, 2, stream=bad)
        with pytest.raises(TypeError):
            mx.stream(bad)
    with pytest.raises(TypeError):
        mx.stream(None)


@pytest.mark.skipif(mx.device_count(mx.gpu) > 0, reason="a GPU can be used")
def test_missing_gpu():
    for call in (
        lambda: mx.set_default_device(mx.gpu),
        lambda: mx.new_stream(mx.gpu),
        lambda: mx.add(1, 2, stream=mx.gpu),
    ):
        with pytest.raises(ValueError):
            call()
    assert mx.device_info(mx.gpu) == {}


def test_memory_functions():
    before = mx.get_active_memory()
    a = mx.ones((1024, 1024))
    mx.eval(a)
    assert mx.get_active_memory() >= before + a.nbytes
    assert mx.get_peak_memory() >= mx.get_active_memory()
    assert mx.get_array_buffer_size(a, {"again": [a]}) >= a.nbytes
    del a
    assert mx.get_active_memory() < before + 4 * 1024 * 1024
    mx.clear_cache()
    assert mx.get_cache_memory() == 0
    old = mx.set_cache_limit(0)
    assert mx.set_cache_limit(old) == 0
    old = mx.set_memory_limit(1 << 33)
    assert mx.get_memory_limit() == 1 << 33 and mx.set_memory_limit(old) == 1 << 33
    with pytest.raises(TypeError):
        mx.set_memory_limit(-1)


def test_constants():
    assert (mx.pi, mx.e, mx.inf, mx.newaxis) == (math.pi, math.e, math.inf, None)
    assert math.isnan(mx.nan) and abs(mx.euler_gamma - 0.5772156649015329) < 1e-15
    assert mx.__version__ == "0.32.4"


def test_array_api_namespace():
    info = mx.__array_namespace_info__()
    assert info.default_dtypes()["integral"] == mx.int32
    assert info.dtypes(kind="bool") == {"bool": mx.bool_}
    assert mx.Device(mx.cpu) in info.devices()
    assert mx.array(1).__array_namespace__() is mx
    with pytest.raises(ValueError):
        info.dtypes(kind="strange")
    with pytest.raises(ValueError):
        mx.array(1).__array_namespace__(api_version="1")
