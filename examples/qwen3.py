"""Decode speed of a language model of Qwen3's shape with random weights.

Run ``python examples/qwen3.py --size 0.6b --bits 4`` to time prefill and decoding, on the default device.
No weights are downloaded: the shapes decide the speed. The model is written as any ``mlx.nn`` user would.
"""

import argparse
import time
from dataclasses import dataclass
from functools import partial

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten


@dataclass
class Config:
    hidden_size: int
    num_layers: int
    intermediate_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int = 128
    vocab_size: int = 151936
    rope_base: float = 1e6
    norm_eps: float = 1e-6
    tie_embeddings: bool = True


SIZES = {
    "tiny": Config(256, 4, 768, 4, 2, head_dim=64, vocab_size=4096),
    "0.6b": Config(1024, 28, 3072, 16, 8),
    "1.7b": Config(2048, 28, 6144, 16, 8),
    "8b": Config(4096, 36, 12288, 32, 8, tie_embeddings=False),
}


class KVCache:
    """Keys and values of the tokens so far, in buffers that grow by ``step`` tokens at a time."""

    step = 256

    def __init__(self):
        self.keys = None
        self.values = None
        self.offset = 0

    def update(self, keys, values):
        """Appends (B, H, L, D) keys and values; returns all of them so far."""
        start, self.offset = self.offset, self.offset + keys.shape[2]
        if self.keys is None or self.offset > self.keys.shape[2]:
            batch, heads, length, dim = keys.shape
            room = (length + self.step - 1) // self.step * self.step
            shape = (batch, heads, room, dim)
            if self.keys is None:
                self.keys, self.values = mx.zeros(shape, keys.dtype), mx.zeros(shape, keys.dtype)
            else:
                empty = mx.zeros(shape, keys.dtype)
                self.keys = mx.concatenate([self.keys[..., :start, :], empty], axis=2)
                self.values = mx.concatenate([self.values[..., :start, :], empty], axis=2)
        self.keys[..., start : self.offset, :] = keys
        self.values[..., start : self.offset, :] = values
        return self.keys[..., : self.offset, :], self.values[..., : self.offset, :]


class FixedKVCache:
    """Keys and values in buffers of one shape, and the offset as an array: a compiled step serves
    every token."""

    def __init__(self):
        self.arrays = {}

    def fill(self, caches, capacity):
        """Takes over ``KVCache`` objects, one a layer; ``capacity`` tokens will fit."""
        offset = caches[0].offset
        self.arrays["keys"] = [grown(cache.keys[..., :offset, :], capacity) for cache in caches]
        self.arrays["values"] = [grown(cache.values[..., :offset, :], capacity) for cache in caches]
        self.arrays["offset"] = mx.array([offset], mx.int32)
        mx.eval(self.arrays)

    def layers(self):
        return [FixedLayer(self.arrays, i) for i in range(len(self.arrays["keys"]))]


class FixedLayer:
    """What one layer sees of a ``FixedKVCache``."""

    def __init__(self, arrays, layer):
        self.arrays, self.layer = arrays, layer
        self.offset = arrays["offset"]
        positions = mx.arange(arrays["keys"][layer].shape[2])
        self.mask = positions <= self.offset

    def update(self, keys, values):
        for name, new in (("keys", keys), ("values", values)):
            held = self.arrays[name]
            held[self.layer] = mx.slice_update(held[self.layer], new, self.offset, axes=(2,))
        return self.arrays["keys"][self.layer], self.arrays["values"][self.layer]


def grown(x, capacity):
    batch, heads, length, dim = x.shape
    return mx.concatenate([x, mx.zeros((batch, heads, capacity - length, dim), x.dtype)], axis=2)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_heads = config.num_heads
        self.num_kv_heads = config.num_kv_heads
        self.scale = config.head_dim**-0.5
        width = config.num_heads * config.head_dim
        kv_width = config.num_kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, kv_width, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, kv_width, bias=False)
        self.o_proj = nn.Linear(width, config.hidden_size, bias=False)
        self.q_norm = nn.RMSNorm(config.head_dim, eps=config.norm_eps)
        self.k_norm = nn.RMSNorm(config.head_dim, eps=config.norm_eps)
        self.rope = nn.RoPE(config.head_dim, base=config.rope_base)

    def __call__(self, x, cache):
        batch, length, _ = x.shape
        q = self.q_norm(self.q_proj(x).reshape(batch, length, self.num_heads, -1))
        k = self.k_norm(self.k_proj(x).reshape(batch, length, self.num_kv_heads, -1))
        v = self.v_proj(x).reshape(batch, length, self.num_kv_heads, -1)
        q = self.rope(q.transpose(0, 2, 1, 3), offset=cache.offset)
        k = self.rope(k.transpose(0, 2, 1, 3), offset=cache.offset)
        keys, values = cache.update(k, v.transpose(0, 2, 1, 3))
        mask = "causal" if length > 1 else getattr(cache, "mask", None)
        out = mx.fast.scaled_dot_product_attention(q, keys, values, scale=self.scale, mask=mask)
        return self.o_proj(out.transpose(0, 2, 1, 3).reshape(batch, length, -1))


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def __call__(self, x):
        return self.down_proj(nn.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)

    def __call__(self, x, cache):
        x = x + self.self_attn(self.input_layernorm(x), cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = [Block(config) for _ in range(config.num_layers)]
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        if not config.tie_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def __call__(self, tokens, caches):
        """Logits (B, L, vocab) for token ids (B, L)."""
        x = self.embed_tokens(tokens)
        for layer, cache in zip(self.layers, caches, strict=True):
            x = layer(x, cache)
        x = self.norm(x)
        return self.lm_head(x) if "lm_head" in self else self.embed_tokens.as_linear(x)


def make_model(size, bits, dtype=mx.bfloat16, group_size=64):
    """A model with random weights; ``bits`` 16 keeps ``dtype``, 4 or 8 quantises."""
    mx.random.seed(0)
    model = Model(SIZES[size])
    model.set_dtype(dtype)
    if bits < 16:
        nn.quantize(model, group_size=group_size, bits=bits)
    mx.eval(model.parameters())
    return model


def compiled_step(model, cache):
    """``step(token)`` that decodes one token, traced once for all tokens of ``cache``."""

    @partial(mx.compile, inputs=cache.arrays, outputs=cache.arrays)
    def step(token):
        logits = model(token, cache.layers())
        cache.arrays["offset"] = cache.arrays["offset"] + 1
        return mx.argmax(logits[:, -1, :], axis=-1, keepdims=True)

    return step


def measure(model, batch, prompt_length, num_tokens, use_compile=False):
    """Prefill and decode speed in tokens per second. Each step's token feeds the next one."""
    num_layers = len(model.layers)
    vocab = model.embed_tokens.weight.shape[0]
    prompt = mx.random.randint(0, vocab, (batch, prompt_length))

    def step(tokens, caches):
        return mx.argmax(model(tokens, caches)[:, -1, :], axis=-1, keepdims=True)

    if use_compile:
        cache = FixedKVCache()
        next_token = compiled_step(model, cache)
    for _ in range(2):  # the first round warms up
        caches = [KVCache() for _ in range(num_layers)]
        start = time.perf_counter()
        token = step(prompt, caches)
        mx.eval(token)
        prefill = batch * prompt_length / (time.perf_counter() - start)
        if use_compile:
            cache.fill(caches, prompt_length + num_tokens)
        else:
            next_token = partial(step, caches=caches)
        start = time.perf_counter()
        for _ in range(num_tokens):
            token, previous = next_token(token), token
            mx.async_eval(token)
            previous.tolist()  # as a server would hand the token out
        mx.eval(token)
        decode = batch * num_tokens / (time.perf_counter() - start)
    return prefill, decode


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="0.6b")
    parser.add_argument("--bits", type=int, choices=(4, 8, 16), default=16)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the prompt")
    parser.add_argument("--tokens", type=int, default=128, help="tokens to decode")
    parser.add_argument("--compile", action="store_true", help="decode by a compiled step")
    parser.add_argument("--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16")
    args = parser.parse_args()
    model = make_model(args.size, args.bits, getattr(mx, args.dtype))
    size_bytes = sum(v.nbytes for _, v in tree_flatten(model.parameters()))
    prefill, decode = measure(model, args.batch, args.prompt, args.tokens, args.compile)
    print(
        f"{args.size}, {args.bits} bit, batch {args.batch} on {mx.default_device()}: "
        f"{size_bytes / 1e6:.0f} MB of weights, prefill {prefill:.0f} tokens/s, "
        f"decode {decode:.1f} tokens/s"
    )


if __name__ == "__main__":
    main()
