"""Checks that each public header compiles alone, with only include/ in the search path."""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILER = os.environ.get("CXX", "g++")

# Formulas include nothing by design: they are read inside each SIMD target's namespace.
TEXTUAL = "include/mlx/formulas/"


def compile_alone(header: pathlib.Path) -> str:
    """The compiler's complaint about a program that includes just this header, or an empty text."""
    name = header.relative_to(ROOT / "include").as_posix()
    done = subprocess.run(
        [COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused-parameter"]
        + ["-I", str(ROOT / "include"), "-x", "c++", "-"],
        input=f'#include "{name}"\n',
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else f"{name} does not compile alone:\n{done.stderr[:1500]}"


def main() -> int:
    headers = [
        h
        for h in sorted((ROOT / "include").rglob("*.h"))
        if TEXTUAL not in h.relative_to(ROOT).as_posix()
    ]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        problems = [p for p in pool.map(compile_alone, headers) if p]
    for problem in problems:
        print(problem)
    print(f"check_headers: {len(headers)} headers, {len(problems)} do not compile alone")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
