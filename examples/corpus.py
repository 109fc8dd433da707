"""Text to learn from: the sources of Python's standard library, or any file; and its entropies."""

import math
import pathlib
import sysconfig
from collections import Counter

BLOCK_BYTES = 8192  # Every 16th block of this size is kept for validation.


def read_corpus(path=None, limit_bytes=4_000_000) -> bytes:
    """The file at ``path``, or standard library sources in sorted order, up to a size."""
    if path is not None:
        return pathlib.Path(path).read_bytes()[:limit_bytes]
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    skipped = {"site-packages", "dist-packages", "test", "tests", "idlelib", "encodings"}
    parts, size_bytes = [], 0
    for source in sorted(root.rglob("*.py")):
        if skipped.isdisjoint(source.relative_to(root).parts):
            parts.append(source.read_bytes())
            size_bytes += len(parts[-1])
            if size_bytes >= limit_bytes:
                break
    return b"".join(parts)[:limit_bytes]


def split_corpus(text: bytes) -> tuple[bytes, bytes]:
    """Training and validation text; validation blocks come from all over the corpus."""
    blocks = [text[i : i + BLOCK_BYTES] for i in range(0, len(text), BLOCK_BYTES)]
    train = b"".join(b for i, b in enumerate(blocks) if i % 16 != 15)
    validation = b"".join(b for i, b in enumerate(blocks) if i % 16 == 15)
    return train, validation or train


def unigram_entropy(text: bytes) -> float:
    """Entropy of one byte, in nats: what a model that knows only frequencies reaches."""
    return _entropy(Counter(text))


def bigram_entropy(text: bytes) -> float:
    """Entropy of a byte given the one before, in nats."""
    return _entropy(Counter(zip(text, text[1:]))) - _entropy(Counter(text[:-1]))


def _entropy(counts: Counter) -> float:
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values())
