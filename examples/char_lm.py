"""Trains a small transformer on text, byte by byte, then quantizes it and lets it write.

    python examples/char_lm.py                 # learns Python from the standard library's sources
    python examples/char_lm.py book.txt        # or from any file

Training stops after `--seconds`; Ctrl-C ends it earlier. Results go to `out/`: the weights, the
4-bit weights, and the loss curve as a PNG.
"""

import argparse
import math
import pathlib
import signal
import time
from functools import partial

from char_lm_config import Config, learning_rate
from corpus import bigram_entropy, read_corpus, split_corpus, unigram_entropy
from plot_png import save_line_chart
from progress import ProgressBar

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten


class KeyValueCache:
    """Keys and values of the positions so far, in arrays of the full length."""

    def __init__(self, config: Config):
        shape = (1, config.heads, config.context, config.dims // config.heads)
        self.keys, self.values = mx.zeros(shape), mx.zeros(shape)
        self.offset = 0

    def update(self, keys, values):
        """Add the new positions; returns all keys and values up to now."""
        end = self.offset + keys.shape[2]
        self.keys[:, :, self.offset : end] = keys
        self.values[:, :, self.offset : end] = values
        self.offset = end
        return self.keys[:, :, :end], self.values[:, :, :end]


class Attention(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.num_heads = config.heads
        self.scale = (config.dims // config.heads) ** -0.5
        self.qkv_proj = nn.Linear(config.dims, 3 * config.dims, bias=False)
        self.out_proj = nn.Linear(config.dims, config.dims, bias=False)
        self.rope = nn.RoPE(config.dims // config.heads)

    def __call__(self, x, cache=None):
        batch, length, dims = x.shape
        q, k, v = (
            part.reshape(batch, length, self.num_heads, -1).transpose(0, 2, 1, 3)
            for part in mx.split(self.qkv_proj(x), 3, axis=-1)
        )
        offset = cache.offset if cache is not None else 0
        q, k = self.rope(q, offset=offset), self.rope(k, offset=offset)
        if cache is not None:
            k, v = cache.update(k, v)
        mask = "causal" if length > 1 else None
        y = mx.fast.scaled_dot_product_attention(q, k, v, scale=self.scale, mask=mask)
        return self.out_proj(y.transpose(0, 2, 1, 3).reshape(batch, length, dims))


class FeedForward(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.gate_up_proj = nn.Linear(config.dims, 2 * config.hidden, bias=False)
        self.down_proj = nn.Linear(config.hidden, config.dims, bias=False)

    def __call__(self, x):
        gate, up = mx.split(self.gate_up_proj(x), 2, axis=-1)
        return self.down_proj(nn.silu(gate) * up)


class Block(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.dims)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.RMSNorm(config.dims)
        self.feed_forward = FeedForward(config)

    def __call__(self, x, cache=None):
        x = x + self.attention(self.attention_norm(x), cache)
        return x + self.feed_forward(self.feed_forward_norm(x))


class CharLM(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.embedding = nn.Embedding(config.vocabulary, config.dims)
        self.blocks = [Block(config) for _ in range(config.layers)]
        self.norm = nn.RMSNorm(config.dims)

    def __call__(self, tokens, caches=None):
        x = self.embedding(tokens)
        for i, block in enumerate(self.blocks):
            x = block(x, caches[i] if caches is not None else None)
        return self.embedding.as_linear(self.norm(x))


def build_model(config: Config) -> CharLM:
    """A model with random weights."""
    mx.random.seed(config.seed)
    model = CharLM(config)
    mx.eval(model.parameters())
    return model


def loss_fn(model, inputs, targets):
    return nn.losses.cross_entropy(model(inputs), targets, reduction="mean")


def build_step(model: CharLM, config: Config):
    """The optimizer and the compiled training step ``step(inputs, targets)``; it returns the
    loss, whose evaluation runs the step."""
    optimizer = optim.AdamW(
        learning_rate=config.learning_rate,
        betas=[0.9, 0.98],
        weight_decay=config.weight_decay,
        bias_correction=True,
    )
    optimizer.init(model.trainable_parameters())
    state = [model.state, optimizer.state]
    loss_and_grad = nn.value_and_grad(model, loss_fn)

    @partial(mx.compile, inputs=state, outputs=state)
    def compiled_step(inputs, targets):
        loss, grads = loss_and_grad(model, inputs, targets)
        grads, _ = optim.clip_grad_norm(grads, max_norm=config.max_grad_norm)
        optimizer.update(model, grads)
        return loss

    def step(inputs, targets):
        loss = compiled_step(inputs, targets)
        mx.eval(loss, state)
        return loss

    return optimizer, step


def random_batch(text, config: Config):
    """Inputs and targets: windows of the text at random places, targets one further on."""
    starts = mx.random.randint(0, text.size - config.context - 1, (config.batch, 1))
    windows = text[starts + mx.arange(config.context + 1)].astype(mx.int32)
    return windows[:, :-1], windows[:, 1:]


def validation_loss(model, text, config: Config, batches: int = 24) -> float:
    """Mean loss over windows that are spread evenly over the text."""
    model.eval()
    last = text.size - config.context - 1
    starts = mx.linspace(0, last, batches * config.batch).astype(mx.int32)
    total = 0.0
    for i in range(batches):
        rows = starts[i * config.batch : (i + 1) * config.batch, None]
        windows = text[rows + mx.arange(config.context + 1)].astype(mx.int32)
        total += loss_fn(model, windows[:, :-1], windows[:, 1:]).item()
    model.train()
    return total / batches


def train(model, train_text, validation_text, config: Config, seconds: float, max_steps=None):
    """Train until the time is up, or for ``max_steps``; returns the curves of training and
    validation loss."""
    optimizer, step = build_step(model, config)
    tokens_per_step = config.batch * config.context
    curve, checks = [], [(0, validation_loss(model, validation_text, config))]
    stop_requested = []
    previous = signal.signal(signal.SIGINT, lambda *_: stop_requested.append(True))
    bar = ProgressBar()
    smooth, steps = None, 0

    def done() -> float:
        # By steps alone where they are the limit, so that such a run can be repeated.
        return steps / max_steps if max_steps else min(bar.elapsed() / seconds, 1.0)

    try:
        while not stop_requested and (progress := done()) < 1.0:
            optimizer.learning_rate = learning_rate(config, progress)
            loss = step(*random_batch(train_text, config)).item()
            steps += 1
            smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
            curve.append((steps, smooth))
            bar.update(done(), steps * tokens_per_step, smooth, mx.get_peak_memory())
            if len(checks) < 6 * done():
                checks.append((steps, validation_loss(model, validation_text, config)))
    finally:
        signal.signal(signal.SIGINT, previous)
        bar.close()
    if stop_requested:
        print("Stopped by Ctrl-C; going on with what was learned so far.")
    checks.append((steps, validation_loss(model, validation_text, config)))
    return curve, checks


def generate(model, prompt: bytes, config: Config, length: int, temperature: float):
    """Yield the bytes that the model writes after the prompt."""
    text = list(prompt)
    caches = [KeyValueCache(config) for _ in model.blocks]
    tokens = text[-config.context // 2 :]
    for _ in range(length):
        if caches[0].offset + len(tokens) > config.context:
            # The cache is full: start again from the later half of what it holds.
            caches = [KeyValueCache(config) for _ in model.blocks]
            tokens = text[-config.context // 2 :]
        logits = model(mx.array([tokens]), caches)[0, -1]
        token = mx.random.categorical(logits / temperature).item()
        text.append(token)
        tokens = [token]
        yield token


def write_sample(model, prompt: bytes, config: Config, length: int, temperature: float, show: bool):
    """Generate, print if asked, and return the bytes per second after the first."""
    mx.random.seed(config.seed)
    if show:
        print(prompt.decode("utf-8", "replace"), end="")
    start, count = None, 0
    for token in generate(model, prompt, config, length, temperature):
        start = start or time.perf_counter()
        count += 1
        if show:
            is_printable = 32 <= token < 127 or token in b"\n\t"
            print(chr(token) if is_printable else "?", end="", flush=True)
    if show:
        print()
    return (count - 1) / (time.perf_counter() - start) if count > 1 else math.nan


def save(model, path: pathlib.Path) -> int:
    """Write the weights; returns the size of the file."""
    model.save_weights(str(path))
    return path.stat().st_size


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", nargs="?", help="file to learn from")
    parser.add_argument("--seconds", type=float, default=80.0, help="training time")
    parser.add_argument("--steps", type=int, help="train for so many steps instead")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out"))
    parser.add_argument("--prompt", default="def ")
    parser.add_argument("--length", type=int, default=500, help="bytes to generate")
    parser.add_argument("--temperature", type=float, default=0.7)
    Config.add_arguments(parser)
    args = parser.parse_args()
    config = Config.from_arguments(args)

    corpus = read_corpus(args.text)
    unigram, bigram = unigram_entropy(corpus), bigram_entropy(corpus)
    train_text, validation_text = (mx.array(list(part), mx.uint8) for part in split_corpus(corpus))
    model = build_model(config)
    count = sum(p.size for _, p in tree_flatten(model.parameters()))
    print(f"Text: {len(corpus):,} bytes; model: {count:,} parameters; {mx.default_device()}")
    print(f"Entropy of a byte: {unigram:.3f} nats; given the byte before: {bigram:.3f} nats")

    curve, checks = train(model, train_text, validation_text, config, args.seconds, args.steps)
    loss = checks[-1][1]
    print(
        f"Validation loss {loss:.3f} nats per byte, {bigram - loss:+.3f} below the bigram entropy"
    )

    args.out.mkdir(parents=True, exist_ok=True)
    red, blue, green = (200, 60, 50), (50, 90, 180), (60, 140, 70)
    chart = args.out / "loss.png"
    save_line_chart(chart, [(blue, curve), (red, checks)], [(green, bigram), (green, unigram)])
    size = save(model, args.out / "char_lm.safetensors")
    prompt = args.prompt.encode()
    rate = write_sample(model, prompt, config, args.length, args.temperature, show=False)

    nn.quantize(model, group_size=64, bits=4)
    quantized_loss = validation_loss(model, validation_text, config)
    quantized_size = save(model, args.out / "char_lm_4bit.safetensors")
    print(f"4 bits: loss {quantized_loss:.3f} ({quantized_loss - loss:+.3f}), ", end="")
    print(f"size {quantized_size:,} of {size:,} bytes ({quantized_size / size:.0%})\n")
    quantized_rate = write_sample(model, prompt, config, args.length, args.temperature, show=True)
    print(f"\nGenerated {quantized_rate:.0f} bytes/s with 4 bits, {rate:.0f} bytes/s with float32")
    print(f"Wrote {chart} and the weights beside it")


if __name__ == "__main__":
    main()
