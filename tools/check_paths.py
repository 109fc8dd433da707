"""Checks that each path of this repository that a document names in backquotes or links exists."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUOTED = re.compile(r"`([\w./*-]+/[\w./*-]*|[\w-]+\.(?:md|py|sh|toml|txt|cpp|h))`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
GENERATED = ("build/", ".venv")


def main() -> int:
    missing = 0
    for document in map(pathlib.Path, sys.argv[1:]):
        text = (ROOT / document).read_text()
        for name in sorted(set(QUOTED.findall(text)) | set(LINK.findall(text))):
            if name.startswith(GENERATED) or name.startswith("/"):
                continue
            if not any(ROOT.glob(name.rstrip("/").removeprefix("./"))):
                print(f"{document}: names {name}, which does not exist")
                missing += 1
    print(f"check_paths: {missing} missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
