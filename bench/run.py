"""Measures ours against the released MLX wheel, PyTorch and NumPy, and writes bench/results/<machine>.md.

Each framework runs in a worker process of its own; the workers take turns within a case, and a row shows the
median of the rounds. Results of all frameworks are compared before anything is timed. Needs the machine to itself.
"""

import argparse
import importlib
import json
import os
import pathlib
import pickle
import platform
import re
import statistics
import struct
import subprocess
import sys
import time

import numpy as np

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH.parent))

ROUNDS = 4
SECONDS_PER_TURN = 0.05
SLOW_SECONDS = 2


class Worker:
    def __init__(self, name, python, framework, pythonpath=""):
        self.name = name
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [pythonpath, str(ROOT)])),
        }
        self.process = subprocess.Popen(
            [python, str(BENCH / "worker.py"), framework],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def ask(self, *message):
        data = pickle.dumps(message)
        try:
            self.process.stdin.write(struct.pack("<q", len(data)) + data)
            self.process.stdin.flush()
            header = self.process.stdout.read(8)
            status, answer = pickle.loads(self.process.stdout.read(struct.unpack("<q", header)[0]))
        except (BrokenPipeError, struct.error, EOFError):
            raise RuntimeError(f"the {self.name} worker died") from None
        if status == "error":
            raise RuntimeError(answer)
        return answer


def measure_limits():
    """Bandwidths and the best sgemm of this machine, by a small C++ program compiled for it."""
    program = ROOT / "build" / "limits"
    program.parent.mkdir(exist_ok=True)
    source = BENCH / "limits" / "limits.cpp"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        flags = ["-O3", "-march=native", "-std=c++20", "-pthread"]
        subprocess.run(["g++", *flags, str(source), "-o", str(program), "-lopenblas"], check=True)
    threads = str(len(os.sched_getaffinity(0)))
    best = {}
    # OpenBLAS may not know the processor and fall back to a slow kernel; the fastest it has is the limit.
    for core in ("", "SKYLAKEX", "HASWELL") if platform.machine() == "x86_64" else ("",):
        environment = {**os.environ, **({"OPENBLAS_CORETYPE": core} if core else {})}
        done = subprocess.run([program, threads], capture_output=True, env=environment)
        if done.returncode == 0:
            measured = json.loads(done.stdout)
            best = {name: max(value, best.get(name, 0)) for name, value in measured.items()}
    return best


def limit_seconds(case, limits):
    """The least time the bytes and the arithmetic of a case take on this machine."""
    if case.written:
        memory = (case.read + case.written) / (limits["triad_streaming"] * 1e9)
    else:
        memory = case.read / (limits["read"] * 1e9)
    return max(memory, case.flops / (limits["sgemm"] * 1e9)) / case.per


def agree(case, samples):
    """A sentence if two frameworks' results differ by more than the case's tolerance."""
    if case.tolerance is None or len(samples) < 2:
        return None
    (first, (size, values)), *others = samples.items()
    scale = np.abs(values).max(initial=1e-30)
    for name, (other_size, other) in others:
        if size != other_size:
            return f"{first} has {size} values, {name} {other_size}"
        worst = np.abs(values - other).max(initial=0) / scale
        if not worst <= case.tolerance:
            return f"{name} differs from {first} by {worst:.1e} of the largest value"
    return None


def run_case(case, workers):
    """Seconds by worker and variant: {"ours": {"": 0.01}, "torch": {"": 0.1, "out": 0.02}, ...}."""
    result = {"notes": []}
    estimates, samples = {}, {}
    for worker in workers:
        try:
            variants = worker.ask("prepare", case)
            if variants:
                estimates[worker] = variants
                samples[worker.name] = worker.ask("sample", case)
        except RuntimeError as error:
            result["notes"].append(f"{worker.name}: {error}"[:160])
    disagreement = agree(case, samples)
    if disagreement:
        result["notes"].append(disagreement)
    times = {(w, v): [] for w, variants in estimates.items() for v in variants}
    for round_number in range(ROUNDS):
        for (worker, variant), collected in times.items():
            estimate = estimates[worker][variant]
            if estimate > SLOW_SECONDS:
                collected[:] = [estimate]  # a slow one is not run again
                continue
            if round_number >= 2 and estimate > 1:
                continue
            repeats = max(1, min(200, int(SECONDS_PER_TURN / max(estimate, 1e-7))))
            # The threads of OpenMP spin for 0.2 s after their work, on the cores that the next one needs.
            time.sleep(0.25)
            collected += worker.ask("measure", variant, repeats)
    for (worker, variant), collected in times.items():
        result.setdefault(worker.name, {})[variant] = statistics.median(collected) / case.per
    for worker in workers:
        if worker.process.poll() is None:
            worker.ask("release")
    return result


def import_time(python, program, pythonpath=""):
    """Median seconds of an import beyond a bare interpreter's start."""
    import time

    environment = {**os.environ, "PYTHONPATH": pythonpath}

    def seconds(text):
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            if subprocess.run(
                [python, "-c", text], env=environment, capture_output=True
            ).returncode:
                return None
            taken.append(time.perf_counter() - start)
        return statistics.median(taken)

    whole = seconds(program)
    return whole and whole - seconds("pass")


def machine_name():
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    simd = " amx" if "amx_tile" in pathlib.Path("/proc/cpuinfo").read_text() else ""
    return f"{model}{simd}, {len(os.sched_getaffinity(0))} cores"


def show(seconds):
    if seconds is None:
        return "-"
    for scale, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def render(data):
    """The Markdown table of all results measured so far."""
    limits = data["limits"]
    lines = [
        f"# {data['machine']}",
        "",
        "Written by `bench/run.py`. Median times; a ratio above 1 means ours is that many times faster. PyTorch is",
        "measured as a user writes it and, after the slash, with `out=` into warm memory; the faster one is the rival.",
        f"Limits measured in the same run with {limits['threads']} threads: read {limits['read']:.0f} GB/s, triad "
        f"{limits['triad']:.0f} GB/s, with non-temporal stores {limits['triad_streaming']:.0f} GB/s, OpenBLAS sgemm "
        f"{limits['sgemm']:.0f} GFLOP/s (16-bit products may exceed it: AMX and AVX-512 are faster there).",
        "",
        f"Versions: {data['versions']}.",
        "",
    ]
    for group, rows in data["groups"].items():
        lines += [
            f"## {group}",
            "",
            "| work | ours | MLX wheel | × | PyTorch | × | NumPy | × | limit | share |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for name, row in rows.items():
            ours = row.get("ours", {}).get("")
            cells = [name, show(ours)]
            for rival in ("wheel", "torch", "numpy"):
                variants = row.get(rival, {})
                cells.append(" / ".join(show(t) for t in variants.values()) or "-")
                best = min(variants.values(), default=None)
                cells.append(f"{best / ours:.2f}" if best and ours else "-")
            limit = row.get("limit")
            cells += [
                show(limit) if limit else "-",
                f"{100 * limit / ours:.0f} %" if limit and ours else "-",
            ]
            lines.append("| " + " | ".join(cells) + " |")
        notes = [f"- {name}: {note}" for name, row in rows.items() for note in row.get("notes", [])]
        lines += [""] + (notes + [""] if notes else [])
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", default=sys.executable, help="interpreter for our mlx")
    parser.add_argument("--pythonpath", default=str(ROOT / "build/release/python"))
    parser.add_argument("--wheel", default=str(ROOT / ".venv-oracle/bin/python"))
    parser.add_argument("--torch", default=str(ROOT / ".venv-torch/bin/python"))
    parser.add_argument("--numpy", default=sys.executable)
    parser.add_argument("--skip", default="", help="rivals to leave out, e.g. wheel,torch")
    parser.add_argument("--groups", help="case files to run, comma-separated; default: all")
    parser.add_argument(
        "--filter", default="", help="only cases whose name matches this regular expression"
    )
    parser.add_argument(
        "--output", type=pathlib.Path, help="results file; default: bench/results/<machine>.md"
    )
    args = parser.parse_args()

    machine = machine_name()
    slug = re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")
    output = args.output or BENCH / "results" / f"{slug}.md"
    store = output.with_suffix(".json")
    data = json.loads(store.read_text()) if store.exists() else {"groups": {}, "versions": ""}
    data["machine"] = machine
    # The best this machine ever showed is its limit.
    known = data.get("limits", {})
    data["limits"] = {k: max(v, known.get(k, 0)) for k, v in measure_limits().items()}
    print(f"limits: {data['limits']}", flush=True)

    skip = set(args.skip.split(","))
    plan = [
        ("ours", args.ours, "mlx", args.pythonpath),
        ("wheel", args.wheel, "mlx", ""),
        ("torch", args.torch, "torch", ""),
        ("numpy", args.numpy, "numpy", ""),
    ]
    plan = [p for p in plan if p[0] not in skip and pathlib.Path(p[1]).exists()]
    workers = [Worker(*p) for p in plan]
    data["versions"] = versions(plan)

    files = sorted(p.stem for p in (BENCH / "cases").glob("*.py") if p.stem != "__init__")
    for group in args.groups.split(",") if args.groups else files:
        if group == "startup":
            continue
        for case in importlib.import_module(f"bench.cases.{group}").CASES:
            if not re.search(args.filter, case.name):
                continue
            row = run_case(case, workers)
            row["limit"] = limit_seconds(case, data["limits"]) or None
            data["groups"].setdefault(group, {})[case.name] = row
            times = {
                w: {v: show(t) for v, t in row[w].items()}
                for w in ("ours", "wheel", "torch", "numpy")
                if w in row
            }
            print(
                f"{case.name}: {times} limit {show(row['limit'])} {row['notes'] or ''}", flush=True
            )
            store.write_text(json.dumps(data, indent=1))
            output.write_text(render(data))
    if not args.groups or "startup" in args.groups.split(","):
        programs = {
            "ours": "import mlx.core",
            "wheel": "import mlx.core",
            "torch": "import torch",
            "numpy": "import numpy",
        }
        row = {
            name: {"": import_time(python, programs[name], path)} for name, python, _, path in plan
        }
        data["groups"].setdefault("startup", {})["import"] = {k: v for k, v in row.items() if v[""]}
        print(f"import: {row}")
    store.write_text(json.dumps(data, indent=1))
    output.write_text(render(data))


def versions(plan):
    texts = {
        "ours": "'mlx-compute 0.1.0'",
        "wheel": "'MLX ' + __import__('importlib.metadata').metadata.version('mlx')",
        "torch": "'PyTorch ' + __import__('torch').__version__",
        "numpy": "'NumPy ' + __import__('numpy').__version__",
    }
    found = [
        subprocess.run(
            [python, "-c", f"print({texts[name]})"], capture_output=True, text=True, env={}
        ).stdout.strip()
        for name, python, _, _ in plan
    ]
    return ", ".join(found) + f", Python {platform.python_version()}"


if __name__ == "__main__":
    main()
