"""Writes the type stubs of mlx.core: nanobind's, with the names and operators that it cannot know added.

Needs the built mlx in PYTHONPATH; the argument is the folder that gets core/*.pyi. With --check, nothing
is written and a stub that is missing or differs makes the exit status 1.
"""

import argparse
import ast
import pathlib
import re
import subprocess
import sys
import tempfile

IMPORTS = """\
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO as file, Literal, ParamSpec, Protocol, TypeAlias, TypeVar
"""

ALIASES = """\
P = ParamSpec("P")
R = TypeVar("R")

scalar: TypeAlias = int | float | bool | complex
list_or_scalar: TypeAlias = scalar | list["list_or_scalar"]
StreamOrDevice: TypeAlias = Stream | ThreadLocalStream | Device | DeviceType | None

class DLPackCompatible(Protocol):
    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __dlpack_device__(self, *args: Any, **kwargs: Any) -> Any: ...

bool_: Dtype = ...
"""

ARITHMETIC = (
    "add sub mul truediv floordiv mod pow and or xor lshift rshift"
    " radd rsub rmul rtruediv rfloordiv rmod rpow"
    " iadd isub imul itruediv ifloordiv imod ipow iand ior ixor ilshift irshift"
    " lt le gt ge"
).split()

# Signatures of what Python's own slots answer, by method of the class array.
OPERATORS = {f"__{name}__": "(self, other: scalar | array) -> array" for name in ARITHMETIC}
OPERATORS |= {
    "__matmul__": "(self, other: array) -> array",
    "__imatmul__": "(self, other: array) -> array",
    "__eq__": "(self, other: object) -> Any",
    "__ne__": "(self, other: object) -> Any",
    "__neg__": "(self) -> array",
    "__pos__": "(self) -> array",
    "__abs__": "(self) -> array",
    "__invert__": "(self) -> array",
    "__bool__": "(self) -> bool",
    "__hash__": "(self) -> int",
    "__int__": "(self) -> int",
    "__float__": "(self) -> float",
    "__complex__": "(self) -> complex",
    "__index__": "(self) -> int",
    "__deepcopy__": "(self, memo: dict) -> array",
}
# Right-hand forms that numbers never reach, as the operator takes an array on its left.
UNREACHABLE = {"__rand__", "__ror__", "__rxor__", "__rlshift__", "__rrshift__", "__rmatmul__"}

METHOD = re.compile(
    r'^    def (?P<name>__\w+__)\((?P<arguments>[^)]*)\)(?P<result>[^:]*):(?: \.\.\.\n|\n        """.*?"""\n)',
    re.MULTILINE | re.DOTALL,
)


def fix_operators(text: str) -> str:
    """Gives the slot methods of the class array their real signatures."""
    start = text.index("class array:")
    end = text.find("\nclass ", start + 1)
    end = len(text) if end < 0 else end

    def replace(match: re.Match) -> str:
        name = match["name"]
        if name in UNREACHABLE:
            return ""
        if name in OPERATORS:
            return f"    def {name}{OPERATORS[name]}: ...\n"
        return match[0]

    return text[:start] + METHOD.sub(replace, text[start:end]) + text[end:]


def fix_core(text: str) -> str:
    text = re.sub(r"^from collections\.abc import .*\n", "", text, flags=re.MULTILINE)
    first_import = re.search(r"^import ", text, flags=re.MULTILINE).start()
    text = text[:first_import] + IMPORTS + text[first_import:]
    return fix_operators(text).rstrip() + "\n\n" + ALIASES


def fix_submodule(text: str) -> str:
    header = (
        "from collections.abc import Callable, Sequence\nfrom typing import Any\n\n"
        "from mlx.core import Device, DeviceType, Dtype, Stream, StreamOrDevice, "
        "ThreadLocalStream, array, float32, int32, scalar\n\n"
    )
    docstring = re.match(r'""".*?"""\n', text, flags=re.DOTALL)
    at = docstring.end() if docstring else 0
    return text[:at] + "\n" + header + text[at:].lstrip()


def make_stubs() -> dict[str, str]:
    """The text of each stub by its name below core/."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "mlx.core", "-r"]
        subprocess.run([*command, "-O", folder], check=True)
        made = {}
        for path in sorted(pathlib.Path(folder).rglob("*.pyi")):
            name = "__init__.pyi" if path.stem in ("core", "__init__") else path.name
            fix = fix_core if name == "__init__.pyi" else fix_submodule
            made[name] = fix(path.read_text())
    for name, text in made.items():
        ast.parse(text, filename=name)
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.folder / "core"
    stale = []
    for name, text in make_stubs().items():
        path = folder / name
        if path.is_file() and path.read_text() == text:
            continue
        stale.append(str(path))
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if arguments.check:
        for path in stale:
            print(f"{path} is not up to date: run tools/make_stubs.py {arguments.folder}")
        return 1 if stale else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
