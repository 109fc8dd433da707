"""What one benchmark says: its inputs, the same work in each framework, and what it must move or compute."""

from dataclasses import dataclass, field

SIZES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4}


@dataclass(frozen=True)
class Case:
    """Programs are expressions over the inputs' names; a framework without one is left out of the row.

    `torch_out` may use `out`, a tensor of the result's shape that is made once: PyTorch writing into warm memory.
    """

    name: str
    inputs: dict[str, tuple]  # name -> (kind, shape, dtype[, limit])
    mlx: str
    torch: str | None = None
    torch_out: str | None = None
    numpy: str | None = None
    numpy_out: str | None = None
    setup_mlx: str = ""
    setup_torch: str = ""
    read: int = 0  # bytes that have to be read
    written: int = 0  # bytes that have to be written
    flops: int = 0
    per: int = 1  # operations in one program: the table shows the time of one
    tolerance: float = 1e-3  # relative to the largest value; None: results need not agree
    unit: str = "ms"
    fields: dict = field(default_factory=dict)


def normal(*shape, dtype="float32"):
    return ("normal", shape, dtype)


def uniform(*shape, dtype="float32"):
    return ("uniform", shape, dtype)


def integers(limit, *shape, dtype="int32"):
    return ("integers", shape, dtype, limit)
