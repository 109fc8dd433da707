"""Small programs in programs/*.txt, run here and in the released wheel, and compared.

A program is a block between empty lines, or a line where the first line of its file says so.
"""

import pathlib
import re

import pytest

from oracle import client, worker

FILES = sorted((pathlib.Path(__file__).parent / "programs").glob("*.txt"))
MODULES = ("mlx.nn", "mlx.optimizers", "mlx.utils")
# Both sides work in an empty folder and from the same seed.
START = "import os, tempfile; os.chdir(tempfile.mkdtemp()); mx.random.seed(7); np.random.seed(7)\n"


def programs_of(path):
    head, _, text = path.read_text().strip().partition("\n")
    if head.endswith("One a line."):
        return text.splitlines()
    return re.split(r"\n\s*\n", text.strip())


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_programs_agree(mx, oracle, path, monkeypatch):
    monkeypatch.chdir(pathlib.Path.cwd())  # and back at the end
    texts = programs_of(path)
    programs = [(START + text, {}, MODULES) for text in texts]
    theirs = oracle.ask(programs)
    wrong = []
    for text, program, their in zip(texts, programs, theirs):
        found = client.difference(worker.run(mx, *program), their)
        if found:
            wrong.append(f"{text}\n    {found}")
    assert not wrong, f"{len(wrong)} of {len(texts)} programs differ:\n" + "\n".join(wrong[:20])
