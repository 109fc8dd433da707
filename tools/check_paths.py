"""Checks that each path that a document names in backquotes or links is one, or ends one, of this repository."""

import fnmatch
import pathlib
import posixpath
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUOTED = re.compile(r"`([\w./*-]+/[\w./*-]*|[\w-]+\.(?:md|py|sh|toml|txt|cpp|h))`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
GENERATED = ("build/", "out/", ".venv")


def known_paths() -> set[str]:
    """The files of the repository and the folders they are in, with every ending of their paths."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    paths = set()
    for name in listed:
        parts = pathlib.PurePosixPath(name).parts
        for end in range(1, len(parts) + 1):
            paths |= {"/".join(parts[start:end]) for start in range(end)}
    return paths


def main() -> int:
    missing = 0
    known = known_paths()
    for document in map(pathlib.Path, sys.argv[1:]):
        text = (ROOT / document).read_text()
        for name in sorted(set(QUOTED.findall(text)) | set(LINK.findall(text))):
            if name.startswith(GENERATED) or name.startswith("/"):
                continue
            path = name.rstrip("/").removeprefix("./")
            beside = posixpath.normpath(posixpath.join(document.parent.as_posix(), path))
            if not known & {path, beside} and not fnmatch.filter(known, path):
                print(f"{document}: names {name}, which does not exist")
                missing += 1
    print(f"check_paths: {missing} missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
