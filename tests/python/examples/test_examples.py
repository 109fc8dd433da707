"""The example programs do what they say."""

import math
import pathlib
import subprocess
import sys

import pytest

import mlx.core as mx

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture
def examples(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))


def decode_greedily(qwen3, model, prompt, num_tokens):
    """The tokens of a growing cache, and those of a compiled step over a fixed one."""
    caches = [qwen3.KVCache() for _ in model.layers]
    token = first = mx.argmax(model(prompt, caches)[:, -1, :], axis=-1, keepdims=True)
    cache = qwen3.FixedKVCache()
    cache.fill(caches, prompt.shape[1] + num_tokens)
    step = qwen3.compiled_step(model, cache)
    plain, compiled = [], []
    for _ in range(num_tokens):
        token = mx.argmax(model(token, caches)[:, -1, :], axis=-1, keepdims=True)
        plain.append(token.item())
    token = first
    for _ in range(num_tokens):
        token = step(token)
        compiled.append(token.item())
    return plain, compiled


@pytest.mark.parametrize("bits", [16, 4])
def test_qwen3_compiled_step_decodes_the_same_tokens(examples, bits):
    import qwen3

    model = qwen3.make_model("tiny", bits, mx.float32)
    prompt = mx.random.randint(0, 4096, (1, 20))
    plain, compiled = decode_greedily(qwen3, model, prompt, 12)
    assert plain == compiled


def test_qwen3_cache_gives_what_the_whole_text_gives(examples):
    import qwen3

    model = qwen3.make_model("tiny", 16, mx.float32)
    text = mx.random.randint(0, 4096, (1, 300))
    whole = model(text, [qwen3.KVCache() for _ in model.layers])
    caches = [qwen3.KVCache() for _ in model.layers]
    parts = [model(text[:, i:j], caches) for i, j in [(0, 250), (250, 299), (299, 300)]]
    assert mx.allclose(whole[:, :250], parts[0], rtol=1e-3, atol=1e-3)
    assert mx.allclose(whole[:, 250:299], parts[1], rtol=1e-3, atol=1e-3)
    assert mx.allclose(whole[:, 299:], parts[2], rtol=1e-3, atol=1e-3)


def test_char_lm_trains_by_steps_and_repeats(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("".join(f"line {i}: the quick brown fox number {i * i}\n" for i in range(2000)))
    outputs = []
    for run in range(2):
        out = tmp_path / str(run)
        command = [sys.executable, str(EXAMPLES / "char_lm.py"), str(text), "--steps", "4"]
        command += ["--length", "8", "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (out / "loss.png").stat().st_size > 0
        outputs.append(mx.load(str(out / "char_lm.safetensors")))
    assert outputs[0].keys() == outputs[1].keys()
    for name, weights in outputs[0].items():
        assert mx.array_equal(weights, outputs[1][name]), name
        assert math.isfinite(mx.sum(weights).item()), name
