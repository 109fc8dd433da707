"""The model and training step of `char_lm.py` in PyTorch, for the benchmark that compares them.

`python examples/char_lm_torch.py` trains for a while and prints loss and speed.
"""

import argparse
import time

import torch
import torch.nn.functional as F
from char_lm_config import Config, learning_rate
from corpus import read_corpus, split_corpus
from torch import nn


def rotate(x, cos, sin):
    """Rotary encoding of ``x`` (N, H, L, D), pairing the two halves of the last axis."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


class Attention(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.num_heads = config.heads
        self.qkv_proj = nn.Linear(config.dims, 3 * config.dims, bias=False)
        self.out_proj = nn.Linear(config.dims, config.dims, bias=False)
        half = config.dims // config.heads // 2
        angles = torch.arange(config.context)[:, None] * 10000 ** (-torch.arange(half) / half)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, x):
        batch, length, dims = x.shape
        qkv = self.qkv_proj(x).view(batch, length, 3, self.num_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        cos, sin = self.cos[:length], self.sin[:length]
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(y.transpose(1, 2).reshape(batch, length, dims))


class FeedForward(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.gate_up_proj = nn.Linear(config.dims, 2 * config.hidden, bias=False)
        self.down_proj = nn.Linear(config.hidden, config.dims, bias=False)

    def forward(self, x):
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class Block(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.dims, eps=1e-5)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.RMSNorm(config.dims, eps=1e-5)
        self.feed_forward = FeedForward(config)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class CharLM(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.embedding = nn.Embedding(config.vocabulary, config.dims)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.dims, eps=1e-5)
        nn.init.normal_(self.embedding.weight, std=config.dims**-0.5)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.embedding.weight.T


def build_model(config: Config) -> CharLM:
    """A model with random weights."""
    torch.manual_seed(config.seed)
    return CharLM(config)


def build_step(model: CharLM, config: Config):
    """The optimizer and the training step ``step(inputs, targets)``, which returns the loss."""
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=config.learning_rate,
        betas=(0.9, 0.98),
        eps=1e-8,
        weight_decay=config.weight_decay,
    )

    def step(inputs, targets):
        optimizer.zero_grad(set_to_none=True)
        logits = model(inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        return loss.detach()

    return optimizer, step


def random_batch(text, config: Config):
    """Inputs and targets: windows of the text at random places, targets one further on."""
    starts = torch.randint(len(text) - config.context - 1, (config.batch, 1))
    windows = text[starts + torch.arange(config.context + 1)].long()
    return windows[:, :-1], windows[:, 1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", nargs="?", help="file to learn from")
    parser.add_argument("--seconds", type=float, default=75.0)
    Config.add_arguments(parser)
    args = parser.parse_args()
    config = Config.from_arguments(args)

    train, validation = (
        torch.frombuffer(bytearray(part), dtype=torch.uint8)
        for part in split_corpus(read_corpus(args.text))
    )
    model = build_model(config)
    optimizer, step = build_step(model, config)
    start, steps, printed = time.perf_counter(), 0, 0.0
    while (elapsed := time.perf_counter() - start) < args.seconds:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, elapsed / args.seconds)
        loss = step(*random_batch(train, config)).item()
        steps += 1
        if elapsed - printed >= args.seconds / 10:
            printed = elapsed
            tokens = steps * config.batch * config.context
            print(f"{elapsed:5.0f} s  step {steps}  loss {loss:.3f}  {tokens / elapsed:.0f} tok/s")
    with torch.no_grad():
        torch.manual_seed(0)
        losses = []
        for _ in range(8):
            inputs, targets = random_batch(validation, config)
            losses.append(F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()))
    print(f"validation loss {torch.stack(losses).mean():.3f}")


if __name__ == "__main__":
    main()
