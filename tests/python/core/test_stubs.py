"""The type stubs that lie beside the extension name what the extension has, no more and no less."""

import ast
import inspect
import pathlib

import pytest

import mlx.core as mx

FOLDER = pathlib.Path(mx.__file__).parent / "core"
STUBS = sorted(path.stem for path in FOLDER.glob("*.pyi"))

# Types for annotations only, and what every module has.
ONLY_IN_STUBS = {
    "scalar",
    "ArrayLike",
    "DLPackCompatible",
    "StreamOrDevice",
    "list_or_scalar",
    "P",
    "R",
    "T",
}


def names_of(body):
    found = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mlx"):
            # Only what is imported under another name is a name of the module.
            found.update({alias.asname: node for alias in node.names if alias.asname})
        elif isinstance(node, ast.Assign):
            found.update({t.id: node for t in node.targets if isinstance(t, ast.Name)})
    return {name: node for name, node in found.items() if not name.startswith("_")}


def test_there_are_stubs():
    if not (FOLDER / "__init__.pyi").exists():
        pytest.skip("this build makes no stubs (a sanitizer build)")
    assert {"__init__", "random", "fast", "linalg", "metal", "cuda"} <= set(STUBS)


@pytest.mark.parametrize("stub", STUBS)
def test_names_agree(stub):
    module = mx if stub == "__init__" else getattr(mx, stub)
    in_stub = names_of(ast.parse((FOLDER / f"{stub}.pyi").read_text()).body)
    in_module = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert in_module - set(in_stub) == set()
    missing = {
        name for name in set(in_stub) - in_module - ONLY_IN_STUBS if not hasattr(module, name)
    }
    assert missing == set()
    for name, node in in_stub.items():
        value = getattr(module, name, None)
        if isinstance(node, ast.ClassDef) and inspect.isclass(value):
            public = {member for member in vars(value) if not member.startswith("_")}
            assert public == set(names_of(node.body)) & public, name
