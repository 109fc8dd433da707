"""Multi-head attention and the encoder-decoder transformer."""

import math
from collections.abc import Callable
from typing import Any

import mlx.core as mx
from mlx.nn.layers.activations import relu
from mlx.nn.layers.base import Module
from mlx.nn.layers.dropout import Dropout
from mlx.nn.layers.linear import Linear
from mlx.nn.layers.normalization import LayerNorm
from mlx.nn.utils import checkpoint


class MultiHeadAttention(Module):
    r"""Scaled dot-product attention with several heads,
    :math:`\mathrm{softmax}(Q K^\top / \sqrt{d} + M) V` per head.

    Queries of shape ``(N, Lq, query_input_dims)``, keys ``(N, Lk, key_input_dims)`` and values
    ``(N, Lk, value_input_dims)`` give an output of shape ``(N, Lq, value_output_dims)``.

    Args:
        dims: Size of all heads' queries together, a multiple of ``num_heads``.
        num_heads: Number of heads.
        query_input_dims: Features of the queries, ``dims`` by default.
        key_input_dims: Features of the keys, ``dims`` by default.
        value_input_dims: Features of the values, ``key_input_dims`` by default.
        value_dims: Size of all heads' values together, ``dims`` by default.
        value_output_dims: Features of the output, ``dims`` by default.
        bias: Whether the projections have a bias.
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        query_input_dims: int | None = None,
        key_input_dims: int | None = None,
        value_input_dims: int | None = None,
        value_dims: int | None = None,
        value_output_dims: int | None = None,
        bias: bool = False,
    ):
        super().__init__()
        if dims % num_heads != 0:
            raise ValueError(
                "The input feature dimensions should be divisible by the number of heads "
                f"({dims} % {num_heads}) != 0"
            )
        query_input_dims = query_input_dims or dims
        key_input_dims = key_input_dims or dims
        value_input_dims = value_input_dims or key_input_dims
        value_dims = value_dims or dims
        value_output_dims = value_output_dims or dims

        self.num_heads = num_heads
        self.query_proj = Linear(query_input_dims, dims, bias=bias)
        self.key_proj = Linear(key_input_dims, dims, bias=bias)
        self.value_proj = Linear(value_input_dims, value_dims, bias=bias)
        self.out_proj = Linear(value_dims, value_output_dims, bias=bias)

    def _split_heads(self, x):
        return mx.unflatten(x, -1, (self.num_heads, -1)).transpose(0, 2, 1, 3)

    def __call__(self, queries, keys, values, mask=None):
        """Attend; ``mask`` is added to the scores (or chooses them, if boolean)."""
        queries = self._split_heads(self.query_proj(queries))
        keys = self._split_heads(self.key_proj(keys))
        values = self._split_heads(self.value_proj(values))
        scale = math.sqrt(1 / queries.shape[-1])
        output = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=scale, mask=mask)
        return self.out_proj(output.transpose(0, 2, 1, 3).flatten(-2, -1))

    @staticmethod
    def create_additive_causal_mask(N: int, dtype: mx.Dtype = mx.float32):
        """An ``(N, N)`` mask that hides from each element the ones after it: zero on and below
        the diagonal, the lowest finite number of ``dtype`` above."""
        indices = mx.arange(N)
        is_later = indices[:, None] < indices[None]
        return is_later.astype(dtype) * mx.finfo(dtype).min


class TransformerEncoderLayer(Module):
    """Attention of a sequence to itself, then a two-layer perceptron; each is added to its
    input, with a normalization before it or, if not ``norm_first``, after the sum.

    Args:
        dims: Number of features.
        num_heads: Number of attention heads.
        mlp_dims: Features inside the perceptron, ``4 * dims`` by default.
        dropout: Probability of the dropout after attention and inside the perceptron.
        activation: Activation of the perceptron.
        norm_first: Whether to normalize before each part.
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
    ):
        super().__init__()
        mlp_dims = mlp_dims or dims * 4
        self.attention = MultiHeadAttention(dims, num_heads)
        self.ln1 = LayerNorm(dims)
        self.ln2 = LayerNorm(dims)
        self.linear1 = Linear(dims, mlp_dims)
        self.linear2 = Linear(mlp_dims, dims)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = activation
        self.norm_first = norm_first

    def _attend(self, x, mask):
        return self.dropout1(self.attention(x, x, x, mask))

    def _feed_forward(self, x):
        return self.linear2(self.dropout2(self.activation(self.linear1(x))))

    def __call__(self, x, mask):
        if self.norm_first:
            x = x + self._attend(self.ln1(x), mask)
            return x + self._feed_forward(self.ln2(x))
        x = self.ln1(x + self._attend(x, mask))
        return self.ln2(x + self._feed_forward(x))


class _Stack(Module):
    """What the encoder and the decoder share: layers of ``_layer_type``, then a normalization."""

    _layer_type = None

    def __init__(
        self,
        num_layers: int,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation=relu,
        norm_first: bool = True,
        checkpoint: bool = False,
    ):
        super().__init__()
        self.layers = [
            self._layer_type(dims, num_heads, mlp_dims, dropout, activation, norm_first)
            for _ in range(num_layers)
        ]
        self.ln = LayerNorm(dims)
        self.checkpoint = checkpoint

    def _run(self, x, *others):
        for layer in self.layers:
            x = (checkpoint(layer) if self.checkpoint else layer)(x, *others)
        return self.ln(x)


class TransformerEncoder(_Stack):
    """A stack of :class:`TransformerEncoderLayer` and a last normalization.

    Args:
        num_layers: Number of layers.
        dims, num_heads, mlp_dims, dropout, activation, norm_first: As for the layers.
        checkpoint: Whether to compute each layer again in the backward pass, which saves
            memory.
    """

    _layer_type = TransformerEncoderLayer

    def __call__(self, x, mask):
        """Encode ``x`` of shape ``(N, L, dims)``; ``mask`` is added to the attention scores."""
        return self._run(x, mask)


class TransformerDecoderLayer(Module):
    """Attention of a sequence to itself, attention to the encoder's output, then a two-layer
    perceptron; each is added to its input, with a normalization before it or, if not
    ``norm_first``, after the sum.

    Args:
        dims: Number of features.
        num_heads: Number of attention heads.
        mlp_dims: Features inside the perceptron, ``4 * dims`` by default.
        dropout: Probability of the dropout after each attention and inside the perceptron.
        activation: Activation of the perceptron.
        norm_first: Whether to normalize before each part.
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
    ):
        super().__init__()
        mlp_dims = mlp_dims or dims * 4
        self.self_attention = MultiHeadAttention(dims, num_heads)
        self.cross_attention = MultiHeadAttention(dims, num_heads)
        self.ln1 = LayerNorm(dims)
        self.ln2 = LayerNorm(dims)
        self.ln3 = LayerNorm(dims)
        self.linear1 = Linear(dims, mlp_dims)
        self.linear2 = Linear(mlp_dims, dims)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = activation
        self.norm_first = norm_first

    def _attend_self(self, x, mask):
        return self.dropout1(self.self_attention(x, x, x, mask))

    def _attend_memory(self, x, memory, mask):
        return self.dropout2(self.cross_attention(x, memory, memory, mask))

    def _feed_forward(self, x):
        return self.linear2(self.dropout3(self.activation(self.linear1(x))))

    def __call__(self, x, memory, x_mask, memory_mask):
        if self.norm_first:
            x = x + self._attend_self(self.ln1(x), x_mask)
            x = x + self._attend_memory(self.ln2(x), memory, memory_mask)
            return x + self._feed_forward(self.ln3(x))
        x = self.ln1(x + self._attend_self(x, x_mask))
        x = self.ln2(x + self._attend_memory(x, memory, memory_mask))
        return self.ln3(x + self._feed_forward(x))


class TransformerDecoder(_Stack):
    """A stack of :class:`TransformerDecoderLayer` and a last normalization.

    Args:
        num_layers: Number of layers.
        dims, num_heads, mlp_dims, dropout, activation, norm_first: As for the layers.
        checkpoint: Whether to compute each layer again in the backward pass, which saves
            memory.
    """

    _layer_type = TransformerDecoderLayer

    def __call__(self, x, memory, x_mask, memory_mask):
        """Decode ``x`` of shape ``(N, Lx, dims)`` beside the encoder's output ``memory``; the
        masks are added to the scores of the attention to either."""
        return self._run(x, memory, x_mask, memory_mask)


class Transformer(Module):
    """The encoder-decoder transformer: ``decoder(tgt, encoder(src))``.

    Source and target have shapes ``(N, Ls, dims)`` and ``(N, Lt, dims)``; the result has the
    target's shape.

    Args:
        dims: Number of features.
        num_heads: Number of attention heads.
        num_encoder_layers: Number of layers of the encoder.
        num_decoder_layers: Number of layers of the decoder.
        mlp_dims: Features inside the perceptrons, ``4 * dims`` by default.
        dropout: Probability of the dropouts.
        activation: Activation of the perceptrons.
        custom_encoder: Takes the place of the encoder; called as ``encoder(src, src_mask)``.
        custom_decoder: Takes the place of the decoder; called as
            ``decoder(tgt, memory, tgt_mask, memory_mask)``.
        norm_first: Whether to normalize before each part of a layer.
        checkpoint: Whether to compute each layer again in the backward pass, which saves
            memory.
    """

    def __init__(
        self,
        dims: int = 512,
        num_heads: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        norm_first: bool = True,
        checkpoint: bool = False,
    ):
        super().__init__()
        layer_options = (dims, num_heads, mlp_dims, dropout, activation, norm_first, checkpoint)
        # A module without parameters counts as false, hence the comparisons with None.
        if custom_encoder is None:
            custom_encoder = TransformerEncoder(num_encoder_layers, *layer_options)
        if custom_decoder is None:
            custom_decoder = TransformerDecoder(num_decoder_layers, *layer_options)
        self.encoder = custom_encoder
        self.decoder = custom_decoder

    def __call__(self, src, tgt, src_mask, tgt_mask, memory_mask):
        memory = self.encoder(src, src_mask)
        return self.decoder(tgt, memory, tgt_mask, memory_mask)
