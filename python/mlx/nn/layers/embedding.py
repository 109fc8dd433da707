"""The embedding layer: a table of vectors looked up by index."""

import math

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.nn.layers.quantized import QuantizedEmbedding


class Embedding(Module):
    r"""A table of vectors looked up by integer.

    ``weight`` has shape ``(num_embeddings, dims)`` and starts normal with standard deviation
    :math:`1/\sqrt{\text{dims}}`.

    Args:
        num_embeddings: Number of vectors.
        dims: Size of each vector.
    """

    def __init__(self, num_embeddings: int, dims: int):
        super().__init__()
        self.weight = mx.random.normal((num_embeddings, dims), scale=math.sqrt(1 / dims))

    def _extra_repr(self):
        num_embeddings, dims = self.weight.shape
        return f"{num_embeddings}, {dims}"

    def __call__(self, x):
        """Look up integer ``x`` of shape ``S``; the result has shape ``S + (dims,)``."""
        return self["weight"][x]

    def as_linear(self, x):
        """Use the table as the weight of a linear layer, :math:`y = x W^\\top`."""
        return x @ self["weight"].T

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ):
        """Make a :class:`QuantizedEmbedding` with the same table.

        Args:
            group_size: Weights per scale; the default depends on ``mode``.
            bits: Bits per weight; the default depends on ``mode``.
            mode: A quantization mode of :func:`mlx.core.quantize`.
            quantize_input: Must be false: the input is an index.
        """
        if quantize_input:
            raise ValueError("Quantized input is not supported.")
        return QuantizedEmbedding.from_embedding(self, group_size, bits, mode=mode)
