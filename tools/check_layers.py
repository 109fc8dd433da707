"""Checks that each folder includes only what the layer table allows, and that folders form no cycle."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Folder -> folders whose headers it may include, besides its own. "public" is include/mlx; standard
# and third-party headers (angle brackets outside mlx/) are free except where PUBLIC_LIBRARIES says.
LAYERS = {
    "public": set(),
    "base": {"public"},
    "graph": {"base", "public"},
    "runtime": {"base", "graph", "public"},
    "ops": {"base", "graph", "runtime", "public"},
    "transforms": {"base", "graph", "runtime", "public"},
    "compile": {"base", "graph", "runtime", "transforms", "public"},
    "io": {"base", "graph", "runtime", "public"},
    "distributed": {"base", "graph", "runtime", "public"},
    "python/bindings": {"public"},
}
BACKEND = {"base", "graph", "runtime", "public"}

# wiring.cpp is the one place that names every backend.
WIRING = "src/wiring.cpp"


def layer_of(path: pathlib.Path) -> str | None:
    """The layer a file belongs to: backends are layers of their own (backend/cpu, backend/cuda)."""
    parts = path.relative_to(ROOT).parts
    if parts[:2] == ("include", "mlx"):
        return "public"
    if parts[:2] == ("python", "bindings"):
        return "python/bindings"
    if parts[0] != "src" or len(parts) < 3:
        return None
    if parts[1] == "backend":
        # src/backend/*.h is what all backends share: it obeys a backend's rules.
        return f"backend/{parts[2]}" if len(parts) > 3 else "backend"
    return parts[1]


def allowed(layer: str) -> set[str] | None:
    if layer.startswith("backend"):
        return BACKEND | {"backend"}
    return LAYERS.get(layer)


def resolve(including: pathlib.Path, name: str, quoted: bool) -> pathlib.Path | None:
    """The file of this repository that an include names, or None for the system's."""
    candidates = [ROOT / "include" / name, ROOT / "src" / name]
    if quoted:
        candidates.insert(0, including.parent / name)
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    return None


def sources() -> list[pathlib.Path]:
    found = []
    for folder in ("include/mlx", "src", "python/bindings"):
        for suffix in ("*.h", "*.cpp", "*.hpp", "*.inl"):
            found += (ROOT / folder).rglob(suffix)
    return sorted(found)


def check() -> list[str]:
    problems = []
    edges: dict[str, dict[str, str]] = {}
    for source in sources():
        relative = source.relative_to(ROOT).as_posix()
        layer = layer_of(source)
        if relative == WIRING:
            continue
        if layer is None:
            problems.append(f"{relative}: only wiring.cpp lies directly in src/; put it in a layer")
            continue
        permitted = allowed(layer)
        if permitted is None:
            problems.append(f"{relative}: folder {layer} is not in the layer table")
            continue
        for match in INCLUDE.finditer(source.read_text(errors="replace")):
            target = resolve(source, match.group(2), match.group(1) == '"')
            if target is None:
                if match.group(2).startswith("mlx/"):
                    problems.append(f"{relative}: includes {match.group(2)}, which does not exist")
                continue
            included = layer_of(target)
            if included is None or included == layer:
                continue
            where = f"{relative} includes {match.group(2)}"
            edges.setdefault(layer, {}).setdefault(included, where)
            if included not in permitted:
                may = ", ".join(sorted(permitted)) or "nothing of ours"
                problems.append(f"{where}: {layer} may include {may}, not {included}")
    return problems + cycles(edges)


def cycles(edges: dict[str, dict[str, str]]) -> list[str]:
    """One message for each pair of folders that reach one another through includes."""
    found = []

    def visit(layer: str, path: list[str]) -> None:
        if layer in path:
            loop = path[path.index(layer) :] + [layer]
            if loop[0] == min(loop):
                steps = "; ".join(edges[a][b] for a, b in zip(loop, loop[1:]))
                found.append(f"cycle {' -> '.join(loop)}: {steps}")
            return
        for included in edges.get(layer, {}):
            visit(included, path + [layer])

    for layer in sorted(edges):
        visit(layer, [])
    return sorted(set(found))


def main() -> int:
    problems = check()
    for problem in problems:
        print(problem)
    print(f"check_layers: {len(sources())} files, {len(problems)} violations")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
