"""Measures ours against the released MLX wheel, PyTorch and NumPy, and writes bench/results/<machine>.md.

Each framework runs in a worker process of its own; the workers take turns within a case, and a row shows the
median of the rounds. Results of all frameworks are compared before anything is timed. Needs the machine to itself:
a turn in which other programs took the processors is repeated, and what stays disturbed is noted. Rivals that take
seconds are not measured again while their version is the same (--again does).
"""

import argparse
import importlib
import json
import os
import pathlib
import pickle
import platform
import re
import select
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
PATIENCE_SECONDS = 20  # for a program's first call
ATTEMPTS = 8  # at a turn without disturbance
DISTURBED = 0.2  # share of a turn that threads waited for a processor


class Stopped(RuntimeError):
    """A program took longer than anyone waits."""


class Worker:
    def __init__(self, name, python, framework, pythonpath=""):
        self.name = name
        self.command = [python, str(BENCH / "worker.py"), framework]
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [pythonpath, str(ROOT)])),
        }
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )

    def ask(self, *message, patience=None):
        data = pickle.dumps(message)
        try:
            self.process.stdin.write(struct.pack("<q", len(data)) + data)
            self.process.stdin.flush()
            if not select.select([self.process.stdout], [], [], patience)[0]:
                self.process.kill()
                self.process.wait()
                self.start()
                raise Stopped(f"stopped after {patience} s")
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


def measure_turn(worker, variant, repeats):
    """The seconds of each call of a turn, and the share of the turn that threads waited for a processor."""
    best, least = [], None
    for _ in range(ATTEMPTS):
        # The threads of OpenMP spin for 0.2 s after their work, on the cores that the next one needs.
        time.sleep(0.25)
        times, waited = worker.ask("measure", variant, repeats)
        if least is None or waited < least:
            best, least = times, waited
        if least < DISTURBED:
            break
    return best, least


def run_case(case, workers, known):
    """Seconds by worker and variant: {"ours": {"": 0.01}, "torch": {"": 0.1, "out": 0.02}, ...}.

    What `known`, a former result, has of some workers is taken over.
    """
    result = {"notes": [], "stopped": [], **known}
    for name in result["stopped"]:
        result["notes"].append(f"{name}: stopped after {PATIENCE_SECONDS} s")
    estimates, samples = {}, {}
    for worker in workers:
        if worker.name in known or worker.name in result["stopped"]:
            continue
        try:
            variants = worker.ask("prepare", case, patience=PATIENCE_SECONDS)
            if variants:
                estimates[worker] = variants
                samples[worker.name] = worker.ask("sample", case)
        except RuntimeError as error:
            result["notes"].append(f"{worker.name}: {error}"[:160])
            if isinstance(error, Stopped):
                result["stopped"].append(worker.name)
    disagreement = agree(case, samples)
    if disagreement:
        result["notes"].append(disagreement)
    times = {(w, v): [] for w, variants in estimates.items() for v in variants}
    disturbed = set()
    for round_number in range(ROUNDS):
        for (worker, variant), collected in times.items():
            estimate = estimates[worker][variant]
            if estimate > SLOW_SECONDS:
                collected[:] = [estimate]  # a slow one is not run again
                continue
            if round_number >= 2 and estimate > 1:
                continue
            repeats = max(1, min(200, int(SECONDS_PER_TURN / max(estimate, 1e-7))))
            turn, waited = measure_turn(worker, variant, repeats)
            collected += turn
            if waited >= DISTURBED:
                disturbed.add(worker.name)
    if disturbed:
        result["notes"].append(f"measured beside other programs: {', '.join(sorted(disturbed))}")
    for (worker, variant), collected in times.items():
        result.setdefault(worker.name, {})[variant] = statistics.median(collected) / case.per
    for worker in workers:
        if worker.process.poll() is None:
            worker.ask("release")
    return result


def slow_rivals(row, case, unchanged):
    """What a former row tells of rivals that take seconds and are the same as then."""
    times = {
        name: row[name]
        for name in unchanged
        if name in row and max(row[name].values(), default=0) * case.per > SLOW_SECONDS
    }
    return {**times, "stopped": [n for n in row.get("stopped", []) if n in unchanged]}


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
        f"Versions: {', '.join(data['versions'].values())}.",
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
    parser.add_argument("--again", action="store_true", help="measure slow rivals again, too")
    parser.add_argument(
        "--output", type=pathlib.Path, help="results file; default: bench/results/<machine>.md"
    )
    args = parser.parse_args()

    machine = machine_name()
    slug = re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")
    output = args.output or BENCH / "results" / f"{slug}.md"
    store = output.with_suffix(".json")
    data = json.loads(store.read_text()) if store.exists() else {"groups": {}, "versions": {}}
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
    found, known_versions = versions(plan), data["versions"]
    unchanged = [w for w in found if w != "ours" and found[w] == known_versions.get(w)]
    data["versions"] = {**known_versions, **found}

    files = sorted(p.stem for p in (BENCH / "cases").glob("*.py") if p.stem != "__init__")
    for group in args.groups.split(",") if args.groups else files:
        if group == "startup":
            continue
        for case in importlib.import_module(f"bench.cases.{group}").CASES:
            if not re.search(args.filter, case.name):
                continue
            former = data["groups"].get(group, {}).get(case.name, {})
            known = {} if args.again else slow_rivals(former, case, unchanged)
            row = run_case(case, workers, known)
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
    found = {
        name: subprocess.run(
            [python, "-c", f"print({texts[name]})"], capture_output=True, text=True, env={}
        ).stdout.strip()
        for name, python, _, _ in plan
    }
    return {**found, "python": f"Python {platform.python_version()}"}


if __name__ == "__main__":
    main()
