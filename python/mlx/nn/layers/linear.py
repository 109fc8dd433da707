"""Affine layers: identity, linear and bilinear."""

import math
from typing import Any

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.nn.layers.quantized import QQLinear, QuantizedLinear


class Identity(Module):
    """Returns its input. All arguments of the constructor are ignored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        return x


class Linear(Module):
    r"""Affine map of the last axis, :math:`y = x W^\top + b`.

    ``weight`` has shape ``(output_dims, input_dims)``, ``bias`` has shape ``(output_dims,)``;
    both start uniform in :math:`\pm 1/\sqrt{\text{input\_dims}}`.

    Args:
        input_dims: Size of the last axis of the input.
        output_dims: Size of the last axis of the output.
        bias: Whether there is a bias.
    """

    def __init__(self, input_dims: int, output_dims: int, bias: bool = True) -> None:
        super().__init__()
        bound = math.sqrt(1.0 / input_dims)
        self.weight = mx.random.uniform(-bound, bound, (output_dims, input_dims))
        if bias:
            self.bias = mx.random.uniform(-bound, bound, (output_dims,))

    def _extra_repr(self) -> str:
        output_dims, input_dims = self.weight.shape
        return f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        if "bias" in self:
            return mx.addmm(self["bias"], x, self["weight"].T)
        return x @ self["weight"].T

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ):
        """Make a quantized layer with the same weights.

        Args:
            group_size: Weights per scale; the default depends on ``mode``.
            bits: Bits per weight; the default depends on ``mode``.
            mode: A quantization mode of :func:`mlx.core.quantize`.
            quantize_input: If true, the layer quantizes its input as well, which needs mode
                ``"nvfp4"`` or ``"mxfp8"`` and no bias.

        Returns:
            A :class:`QuantizedLinear`, or a :class:`QQLinear` if ``quantize_input``.
        """
        if not quantize_input:
            return QuantizedLinear.from_linear(self, group_size, bits, mode=mode)
        if mode not in ("nvfp4", "mxfp8"):
            raise ValueError(
                "Quantized activations are only supported for 'nvfp4' and 'mxfp8' modes, "
                f"got {mode}."
            )
        return QQLinear.from_linear(self, group_size, bits, mode=mode)


class Bilinear(Module):
    r"""Bilinear map of the last axes of two inputs, :math:`y_i = x_1^\top W_i x_2 + b_i`.

    ``weight`` has shape ``(output_dims, input2_dims, input1_dims)``, ``bias`` has shape
    ``(output_dims,)``; both start uniform in :math:`\pm 1/\sqrt{\text{input1\_dims}}`.

    Args:
        input1_dims: Size of the last axis of the first input.
        input2_dims: Size of the last axis of the second input.
        output_dims: Size of the last axis of the output.
        bias: Whether there is a bias.
    """

    def __init__(
        self, input1_dims: int, input2_dims: int, output_dims: int, bias: bool = True
    ) -> None:
        super().__init__()
        bound = math.sqrt(1.0 / input1_dims)
        shape = (output_dims, input2_dims, input1_dims)
        self.weight = mx.random.uniform(-bound, bound, shape)
        if bias:
            self.bias = mx.random.uniform(-bound, bound, (output_dims,))

    def _extra_repr(self) -> str:
        output_dims, input2_dims, input1_dims = self.weight.shape
        return (
            f"input1_dims={input1_dims}, input2_dims={input2_dims}, "
            f"output_dims={output_dims}, bias={'bias' in self}"
        )

    def __call__(self, x1: mx.array, x2: mx.array) -> mx.array:
        output_dims, input2_dims, input1_dims = self.weight.shape
        batch_shape = x1.shape[:-1]
        x1 = x1.reshape(-1, input1_dims)
        x2 = x2.reshape(-1, 1, input2_dims)

        # One product with all W_i side by side, then one small product per row.
        w = self.weight.reshape(output_dims * input2_dims, input1_dims)
        y = (x1 @ w.T).reshape(-1, output_dims, input2_dims).swapaxes(-2, -1)
        y = (x2 @ y).squeeze(1)
        if "bias" in self:
            y = y + self.bias
        return y.reshape(*batch_shape, output_dims)
