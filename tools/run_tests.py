"""Runs the C++ test binaries and pytest of one build and prints the totals over both as the last line."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent


def count(report: pathlib.Path) -> tuple[int, int, int]:
    """Passed, failed and skipped cases of a JUnit-style report (GoogleTest and pytest write both)."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def run(name: str, command: list[str], report: pathlib.Path, env: dict[str, str]):
    """Runs one test program; one that dies without a report, or fails without saying which, counts as a failure."""
    print(f"==> {name}", flush=True)
    start = time.monotonic()
    status = subprocess.run(command, env=env, cwd=ROOT).returncode
    try:
        passed, failed, skipped = count(report)
    except (OSError, ElementTree.ParseError):
        passed, failed, skipped = 0, 0, 0
    nothing_selected = name == "pytest" and status == 5
    if status != 0 and failed == 0 and not nothing_selected:
        print(f"{name}: ended with status {status}", flush=True)
        failed = 1
    seconds = time.monotonic() - start
    print(
        f"    {name}: {passed} passed, {failed} failed, {skipped} skipped in {seconds:.1f} s",
        flush=True,
    )
    return passed, failed, skipped


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--quick", action="store_true", help="leave out tests marked slow")
    parser.add_argument("--filter", metavar="EXPR", help="only tests whose name contains EXPR")
    parser.add_argument("--cpp-only", action="store_true")
    parser.add_argument("--without", default="", help="C++ test programs to leave out")
    parser.add_argument("--python-only", action="store_true")
    parser.add_argument("--jobs", default=str(min(8, len(os.sched_getaffinity(0)))))
    parser.add_argument("paths", nargs="*", help="Python tests to run instead of all of them")
    args = parser.parse_args()

    env = dict(os.environ)
    env["PYTHONPATH"] = str(args.build / "python")
    totals = [0, 0, 0]
    with tempfile.TemporaryDirectory() as folder:
        programs = []
        if not args.python_only:
            for binary in sorted((args.build / "tests").glob("*_tests")):
                if binary.name in args.without.split(","):
                    continue
                report = pathlib.Path(folder) / f"{binary.name}.xml"
                command = [str(binary), f"--gtest_output=xml:{report}", "--gtest_brief=1"]
                if args.filter:
                    command.append(f"--gtest_filter=*{args.filter}*")
                programs.append((binary.name, command, report))
        if not args.cpp_only:
            report = pathlib.Path(folder) / "pytest.xml"
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                f"--junitxml={report}",
                "-n",
                args.jobs,
            ]
            command += ["--dist", "worksteal"]
            if args.quick:
                command += ["-m", "not slow"]
            if args.filter:
                command += ["-k", args.filter]
            programs.append(("pytest", command + (args.paths or ["tests"]), report))
        for program in programs:
            totals = [total + n for total, n in zip(totals, run(*program, env))]
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
