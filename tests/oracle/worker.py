"""Runs small programs with whatever mlx the interpreter has and describes their results plainly.

Imported by the tests for our mlx; started as a subprocess in the oracle's venv for the released wheel, where
it reads pickled requests from stdin and answers on stdout. Both sides therefore run the same code.
"""

import ast
import pickle
import struct
import sys

import numpy as np

# How an input is laid out in memory; its values are the same in each layout.
LAYOUTS = ("contiguous", "transposed", "strided", "reversed", "offset")


def import_mlx():
    import mlx.core

    return mlx.core


def make_array(mx, values, dtype, layout="contiguous"):
    """An array of the given values and dtype name; the layout says how it lies in memory."""
    values = np.asarray(values)
    if values.ndim == 0 or layout == "contiguous":
        return to_dtype(mx, values, dtype)
    if layout == "transposed":
        return mx.transpose(to_dtype(mx, np.ascontiguousarray(values.T), dtype))
    if layout == "strided":
        return to_dtype(mx, np.repeat(values, 2, axis=-1), dtype)[..., ::2]
    if layout == "reversed":
        return to_dtype(mx, np.ascontiguousarray(values[::-1]), dtype)[::-1]
    if layout == "offset":
        padded = np.concatenate([values[:1], values, values[:1]]) if len(values) else values
        array = to_dtype(mx, padded, dtype)
        return array[1:-1] if len(values) else array
    raise ValueError(f"unknown layout {layout}")


def to_dtype(mx, values, dtype):
    """Goes through the nearest NumPy type, then casts: NumPy has no bfloat16."""
    if dtype == "bfloat16":
        return mx.array(values.astype(np.float32)).astype(mx.bfloat16)
    if dtype == "bool":
        dtype = "bool_"
    if (
        dtype == "float64"
    ):  # a NumPy float64 array becomes float32 in mx.array unless told otherwise
        return mx.array(values.astype(np.float64), dtype=mx.float64)
    return mx.array(values.astype(dtype))


def dtype_name(array):
    return str(array.dtype).replace("mlx.core.", "")


def plain(mx, value):
    """A picklable description: ("array", dtype, shape, NumPy values), ("list", ...), ("py", type, value)..."""
    if isinstance(value, mx.array):
        name = dtype_name(value)
        readable = value.astype(mx.float32) if name == "bfloat16" else value
        return ("array", name, tuple(value.shape), np.array(readable))
    if isinstance(value, (list, tuple)):
        return ("tuple" if isinstance(value, tuple) else "list", [plain(mx, v) for v in value])
    if isinstance(value, dict):
        return ("dict", {str(k): plain(mx, v) for k, v in value.items()})
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return ("py", type(value).__name__, value)
    if isinstance(value, np.generic):
        return ("py", type(value).__name__, value.item())
    if isinstance(value, np.ndarray):
        return ("numpy", str(value.dtype), value.shape, value)
    if isinstance(value, mx.Dtype):
        return ("dtype", str(value))
    return ("other", type(value).__name__)


def run(mx, text, inputs, modules=()):
    """Runs one program. The value of an expression at its end, or else the variable `out`, is the result."""
    scope = {"mx": mx, "np": np}
    try:
        for module in modules:
            __import__(module)
            scope[module.rsplit(".", 1)[-1]] = sys.modules[module]
        for name, spec in inputs.items():
            scope[name] = make_array(mx, *spec)
        tree = ast.parse(text)
        if isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
            exec(compile(tree, "<program>", "exec"), scope)
            return plain(mx, eval(compile(last, "<program>", "eval"), scope))
        exec(compile(tree, "<program>", "exec"), scope)
        return plain(mx, scope["out"])
    except Exception as error:
        return ("error", type(error).__name__, str(error)[:300])


def serve():
    """Answers requests until stdin ends. A request is a list of run()'s arguments."""
    stdout, sys.stdout = sys.stdout.buffer, sys.stderr
    mx = import_mlx()
    while header := sys.stdin.buffer.read(8):
        request = pickle.loads(sys.stdin.buffer.read(struct.unpack("<q", header)[0]))
        answer = pickle.dumps([run(mx, *program) for program in request])
        stdout.write(struct.pack("<q", len(answer)) + answer)
        stdout.flush()


if __name__ == "__main__":
    serve()
