"""What one row of the op tables says, and how its inputs are made."""

import zlib
from dataclasses import dataclass, field

import numpy as np

BOOL = ("bool",)
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
SIGNED = ("int8", "int16", "int32", "int64")
INTS = UNSIGNED + SIGNED
HALVES = ("float16", "bfloat16")
FLOATS = HALVES + ("float32", "float64")
COMPLEX = ("complex64",)
REAL = BOOL + INTS + FLOATS
ALL = REAL + COMPLEX


@dataclass(frozen=True)
class Arg:
    """An input array: its shape, what values it takes, and its dtype (None: the row's dtypes in turn)."""

    shape: tuple[int, ...]
    kind: str
    dtype: str | None = None
    limit: int = 0


@dataclass
class Case:
    """One op case: a program text over named inputs, and what must hold of it."""

    name: str
    text: str
    args: dict[str, Arg]
    ref: str | None = None  # the same in NumPy (np) and SciPy (sp) over float64
    dtypes: tuple[str, ...] = FLOATS
    grad: str = ""  # names of the inputs to differentiate by
    jvp: bool = True  # else only the vjp is checked
    vmap: bool = True
    compile: bool = True
    oracle: bool = True
    tolerance: float = 1.0  # multiplies every tolerance of this row
    elementwise: bool = False  # then it is also run on empty and 0-d inputs and on special values
    special: bool = True
    modules: tuple[str, ...] = field(default=())

    def inputs(self, dtype, layout="contiguous", salt=0):
        """Input specs for the worker: name -> (values, dtype, layout)."""
        made = {}
        for name, arg in self.args.items():
            chosen = arg.dtype or dtype
            made[name] = (make_values(f"{self.name}.{name}.{salt}", arg, chosen), chosen, layout)
        return made


def N(*shape, dtype=None):  # noqa: N802
    """Values on both sides of zero."""
    return Arg(shape, "any", dtype)


def P(*shape, dtype=None):  # noqa: N802
    """Positive values from 1/2 to 5/2."""
    return Arg(shape, "positive", dtype)


def U(*shape, dtype=None):  # noqa: N802
    """Values within (-1, 1)."""
    return Arg(shape, "unit", dtype)


def D(*shape, dtype=None):  # noqa: N802
    """Distinct values, at least 1/16 apart, so that maxima and orders are unique."""
    return Arg(shape, "distinct", dtype)


def I(limit, *shape, dtype="int32"):  # noqa: E743, N802
    """Indices from 0 to limit - 1."""
    return Arg(shape, "index", dtype, limit)


def B(*shape):  # noqa: N802
    """Booleans."""
    return Arg(shape, "any", "bool")


# Values each floating type holds exactly where it can: the edges of every element-wise function.
SPECIAL = np.array(
    [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        -2.5,
        3.5,
        np.inf,
        -np.inf,
        np.nan,
        1e-3,
        -7e3,
        6e4,
        1e-7,
    ]
)


def make_values(key, arg, dtype):
    """The same values in every run. Floats are multiples of 1/64, which each floating type holds exactly."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    size = int(np.prod(arg.shape))
    if arg.kind == "index":
        values = rng.integers(0, arg.limit, size)
    elif arg.kind == "distinct":
        order = rng.permutation(size)
        values = order if dtype in INTS + BOOL else (order - size // 2) / 16
    elif arg.kind == "special":
        values = np.resize(SPECIAL, size)
    elif dtype in INTS:
        low = 1 if arg.kind == "positive" else (-5 if dtype in SIGNED else 0)
        values = rng.integers(low, 8, size)
    else:
        low, high = {"any": (-128, 129), "positive": (32, 160), "unit": (-60, 61)}[arg.kind]
        values = rng.integers(low, high, size) / 64
        if dtype == "complex64":
            imaginary = rng.integers(-128, 129, size) / 64
            values = values + 1j * imaginary
    if dtype == "bool":
        values = values > 0
    return np.asarray(values).reshape(arg.shape)


def row(name, text, ref=None, **options):
    """A Case whose keyword arguments that are Args become its inputs."""
    args = {k: v for k, v in options.items() if isinstance(v, Arg)}
    rest = {k: v for k, v in options.items() if not isinstance(v, Arg)}
    return Case(name, text, args, ref, **rest)
