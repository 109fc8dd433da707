"""Sizes and rates of the character model, shared by `char_lm.py` and `char_lm_torch.py`."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Config:
    """A small transformer; `dims` and `hidden` are multiples of 64, the quantization group."""

    dims: int = 128
    layers: int = 4
    heads: int = 4
    hidden: int = 384
    context: int = 128
    batch: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    max_grad_norm: float = 1.0
    vocabulary: int = 256
    seed: int = 0

    @classmethod
    def add_arguments(cls, parser):
        """One option for each field."""
        for field in dataclasses.fields(cls):
            option = "--" + field.name.replace("_", "-")
            parser.add_argument(option, type=type(field.default), default=field.default)

    @classmethod
    def from_arguments(cls, args):
        return cls(**{field.name: getattr(args, field.name) for field in dataclasses.fields(cls)})


def learning_rate(config: Config, progress: float) -> float:
    """The rate at a share of the run: a short rise, then half a cosine wave down to a twentieth."""
    warmup = 0.05
    if progress < warmup:
        return config.learning_rate * progress / warmup
    wave = 0.5 * (1 + math.cos(math.pi * min((progress - warmup) / (1 - warmup), 1.0)))
    return config.learning_rate * (0.05 + 0.95 * wave)
