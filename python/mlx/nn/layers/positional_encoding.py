"""Layers that tell a sequence model where each element stands."""

import math

import mlx.core as mx
from mlx.nn.layers.base import Module


class RoPE(Module):
    r"""Rotary position encoding: rotates pairs of features by an angle that grows with the
    position, so that products of queries and keys depend on distances only.

    The pair :math:`i` at position :math:`t` turns by :math:`t \, s \, b^{-2i/d}` for scale
    :math:`s`, base :math:`b` and :math:`d` = ``dims``. The input has shape ``(..., L, D)``
    with :math:`D \ge d`; features past ``dims`` stay as they are.

    Args:
        dims: Number of features that are rotated.
        traditional: Whether neighbours form the pairs; otherwise each feature of the first half
            pairs with the one at the same place in the second half, which is faster.
        base: The :math:`b` above.
        scale: The :math:`s` above.
    """

    def __init__(
        self, dims: int, traditional: bool = False, base: float = 10000, scale: float = 1.0
    ):
        super().__init__()
        self.dims = dims
        self.traditional = traditional
        self.base = base
        self.scale = scale

    def _extra_repr(self):
        return f"{self.dims}, traditional={self.traditional}"

    def __call__(self, x, offset: int = 0):
        """Encode ``x`` whose first position is ``offset``."""
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=self.base,
            scale=self.scale,
            offset=offset,
        )


class SinusoidalPositionalEncoding(Module):
    r"""Sines and cosines of the positions at geometrically spaced frequencies.

    Frequencies fall from ``max_freq`` to ``min_freq``. Positions of shape ``S`` give an array
    of shape ``S + (dims,)``: first all sines, then all cosines.

    Args:
        dims: Number of features, even.
        min_freq: Lowest frequency.
        max_freq: Highest frequency.
        scale: Factor of the result, :math:`\sqrt{2 / \text{dims}}` by default.
        cos_first: Whether the cosines come before the sines.
        full_turns: Whether frequencies count turns, that is multiples of :math:`2 \pi`.
    """

    def __init__(
        self,
        dims: int,
        min_freq: float = 0.0001,
        max_freq: float = 1,
        scale: float | None = None,
        cos_first: bool = False,
        full_turns: bool = False,
    ):
        super().__init__()
        if dims <= 0 or dims % 2 != 0:
            raise ValueError(
                f"[SinusoidalPositionalEncoding] dims must be positive and even but got {dims}."
            )
        count = dims // 2
        highest, lowest = math.log(max_freq), math.log(min_freq)
        falling = 1 - mx.arange(0, count) / max(count - 1, 1)
        sigmas = mx.exp(falling * (highest - lowest) + lowest)
        # The underscore keeps the frequencies out of the parameters.
        self._sigmas = sigmas * (2 * math.pi) if full_turns else sigmas
        self.scale = scale or math.sqrt(2 / dims)
        self.cos_first = cos_first

    def __call__(self, x):
        angles = x[..., None] * self._sigmas
        sines, cosines = mx.sin(angles), mx.cos(angles)
        parts = [cosines, sines] if self.cos_first else [sines, cosines]
        y = mx.concatenate(parts, axis=-1)
        return y if self.scale == 1 else y * self.scale


class ALiBi(Module):
    r"""Attention with linear biases: adds :math:`-m_h |i - j|` to the score of query :math:`i`
    and key :math:`j` in head :math:`h`."""

    @staticmethod
    def create_alibi_matrix(
        q_sequence_length: int,
        k_sequence_length: int,
        num_heads: int,
        offset: int = 0,
        dtype: mx.Dtype = mx.float32,
    ) -> mx.array:
        """The biases, of shape ``(1, num_heads, q_sequence_length - offset,
        k_sequence_length)``, for queries at ``offset`` up to ``q_sequence_length``."""
        queries = mx.arange(offset, q_sequence_length)
        keys = mx.arange(0, k_sequence_length)
        distances = mx.abs(queries[:, None] - keys[None, :])[None, None]
        slopes = ALiBi.create_alibi_slope(num_heads=num_heads, dtype=dtype)
        return (-distances).astype(dtype) * slopes

    @staticmethod
    def create_alibi_slope(num_heads: int, dtype: mx.Dtype = mx.float32) -> mx.array:
        r"""The slopes :math:`m_h` of shape ``(num_heads, 1, 1)``: :math:`2^{-8 h / n}` for
        :math:`h = 1..n` with :math:`n` the power of two not above ``num_heads``, then every
        other slope of the series for :math:`2n`."""
        n = 2 ** math.floor(math.log2(num_heads))
        powers = [-8 * h / n for h in range(1, n + 1)]
        powers += [-8 * h / (2 * n) for h in range(1, 2 * n, 2)][: num_heads - n]
        return mx.array([2**p for p in powers], dtype=dtype)[:, None, None]

    def __call__(
        self, attention_scores: mx.array, offset: int = 0, mask: mx.array | None = None
    ) -> mx.array:
        """Add the biases, and ``mask`` if given, to scores of shape ``(N, H, Lq, Lk)``."""
        biases = ALiBi.create_alibi_matrix(
            q_sequence_length=attention_scores.shape[-2] + offset,
            k_sequence_length=attention_scores.shape[-1],
            num_heads=attention_scores.shape[1],
            offset=offset,
            dtype=attention_scores.dtype,
        )
        if mask is not None:
            biases = biases + mask
        return attention_scores + biases
