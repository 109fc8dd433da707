"""Checks file sizes: warns above 400 lines, fails above 800 unless the file is exempt with a reason."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WARN_LINES = 400
FAIL_LINES = 800
SUFFIXES = {".h", ".cpp", ".py", ".cu", ".sh", ".txt", ".md"}

# Path -> why it may be longer than FAIL_LINES.
EXEMPT: dict[str, str] = {
    "data/gpu_kernels.txt": "recorded by tools/record_kernels.py, for the archive of kernels",
}


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    failures = 0
    for name in listed:
        path = ROOT / name
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        lines = path.read_bytes().count(b"\n")
        if lines > FAIL_LINES and name not in EXEMPT:
            print(
                f"{name}: {lines} lines, more than {FAIL_LINES}: split it, or exempt it with a reason"
            )
            failures += 1
        elif lines > WARN_LINES and name not in EXEMPT:
            print(f"{name}: {lines} lines (warning: aim at 300 or fewer)")
    for name in sorted(set(EXEMPT) - set(listed)):
        print(f"{name}: exempt but gone; remove it from tools/check_sizes.py")
        failures += 1
    print(f"check_sizes: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
