"""Runs the same programs over nn and optimizers here and in the released wheel, and compares."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import mlx.core as mx

FOLDER = pathlib.Path(__file__).parent
ORACLE = os.environ.get("MLX_ORACLE_PYTHON")
NN_SECTIONS = [
    "layers",
    "sequences",
    "grids",
    "convolutions",
    "quantized",
    "float_quantized",
    "activations",
    "losses",
    "initializers",
    "orthogonal",
    "trees_and_clipping",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not ORACLE, reason="MLX_ORACLE_PYTHON names no interpreter with the released wheel"
    ),
]


def run(python, program, path, *arguments):
    """The arrays that a program writes."""
    env = dict(os.environ)
    if python == ORACLE:
        env.pop("PYTHONPATH", None)
    else:
        env["PYTHONPATH"] = str(pathlib.Path(mx.__file__).parents[1])
    command = [python, str(FOLDER / program), str(path), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return np.load(path)


def compare(tmp_path, program, *arguments):
    theirs = run(ORACLE, program, tmp_path / "theirs.npz", *arguments)
    ours = run(sys.executable, program, tmp_path / "ours.npz", *arguments)
    assert set(ours.files) == set(theirs.files)
    wrong = []
    for name in theirs.files:
        a, b = ours[name], theirs[name]
        tolerance = 4e-3 if b.dtype == np.float16 else 3e-5
        if a.dtype != b.dtype or a.shape != b.shape:
            wrong.append(f"{name}: {a.dtype}{a.shape}, expected {b.dtype}{b.shape}")
        elif not np.allclose(
            a.astype(float), b.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True
        ):
            difference = np.nanmax(np.abs(a.astype(float) - b.astype(float)))
            wrong.append(f"{name}: largest difference {difference:.3g}")
    assert not wrong, "\n".join(wrong[:40])


def is_missing(section):
    """Whether the core lacks what a section is about."""
    probes = {
        "convolutions": lambda: mx.conv1d(mx.ones((1, 3, 1)), mx.ones((1, 1, 1))),
        "orthogonal": lambda: mx.linalg.qr(mx.eye(2), stream=mx.cpu),
        "float_quantized": lambda: mx.quantize(mx.ones((32, 64)), mode="nvfp4"),
    }
    try:
        mx.eval(probes.get(section, lambda: mx.array(0))())
    except (RuntimeError, NotImplementedError, ValueError):
        return True
    return False


@pytest.mark.parametrize("section", NN_SECTIONS)
def test_nn(tmp_path, section):
    if is_missing(section):
        pytest.skip(f"mlx.core lacks operations that the section {section!r} needs")
    compare(tmp_path, "nn_program.py", section)


def test_optimizers(tmp_path):
    compare(tmp_path, "optimizers_program.py")
