"""Small programs in programs/*.txt, one a block, run here and in the released wheel, and compared."""

import pathlib
import re

import pytest

from oracle import client, worker

FILES = sorted((pathlib.Path(__file__).parent / "programs").glob("*.txt"))
MODULES = ("mlx.nn", "mlx.optimizers")


def programs_of(path):
    blocks = re.split(r"\n\s*\n", path.read_text().strip())
    return [block for block in blocks if not block.startswith("#")]


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_programs_agree(mx, oracle, path):
    texts = programs_of(path)
    programs = [("mx.random.seed(7)\n" + text, {}, MODULES) for text in texts]
    theirs = oracle.ask(programs)
    wrong = []
    for text, program, their in zip(texts, programs, theirs):
        found = client.difference(worker.run(mx, *program), their)
        if found:
            wrong.append(f"{text}\n    {found}")
    assert not wrong, f"{len(wrong)} of {len(texts)} programs differ:\n" + "\n".join(wrong[:20])
