"""Truncated and hostile files: a loader raises an error or gives arrays, it never crashes or reads outside."""

import io
import json
import random
import struct
import zipfile

import numpy as np
import pytest

SEEDS = range(300)


def load(mx, path):
    """True if the file loaded and every array could be read; False if it raised an ordinary error."""
    try:
        loaded = mx.load(str(path))
        arrays = loaded.values() if isinstance(loaded, dict) else [loaded]
        for array in arrays:
            np.array(array.astype(mx.float32))
        return True
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError):
        return False


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


GOOD = {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}


def changed(**changes):
    return {"w": {**GOOD["w"], **changes}}


HOSTILE = {
    "empty": b"",
    "short_length": b"\x01\x02",
    "length_only": struct.pack("<Q", 10),
    "huge_length": safetensors(GOOD, b"\0" * 24, length=2**63),
    "negative_length": safetensors(GOOD, b"\0" * 24, length=2**64 - 1),
    "length_past_end": safetensors(GOOD, b"\0" * 24, length=10_000),
    "not_json": safetensors(b"{{{{", b"\0" * 24),
    "json_array": safetensors(b"[1, 2, 3]", b"\0" * 24),
    "json_number": safetensors(b"7", b"\0" * 24),
    "deep_json": safetensors(b"[" * 100_000 + b"]" * 100_000),
    "invalid_utf8": safetensors(b'{"\xff\xfe": 1}'),
    "no_data": safetensors(GOOD),
    "data_short": safetensors(GOOD, b"\0" * 23),
    "offset_past_end": safetensors(changed(data_offsets=[0, 1 << 40]), b"\0" * 24),
    "offset_negative": safetensors(changed(data_offsets=[-24, 0]), b"\0" * 24),
    "offset_reversed": safetensors(changed(data_offsets=[24, 0]), b"\0" * 24),
    "offset_overflow": safetensors(changed(data_offsets=[2**64 - 24, 2**64]), b"\0" * 24),
    "offset_missing": safetensors({"w": {"dtype": "F32", "shape": [2, 3]}}, b"\0" * 24),
    "offset_text": safetensors(changed(data_offsets=["0", "24"]), b"\0" * 24),
    "shape_too_big": safetensors(changed(shape=[1 << 20, 1 << 20]), b"\0" * 24),
    "shape_overflow": safetensors(changed(shape=[1 << 32, 1 << 32]), b"\0" * 24),
    "shape_negative": safetensors(changed(shape=[-2, -3]), b"\0" * 24),
    "shape_mismatch": safetensors(changed(shape=[2, 4]), b"\0" * 24),
    "shape_text": safetensors(changed(shape="23"), b"\0" * 24),
    "shape_float": safetensors(changed(shape=[2.5, 3]), b"\0" * 24),
    "dtype_unknown": safetensors(changed(dtype="F31"), b"\0" * 24),
    "dtype_number": safetensors(changed(dtype=32), b"\0" * 24),
    "tensor_not_object": safetensors({"w": [1, 2]}, b"\0" * 24),
    "metadata_not_object": safetensors({**GOOD, "__metadata__": 3}, b"\0" * 24),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_safetensors(mx, tmp_path, name):
    path = tmp_path / "x.safetensors"
    path.write_bytes(HOSTILE[name])
    loaded = load(mx, path)
    assert not loaded or name == "metadata_not_object"


def npy(header, data=b"\0" * 24, version=(1, 0), magic=b"\x93NUMPY", length=None):
    text = header.encode()
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text) if length is None else length)
    return magic + bytes(version) + size + text + data


HOSTILE_NPY = {
    "empty": b"",
    "magic_only": b"\x93NUMPY",
    "bad_magic": npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", magic=b"\x93NUMPX"
    ),
    "header_past_end": npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", length=60_000
    ),
    "no_shape": npy("{'descr': '<f4', 'fortran_order': False, }\n"),
    "no_descr": npy("{'fortran_order': False, 'shape': (2, 3), }\n"),
    "garbage": npy("garbage" * 10),
    "bad_descr": npy("{'descr': '<q9', 'fortran_order': False, 'shape': (2, 3), }\n"),
    "object": npy("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }\n"),
    "data_short": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (200, 3), }\n"),
    "shape_overflow": npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }\n"
    ),
    "shape_huge": npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, ), }\n"
    ),
    "shape_negative": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3), }\n"),
    "shape_text": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (a, b), }\n"),
    "unclosed": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3"),
    "version_9": npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", version=(9, 0)
    ),
}


@pytest.mark.parametrize("name", HOSTILE_NPY)
def test_hostile_npy(mx, tmp_path, name):
    path = tmp_path / "x.npy"
    path.write_bytes(HOSTILE_NPY[name])
    loaded = load(mx, path)
    assert not loaded or name == "version_9"


def good_files(mx, folder):
    arrays = {
        "a": mx.arange(24.0).reshape(4, 6),
        "b": mx.array([1, 2, 3], mx.int16),
        "c": mx.ones((3,)) > 0,
    }
    mx.save_safetensors(str(folder / "x.safetensors"), arrays, {"k": "v"})
    mx.save(str(folder / "x.npy"), arrays["a"])
    mx.savez(str(folder / "x.npz"), **arrays)
    mx.savez_compressed(str(folder / "y.npz"), **arrays)
    return [folder / name for name in ("x.safetensors", "x.npy", "x.npz", "y.npz")]


@pytest.mark.parametrize("index", range(4))
def test_truncated(mx, tmp_path, index):
    """Every prefix of a good file."""
    path = good_files(mx, tmp_path)[index]
    content = path.read_bytes()
    assert load(mx, path)
    step = max(1, len(content) // 150)
    for size in range(0, len(content) - 1, step):
        path.write_bytes(content[:size])
        load(mx, path)


@pytest.mark.parametrize("index", range(4))
def test_flipped_bytes(mx, tmp_path, index):
    """Random bytes replaced, mostly in the header; a failure prints its seed by the test's progress."""
    path = good_files(mx, tmp_path)[index]
    content = path.read_bytes()
    for seed in SEEDS:
        rng = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(min(len(damaged), 400))] = rng.randrange(256)
        path.write_bytes(damaged)
        load(mx, path)


def test_npz_with_a_hostile_member(mx, tmp_path):
    path = tmp_path / "x.npz"
    for content in HOSTILE_NPY.values():
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", content)
        load(mx, path)


def test_npz_that_numpy_wrote(mx, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(
        path,
        a=np.arange(6.0, dtype=np.float32).reshape(2, 3),
        b=np.asfortranarray(np.arange(6).reshape(2, 3)),
    )
    loaded = mx.load(str(path))
    assert loaded["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert loaded["b"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_file_objects(mx):
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3, dtype=np.int32))
    buffer.seek(0)
    assert mx.load(buffer, format="npy").tolist() == [0, 1, 2]


def test_failed_save_keeps_the_old_file(mx, tmp_path):
    """A save that cannot finish leaves what was there."""
    path = tmp_path / "x.safetensors"
    mx.save_safetensors(str(path), {"a": mx.ones((2,))})
    before = path.read_bytes()
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        mx.save_safetensors(str(path), {"a": "not an array"})
    assert path.read_bytes() == before
