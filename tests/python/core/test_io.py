"""Saving and loading npy, npz and safetensors by name and through file objects."""

import io
import pathlib

import numpy as np
import pytest

import mlx.core as mx

A = mx.array([[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "dtype", [mx.bool_, mx.int8, mx.uint64, mx.float16, mx.float32, mx.complex64]
)
def test_npy(tmp_path, dtype):
    a = A.astype(dtype)
    mx.save(str(tmp_path / "a"), a)
    loaded = mx.load(tmp_path / "a.npy")
    assert loaded.dtype == dtype and mx.array_equal(loaded, a).item()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.array(a))
    stream = io.BytesIO()
    mx.save(stream, a.T)
    stream.seek(0)
    np.testing.assert_array_equal(np.load(stream), np.array(a).T)


def test_npz(tmp_path):
    for save in (mx.savez, mx.savez_compressed):
        save(str(tmp_path / "z"), A, named=A + 1)
        loaded = mx.load(str(tmp_path / "z.npz"))
        assert set(loaded) == {"arr_0", "named"} and loaded["named"].tolist() == [[2, 3], [4, 5]]
        assert np.load(tmp_path / "z.npz")["arr_0"].tolist() == [[1, 2], [3, 4]]
    stream = io.BytesIO()
    mx.savez(stream, a=A)
    stream.seek(0)
    assert mx.load(stream, format="npz")["a"].tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError):
        mx.savez(str(tmp_path / "z"), A, arr_0=A)


def test_safetensors(tmp_path):
    arrays = {"a": A, "b": mx.array([1.5], mx.bfloat16), "empty": mx.zeros((0, 3))}
    mx.save_safetensors(str(tmp_path / "s"), arrays, {"note": "text"})
    loaded, metadata = mx.load(str(tmp_path / "s.safetensors"), return_metadata=True)
    assert metadata == {"note": "text"} and set(loaded) == set(arrays)
    for name, a in arrays.items():
        assert loaded[name].dtype == a.dtype and mx.array_equal(loaded[name], a).item()
    stream = io.BytesIO()
    mx.save_safetensors(stream, arrays)
    stream.seek(0)
    assert mx.load(stream, format="safetensors")["b"].item() == 1.5
    with open(tmp_path / "s.safetensors", "rb") as file:
        assert mx.load(file)["a"].tolist() == [[1, 2], [3, 4]]


def test_a_file_can_be_overwritten_while_it_is_read(tmp_path):
    path = str(tmp_path / "a.npy")
    mx.save(path, A)
    lazy = mx.load(path)
    mx.save(path, lazy + 1)
    assert mx.load(path).tolist() == [[2, 3], [4, 5]]


def test_refused_files(tmp_path):
    for name in ("nothing.npy", "nothing.safetensors"):
        with pytest.raises(RuntimeError):
            mx.load(str(tmp_path / name))
    with pytest.raises(ValueError):
        mx.load(str(tmp_path / "nothing.npz"))
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(ValueError):
        mx.load(str(tmp_path / "bad.npz"))
    for bad in ("a.unknown", "noformat"):
        with pytest.raises(ValueError):
            mx.load(str(tmp_path / bad))
    mx.save(str(tmp_path / "a.npy"), A)
    with pytest.raises(ValueError):
        mx.load(str(tmp_path / "a.npy"), return_metadata=True)
    for bad in (3, None, []):
        with pytest.raises((ValueError, TypeError)):
            mx.load(bad)
        with pytest.raises((ValueError, TypeError)):
            mx.save(bad, A)


def test_refused_contents(tmp_path):
    path = tmp_path / "x"
    with pytest.raises(TypeError):
        mx.save(path, [1])
    with pytest.raises(ValueError):
        mx.savez(path, a=3)
    with pytest.raises(ValueError):
        mx.save_safetensors(path, {"a": 1})
    with pytest.raises(ValueError):
        mx.save_safetensors(path, {"a": A}, {"k": 1})
    with pytest.raises(ValueError, match="__metadata__"):
        mx.save_safetensors(path, {"__metadata__": A})
    with pytest.raises(TypeError):
        mx.save(io.StringIO(), A)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = pathlib.Path(tmp_path / "z.npz")
    mx.savez(path, a=A)
    before = path.read_bytes()

    def fail(x):
        raise KeyError

    with pytest.raises((ValueError, RuntimeError, KeyError)):
        mx.savez(path, a=A, b=3)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_names_that_come_later():
    for call in (
        lambda: mx.save_gguf("x", {}),
        lambda: mx.fft.fft(A),
        lambda: mx.linalg.inv(A),
        lambda: mx.conv1d(A, A),
        lambda: mx.export_function("x", lambda x: x, A),
        lambda: mx.exporter("x", lambda x: x),
        lambda: mx.distributed.send(A, 1),
        lambda: mx.fast.metal_kernel(name="k", input_names=[], output_names=[], source=""),
    ):
        with pytest.raises(RuntimeError, match="not available in this version of mlx-compute"):
            call()
