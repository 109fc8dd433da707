"""The character model example, on tiny sizes."""

import os
import pathlib
import signal
import struct
import subprocess
import sys
import time
import zlib

import pytest

import mlx.core as mx

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"
TINY = "--dims 64 --heads 2 --hidden 64 --layers 1 --context 32 --batch 4 --length 40".split()


def command(folder, *options):
    text = folder / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 2000)
    script = str(EXAMPLES / "char_lm.py")
    return [sys.executable, script, str(text), "--out", str(folder / "out"), *TINY, *options]


def decode_png(data):
    """Width, height and pixel rows of an RGB file without filters; checks all checksums."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (3 * width + 1)
    stride = 3 * width + 1
    return width, height, [raw[y * stride + 1 : (y + 1) * stride] for y in range(height)]


@pytest.mark.slow
def test_learns_and_writes_results(tmp_path):
    done = subprocess.run(
        command(tmp_path, "--steps", "150", "--seconds", "120"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("Validation loss"))
    # Training stops by steps or time, whichever is first; either way it must have learned.
    assert float(line.split()[2]) < 0.5  # the bigram entropy is 0.64
    out = tmp_path / "out"
    weights = mx.load(str(out / "char_lm.safetensors"))
    assert weights["embedding.weight"].shape == (256, 64)
    assert mx.load(str(out / "char_lm_4bit.safetensors"))["embedding.weight"].dtype == mx.uint32
    width, height, rows = decode_png((out / "loss.png").read_bytes())
    assert (width, height) == (800, 480) and any(b"\x32\x5a\xb4" in row for row in rows)
    assert "bytes/s with 4 bits" in done.stdout


@pytest.mark.slow
def test_interrupt_ends_training_cleanly(tmp_path):
    process = subprocess.Popen(
        command(tmp_path, "--seconds", "300"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    # The first line of the progress bar says that a step has been made.
    process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert "Stopped by Ctrl-C" in output and "Validation loss" in output
    assert (tmp_path / "out" / "char_lm.safetensors").exists()


def test_cache_gives_the_same_logits(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import char_lm

    config = char_lm.Config(dims=64, heads=2, hidden=64, layers=2, context=16)
    model = char_lm.build_model(config)
    tokens = mx.array([[7, 3, 250, 9, 1, 0]])
    whole = model(tokens)
    caches = [char_lm.KeyValueCache(config) for _ in model.blocks]
    parts = [model(tokens[:, :3], caches)]
    parts += [model(tokens[:, i : i + 1], caches) for i in range(3, 6)]
    assert mx.allclose(mx.concatenate(parts, axis=1), whole, rtol=1e-4, atol=1e-4).item()


def test_entropies(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import corpus

    assert corpus.unigram_entropy(b"abab") == pytest.approx(0.6931, abs=1e-4)
    assert corpus.bigram_entropy(b"ababababa") == pytest.approx(0.0, abs=1e-9)
    text = bytes(range(256)) * 1024
    train, validation = corpus.split_corpus(text)
    assert len(train) + len(validation) == len(text) and len(validation) * 15 == len(train)
    assert corpus.split_corpus(b"short")[1] == b"short"
