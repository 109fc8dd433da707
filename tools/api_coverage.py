"""Compares mlx.core's names and signatures, and those of the Python packages, with the released wheel's.

Ours come from a stub that nanobind generates from the built extension, the wheel's from the stubs it ships;
argument names, kinds and defaults are compared, types are not. Needs our mlx in PYTHONPATH.
"""

import argparse
import ast
import json
import pathlib
import subprocess
import sys
import tempfile

# Names that exist and raise an error that says so; their signatures are not compared.
# An entry that ends in a dot covers a submodule.
OUT_OF_SCOPE = {
    "linalg.",
    "fft.",
    "distributed.",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_general",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "export_function",
    "import_function",
    "exporter",
    "export_to_dot",
    "FunctionExporter",
    "save_gguf",
    "qqmm",
    "gather_qmm",
    "gather_qqmm",
    "gather_mm",
    "block_masked_mm",
    "segmented_mm",
    "hadamard_transform",
    "to_fp8",
    "from_fp8",
    "fast.metal_kernel",
    "fast.cuda_kernel",
    "fast.precompiled_cuda_kernel",
    "fast.gated_delta_update",
}

PYTHON_MODULES = (
    "mlx.nn",
    "mlx.nn.init",
    "mlx.nn.losses",
    "mlx.nn.utils",
    "mlx.optimizers",
    "mlx.utils",
)

# Runs in either interpreter: prints {module: {name: signature}} of pure Python modules.
DESCRIBE = r"""
import importlib, inspect, json, sys
def signature(f):
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return None
    def default(p):
        if p.default is p.empty: return ""
        return "=" + (getattr(p.default, "__name__", None) or repr(p.default)).split(" at 0x")[0]
    return ["*" * (p.kind == p.VAR_POSITIONAL) + "**" * (p.kind == p.VAR_KEYWORD) + p.name + default(p)
            for p in parameters]
out = {}
for module in sys.argv[1:]:
    try:
        m = importlib.import_module(module)
    except ImportError as e:
        out[module] = {"(import)": [str(e)]}
        continue
    names = {}
    for name, value in vars(m).items():
        if name.startswith("_") or inspect.ismodule(value): continue
        if not getattr(value, "__module__", "").startswith("mlx.") or value.__module__ == "mlx.core": continue
        if inspect.isclass(value):
            names[name] = signature(value.__init__)
            for method in dir(value):
                function = getattr(value, method)
                if not method.startswith("_") and callable(function):
                    names[name + "." + method] = signature(function)
        elif callable(value):
            names[name] = signature(value)
    out[module] = names
print(json.dumps(out))
"""

# Runs in the wheel's interpreter: prints its public names, as they are at run time.
RUNTIME_NAMES = r"""
import inspect, json
import mlx.core as mx
names = []
NOT_API = ("__doc__", "__module__", "__dict__", "__weakref__", "__new__", "__init__", "__qualname__")
def visit(value, prefix):
    for name, member in vars(value).items():
        operator = name.startswith("__") and inspect.isclass(value) and name not in NOT_API and "__nb_" not in name
        if name.startswith("_") and not operator:
            continue
        names.append(prefix + name)
        if inspect.isclass(member) and not issubclass(member, Exception) or (
                inspect.ismodule(member) and not prefix):
            visit(member, prefix + name + ".")
visit(mx, "")
print(json.dumps({"file": mx.__file__, "names": names}))
"""


def arguments_of(function: ast.FunctionDef) -> tuple[str, ...]:
    """Arguments as text: name, default, and the / and * that set their kinds."""
    args = function.args
    plain = args.posonlyargs + args.args
    defaults = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
    shown = []
    for i, (argument, default) in enumerate(zip(plain, defaults)):
        if argument.arg != "self" and not (
            i < len(args.posonlyargs) and argument.arg.startswith("arg")
        ):
            shown.append(argument.arg + (f"={ast.unparse(default)}" if default is not None else ""))
        elif argument.arg != "self":
            shown.append("_")
        if i + 1 == len(args.posonlyargs) and [a for a in plain[: i + 1] if a.arg != "self"]:
            shown.append("/")
    if args.vararg:
        shown.append("*" + args.vararg.arg)
    elif args.kwonlyargs:
        shown.append("*")
    for argument, default in zip(args.kwonlyargs, args.kw_defaults):
        shown.append(argument.arg + (f"={ast.unparse(default)}" if default is not None else ""))
    if args.kwarg:
        shown.append("**" + args.kwarg.arg)
    return tuple(shown)


def names_of(body: list[ast.stmt], prefix: str = "") -> dict[str, set[tuple[str, ...]]]:
    """Public names of a stub's body, each with its overloads' arguments (none for what is no function)."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            decorators = {ast.unparse(d) for d in node.decorator_list}
            overloads = found.setdefault(prefix + node.name, set())
            if not any(d == "property" or d.endswith(".setter") for d in decorators):
                overloads.add(arguments_of(node))
        elif isinstance(node, ast.ClassDef):
            found.setdefault(prefix + node.name, set())
            found.update(names_of(node.body, f"{prefix}{node.name}."))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.setdefault(prefix + node.target.id, set())
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(prefix + target.id, set())
    return found


def read_stubs(folder: pathlib.Path) -> dict[str, set[tuple[str, ...]]]:
    """All names of a folder of stubs; those of fast.pyi get the prefix "fast."."""
    names = {}
    for stub in sorted(folder.glob("*.pyi")):
        prefix = "" if stub.stem == "__init__" else stub.stem + "."
        names.update(names_of(ast.parse(stub.read_text()).body, prefix))
    return names


# Same name and behaviour; our signature takes everything the wheel's does, and more.
WIDER = {
    "std": "also `correction`, as the array API standard names ddof",
    "var": "also `correction`, as the array API standard names ddof",
    "cumulative_sum": "also `include_initial`, from the array API standard",
    "cumulative_prod": "also `include_initial`, from the array API standard",
    "minmax": "the first argument has no name in ours",
}


def out_of_scope(name: str) -> bool:
    return any(
        name == entry or name.startswith(entry if entry.endswith(".") else entry + ".")
        for entry in OUT_OF_SCOPE
    )


def runtime_names(python: str, env) -> dict:
    done = subprocess.run(
        [python, "-c", RUNTIME_NAMES], capture_output=True, text=True, check=True, env=env
    )
    return json.loads(done.stdout)


def is_operator(name: str) -> bool:
    """Operators are called by the interpreter, by position: their arguments' names do not matter."""
    last = name.rsplit(".", 1)[-1]
    return last.startswith("__") and last not in ("__init__", "__dlpack__")


def compare_core(oracle: str, verbose: bool) -> int:
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "mlx.core", "-r", "-O", folder],
            capture_output=True,
            text=True,
        )
        if made.returncode != 0:
            print(made.stdout + made.stderr)
            print("api_coverage: could not generate our stubs")
            return 1
        candidates = [p for p in pathlib.Path(folder).rglob("*.pyi")]
        flat = pathlib.Path(folder) / "flat"
        flat.mkdir()
        for path in candidates:
            name = "__init__" if path.stem in ("core", "__init__") else path.stem
            (flat / f"{name}.pyi").write_text(path.read_text())
        ours = read_stubs(flat)
    for name in runtime_names(sys.executable, None)["names"]:
        ours.setdefault(name, set())
    wheel = runtime_names(oracle, {})
    theirs = read_stubs(pathlib.Path(wheel["file"]).parent / "core")
    # Type variables and aliases stand in the stubs only; constants may stand in the module only.
    constructors = [
        n for n in theirs if n.endswith(".__init__") and n.split(".")[-2] in wheel["names"]
    ]
    theirs = {name: theirs.get(name, set()) for name in wheel["names"] + constructors}

    same = excepted = 0
    problems = []
    for name, overloads in sorted(theirs.items()):
        if name not in ours:
            problems.append(f"missing   {name}{show(overloads)}")
        elif out_of_scope(name):
            excepted += 1
        elif overloads != ours[name] and not is_operator(name) and name not in WIDER:
            problems.append(
                f"differs   {name}\n  wheel {show(overloads)}\n  ours  {show(ours[name])}"
            )
        else:
            same += 1
    if verbose:
        for name in sorted(set(ours) - set(theirs)):
            print(f"extra     {name}{show(ours[name])}")
    for problem in problems:
        print(problem)
    print(
        f"mlx.core: {len(theirs)} names in the wheel, {same} the same, "
        f"{excepted} exist and raise (out of scope), {len(problems)} missing or different"
    )
    return len(problems)


def show(overloads) -> str:
    return " | ".join(f"({', '.join(o)})" for o in sorted(overloads))


def compare_python(oracle: str) -> int:
    def describe(python: str, env):
        done = subprocess.run(
            [python, "-c", DESCRIBE, *PYTHON_MODULES], capture_output=True, text=True, env=env
        )
        if done.returncode != 0:
            print(done.stderr)
            return {}
        return json.loads(done.stdout)

    theirs, ours = describe(oracle, {}), describe(sys.executable, None)
    problems = same = 0
    for module, names in theirs.items():
        have = ours.get(module, {})
        if "(import)" in have:
            print(f"missing   {module}: {have['(import)'][0]}")
        for name, signature in sorted(names.items()):
            if have.get(name, "missing") == signature:
                same += 1
                continue
            problems += 1
            if "(import)" in have:
                continue
            if name not in have:
                print(f"missing   {module}.{name}")
            else:
                print(f"differs   {module}.{name}\n  wheel {signature}\n  ours  {have[name]}")
    print(f"Python packages: {same} names the same, {problems} missing or different")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--oracle", required=True, help="the interpreter that has the released wheel"
    )
    parser.add_argument("--verbose", action="store_true", help="also list the names only we have")
    args = parser.parse_args()
    problems = compare_core(args.oracle, args.verbose) + compare_python(args.oracle)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
