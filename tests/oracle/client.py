"""Talks to the oracle: the released MLX wheel in an interpreter of its own; and compares results."""

import os
import pathlib
import pickle
import select
import struct
import subprocess

import numpy as np

WORKER = pathlib.Path(__file__).with_name("worker.py")
TIMEOUT_SECONDS = 10

# Relative and absolute tolerance by dtype. The wheel reduces 16-bit floats in 16 bits and computes float64
# functions to float32's accuracy, so it is the coarse side; the reference tests are the strict ones.
TOLERANCE = {
    "float16": (4e-3, 4e-3),
    "bfloat16": (3e-2, 3e-2),
    "float32": (2e-5, 2e-6),
    "float64": (2e-5, 2e-6),
    "complex64": (2e-5, 4e-6),
}


class Oracle:
    """A worker process that is started at the first question and again after it died."""

    def __init__(self, python):
        self.python = python
        self.process = None

    def ask(self, programs):
        """Runs programs [(text, inputs, modules)...]; a program that kills the wheel answers ("crash",)."""
        try:
            return self._ask(programs)
        except BaseException as error:
            self.close()  # whatever happened, the next answer would not be to the next question
            if not isinstance(error, (EOFError, BrokenPipeError)):
                raise
            if len(programs) == 1:
                return [("crash",)]
            return [answer for program in programs for answer in self.ask([program])]

    def _ask(self, programs):
        if self.process is None:
            environment = {
                k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "LD_PRELOAD")
            }
            self.process = subprocess.Popen(
                [self.python, str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        request = pickle.dumps([tuple(program) for program in programs])
        self.process.stdin.write(struct.pack("<q", len(request)) + request)
        self.process.stdin.flush()
        return pickle.loads(self._read(struct.unpack("<q", self._read(8))[0]))

    def _read(self, size):
        data = b""
        while len(data) < size:
            ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_SECONDS)
            chunk = os.read(self.process.stdout.fileno(), size - len(data)) if ready else b""
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def difference(ours, theirs, tolerance=1.0, exact=False):
    """None if two plain results agree, else one sentence on how they differ."""
    if theirs[0] == "crash":
        return None  # the wheel died: it says nothing about the right answer
    if theirs[0] == "error" or ours[0] == "error":
        if ours[0] != theirs[0]:
            return f"ours {brief(ours)}, the wheel {brief(theirs)}"
        return None if ours[1] == theirs[1] else f"ours raises {ours[1:]}, the wheel {theirs[1:]}"
    if ours[0] != theirs[0]:
        return f"ours is a {ours[0]} {brief(ours)}, the wheel's a {theirs[0]} {brief(theirs)}"
    if ours[0] in ("list", "tuple"):
        if len(ours[1]) != len(theirs[1]):
            return f"ours has {len(ours[1])} items, the wheel {len(theirs[1])}"
        found = [difference(a, b, tolerance, exact) for a, b in zip(ours[1], theirs[1])]
        return next((f"item {i}: {d}" for i, d in enumerate(found) if d), None)
    if ours[0] == "dict":
        if list(ours[1]) != list(theirs[1]) and set(ours[1]) != set(theirs[1]):
            return f"keys: ours {sorted(ours[1])}, the wheel {sorted(theirs[1])}"
        found = {k: difference(ours[1][k], theirs[1][k], tolerance, exact) for k in ours[1]}
        return next((f"[{k}]: {d}" for k, d in found.items() if d), None)
    if ours[0] in ("array", "numpy"):
        if ours[1] != theirs[1]:
            return f"dtype: ours {ours[1]}, the wheel {theirs[1]}"
        if ours[2] != theirs[2]:
            return f"shape: ours {ours[2]}, the wheel {theirs[2]}"
        return values_differ(ours[3], theirs[3], ours[1], tolerance, exact)
    if ours[0] == "py":
        if ours[1] != theirs[1]:
            return f"type: ours {ours[1]}, the wheel {theirs[1]}"
        if ours[1] in ("float", "complex"):
            return values_differ(
                np.array(ours[2]), np.array(theirs[2]), "float32", tolerance, exact
            )
        return None if ours[2] == theirs[2] else f"ours {ours[2]!r}, the wheel {theirs[2]!r}"
    return None if ours == theirs else f"ours {brief(ours)}, the wheel {brief(theirs)}"


def values_differ(ours, theirs, dtype, tolerance, exact):
    if ours.dtype.kind == "V":  # bfloat16 as NumPy sees it
        same = ours.tobytes() == theirs.tobytes()
        return None if same else "the bytes differ"
    if ours.dtype.kind in "bui" or exact:
        same = np.array_equal(ours, theirs, equal_nan=ours.dtype.kind in "fc")
    else:
        rtol, atol = TOLERANCE.get(dtype, (2e-5, 2e-6))
        with np.errstate(all="ignore"):
            same = np.allclose(ours, theirs, rtol * tolerance, atol * tolerance, equal_nan=True)
    if same:
        return None
    with np.errstate(all="ignore"):
        wrong = ~(
            np.isclose(ours, theirs, 1e-6, 0, equal_nan=True)
            if ours.dtype.kind in "fc"
            else ours == theirs
        )
    at = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else ()
    return (
        f"{int(wrong.sum())} of {ours.size} values of {dtype} differ, "
        f"first at {at}: ours {ours[at]}, the wheel {theirs[at]}"
    )


def brief(result):
    if result[0] == "array":
        return f"{result[1]} {result[2]} {np.asarray(result[3]).ravel()[:4]}"
    return str(result)[:200]
