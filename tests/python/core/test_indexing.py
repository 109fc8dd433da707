"""Indexing against NumPy on random index expressions; safety of indices; parallel scatters."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest

import mlx.core as mx


def random_entry(rng, length, index_shape, arrays):
    """One index entry for an axis, as source text; index arrays go into `arrays`."""
    kind = rng.choice(["int", "slice", "slice", "array", "array", "whole"])
    if kind == "int" and length > 0:
        return str(rng.randrange(-length, length))
    if kind == "array" and length > 0:
        shape = rng.choice([index_shape, index_shape[-1:], (1,) * len(index_shape), ()])
        values = np.array(
            [rng.randrange(-length, length) for _ in range(int(np.prod(shape)))], np.int32
        ).reshape(shape)
        arrays.append(values)
        return f"i[{len(arrays) - 1}]"
    if kind == "whole":
        return ":"
    bound = lambda: rng.choice(["", str(rng.randint(-length - 1, length + 1))])  # noqa: E731
    step = rng.choice(["", "1", "2", "-1", "-2", "3"])
    return f"{bound()}:{bound()}:{step}"


def random_index(rng, shape):
    """The text of an index of an array of this shape and the index arrays that it names."""
    arrays = []
    index_shape = tuple(rng.choice([1, 2, 3]) for _ in range(rng.choice([1, 1, 2])))
    count = rng.randint(1, len(shape))
    entries = [random_entry(rng, length, index_shape, arrays) for length in shape[:count]]
    if rng.random() < 0.2:
        entries = ["..."] + [
            random_entry(rng, length, index_shape, arrays) for length in shape[len(shape) - count :]
        ]
        arrays = arrays[-sum(e.startswith("i[") for e in entries) :] if arrays else []
        named = iter(range(len(arrays)))
        entries = [f"i[{next(named)}]" if e.startswith("i[") else e for e in entries]
    while rng.random() < 0.25:
        entries.insert(rng.randint(0, len(entries)), "None")
    return ", ".join(entries), arrays


def to_mlx(arrays):
    return [mx.array(a) for a in arrays]


@pytest.mark.parametrize("seed", range(300))
def test_reads_as_numpy(seed):
    rng = random.Random(seed)
    shape = tuple(rng.choice([1, 2, 3, 4, 5]) for _ in range(rng.randint(1, 4)))
    a = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    text, arrays = random_index(rng, shape)
    expected = eval(f"a[{text}]", {"a": a, "i": arrays})
    got = eval(f"a[{text}]", {"a": mx.array(a), "i": to_mlx(arrays)})
    assert got.shape == expected.shape, text
    assert np.array_equal(np.array(got), expected), text


@pytest.mark.parametrize("seed", range(300))
def test_writes_as_numpy(seed):
    rng = random.Random(seed + 1000)
    shape = tuple(rng.choice([1, 2, 3, 4, 5]) for _ in range(rng.randint(1, 4)))
    a = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    text, arrays = random_index(rng, shape)
    ours, indices = mx.array(a), to_mlx(arrays)
    selected = eval(f"a[{text}]", {"a": a, "i": arrays}).shape
    drop = rng.randint(0, len(selected))
    value_shape = tuple(1 if rng.random() < 0.3 else n for n in selected[drop:])
    value = -1 - np.arange(int(np.prod(value_shape)), dtype=np.float32).reshape(value_shape)
    exec(f"a[{text}] = v", {"a": a, "i": arrays, "v": value})
    exec(f"a[{text}] = v", {"a": ours, "i": indices, "v": mx.array(value)})
    assert np.array_equal(np.array(ours), a), text


@pytest.mark.parametrize("seed", range(150))
def test_at_add_as_numpy(seed):
    rng = random.Random(seed + 2000)
    shape = tuple(rng.choice([1, 2, 3, 4, 5]) for _ in range(rng.randint(1, 4)))
    a = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    text, arrays = random_index(rng, shape)
    selected = eval(f"a[{text}]", {"a": a, "i": arrays}).shape
    value = np.arange(int(np.prod(selected)), dtype=np.int32).reshape(selected)
    got = eval(
        f"a.at[{text}].add(v)", {"a": mx.array(a), "i": to_mlx(arrays), "v": mx.array(value)}
    )
    exec(f"np.add.at(a, np.s_[{text}], v)", {"a": a, "i": arrays, "v": value, "np": np})
    assert np.array_equal(np.array(got), a), text


def test_integers_out_of_range_raise():
    a = mx.zeros((3, 4))
    for text in ("a[3]", "a[-4]", "a[0, 4]", "a[..., -5]", "a[mx.array([0]), 4]", "a.at[3].add(1)"):
        with pytest.raises(IndexError):
            eval(text, {"a": a, "mx": mx})
    with pytest.raises(IndexError):
        a[3] = 1
    with pytest.raises(IndexError):
        mx.take(a, 3, axis=0)


OUTSIDE = mx.array([-100, -4, 3, 100, 2**31 - 1, -(2**31)])


def test_indices_outside_read_the_nearest_element():
    a = mx.arange(3)
    nearest = [0, 0, 2, 2, 2, 0]
    assert a[OUTSIDE].tolist() == nearest
    assert mx.take_along_axis(a, OUTSIDE, axis=0).tolist() == nearest
    assert mx.take(mx.arange(12).reshape(4, 3), OUTSIDE, axis=1)[1].tolist() == [
        3 + n for n in nearest
    ]
    assert a[OUTSIDE.astype(mx.int64) * 2**30].tolist() == [0, 0, 2, 2, 2, 0]
    assert a[mx.array([2**64 - 1], mx.uint64)].tolist() == [2]
    assert mx.slice(a, mx.array([5]), [0], [2]).tolist() == [1, 2]


def test_indices_outside_write_nothing():
    a = mx.arange(3)
    for op in ("add", "multiply", "maximum"):
        assert getattr(a.at[OUTSIDE], op)(7).tolist() == [0, 1, 2]
    assert mx.put_along_axis(a, OUTSIDE, mx.array(9), axis=0).tolist() == [0, 1, 2]
    assert mx.slice_update(a, mx.array([8, 9]), mx.array([2]), [0]).tolist() == [0, 1, 2]
    a[OUTSIDE] = 5
    assert a.tolist() == [0, 1, 2]


def test_check_mode_raises():
    code = (
        "import mlx.core as mx\n"
        "for f in (lambda a: a[mx.array([3])], lambda a: a.at[mx.array([-4])].add(1),\n"
        "          lambda a: mx.take_along_axis(a, mx.array([3]), axis=0)):\n"
        "    try:\n"
        "        mx.eval(f(mx.arange(3)))\n"
        "    except IndexError:\n"
        "        continue\n"
        "    raise SystemExit('not raised')\n"
    )
    environment = {**os.environ, "MLX_CHECK_INDICES": "1"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.parametrize("width", [1, 3, 16, 300])
@pytest.mark.parametrize("places", [5, 1000, 100000])
def test_large_scatters_are_sequential(width, places):
    """Many updates of few places, in parallel: each place sees its updates in their order."""
    rng = np.random.default_rng(width * places)
    count = 200000 // width
    index = rng.integers(0, places, count).astype(np.int32)
    updates = rng.standard_normal((count, width)).astype(np.float32)
    expected = np.zeros((places, width), np.float32)
    np.add.at(expected, index, updates)
    target = mx.zeros((places, width))
    assert np.array_equal(np.array(target.at[mx.array(index)].add(mx.array(updates))), expected)
    expected[index] = updates  # NumPy keeps the last of several
    target[mx.array(index)] = mx.array(updates)
    touched = np.unique(index)
    assert np.array_equal(np.array(target)[touched], expected[touched])


def test_large_gathers():
    rng = np.random.default_rng(3)
    for shape, axis in [((5000, 33), 0), ((33, 5000), 1), ((7, 300, 50), 1), ((3, 2, 70000), 2)]:
        a = rng.standard_normal(shape).astype(np.float32)
        index = rng.integers(-shape[axis], shape[axis], 4001).astype(np.int32)
        got = mx.take(mx.array(a), mx.array(index), axis=axis)
        assert np.array_equal(np.array(got), np.take(a, index, axis=axis))
        strided = mx.array(a).swapaxes(0, axis)
        got = mx.take(strided, mx.array(index), axis=0)
        assert np.array_equal(np.array(got), np.take(a.swapaxes(0, axis), index, axis=0))


def test_along_axis_of_strided_arrays():
    rng = np.random.default_rng(4)
    a = rng.standard_normal((40, 60, 50)).astype(np.float32)
    for axis in range(3):
        length = a.shape[axis]
        shape = [n if i == axis else a.shape[i] for i, n in enumerate([70, 80, 90])]
        index = rng.integers(-length, length, shape)
        view = a[:, ::-1].transpose(2, 0, 1)
        where = index[:, ::-1].transpose(2, 0, 1)
        at = (axis + 1) % 3
        ours = mx.array(a)[:, ::-1].transpose(2, 0, 1)
        ours_index = mx.array(index.astype(np.int32))[:, ::-1].transpose(2, 0, 1)
        got = mx.take_along_axis(ours, ours_index, axis=at)
        assert np.array_equal(np.array(got), np.take_along_axis(view, where, axis=at))
        expected = view.copy()
        np.put_along_axis(expected, where, 7.0, axis=at)
        got = mx.put_along_axis(ours, ours_index, mx.array(7.0), axis=at)
        assert np.array_equal(np.array(got), expected)


def test_masked_assignment():
    a = np.arange(60.0, dtype=np.float32).reshape(3, 4, 5)
    mask = a % 3 == 0
    ours = mx.array(a)
    ours[mx.array(mask)] = mx.arange(int(mask.sum()), dtype=mx.float32)
    a[mask] = np.arange(mask.sum())
    assert np.array_equal(np.array(ours), a)
    rows = np.array([True, False, True])
    ours[mx.array(rows)] = mx.ones((2, 4, 5))
    a[rows] = 1
    assert np.array_equal(np.array(ours), a)
    with pytest.raises(RuntimeError):
        ours[mx.array(mask)] = mx.array([1.0, 2.0])
        mx.eval(ours)
    with pytest.raises(ValueError):
        ours[mx.array([True])] = 1
