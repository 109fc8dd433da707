"""Transposed convolution layers; channels are last, as in all of MLX."""

import math

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.nn.layers.convolution import _as_tuple


class ConvTranspose1d(Module):
    r"""Transposed convolution over one axis: the adjoint of a convolution, used to lengthen.

    The input has shape ``(N, L, in_channels)``, the result ``(N, L', out_channels)``.
    Parameter ``weight`` of shape ``(out_channels, kernel_size, in_channels)`` starts uniform in
    :math:`\pm 1/\sqrt{\text{in\_channels} \cdot \text{kernel\_size}}`, ``bias`` of shape
    ``(out_channels,)`` starts at zero.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Length of the filters.
        stride: Step between the places where filters are added.
        padding: Elements cut off at both ends.
        dilation: Step between a filter's taps.
        output_padding: Elements added at the far end.
        bias: Whether there is a bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        output_padding: int = 0,
        bias: bool = True,
    ):
        super().__init__()
        bound = math.sqrt(1 / (in_channels * kernel_size))
        shape = (out_channels, kernel_size, in_channels)
        self.weight = mx.random.uniform(-bound, bound, shape)
        if bias:
            self.bias = mx.zeros((out_channels,))
        self.padding = padding
        self.dilation = dilation
        self.stride = stride
        self.output_padding = output_padding

    def _extra_repr(self):
        return _describe(self, self.weight.shape[1])

    def __call__(self, x):
        y = mx.conv_transpose1d(
            x, self.weight, self.stride, self.padding, self.dilation, self.output_padding
        )
        return y + self.bias if "bias" in self else y


class ConvTranspose2d(Module):
    r"""Transposed convolution over two axes: the adjoint of a convolution, used to enlarge.

    The input has shape ``(N, H, W, in_channels)``, the result ``(N, H', W', out_channels)``.
    Parameter ``weight`` of shape ``(out_channels, kH, kW, in_channels)`` starts uniform in
    :math:`\pm 1/\sqrt{\text{in\_channels} \cdot kH \cdot kW}`, ``bias`` of shape
    ``(out_channels,)`` starts at zero. Sizes are one integer or a pair.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Size of the filters.
        stride: Step between the places where filters are added.
        padding: Elements cut off at both ends of each axis.
        dilation: Step between a filter's taps.
        output_padding: Elements added at the far end of each axis.
        bias: Whether there is a bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        output_padding: int | tuple = 0,
        bias: bool = True,
    ):
        super().__init__()
        kernel_size = tuple(_as_tuple(kernel_size, 2))[:2]
        bound = math.sqrt(1 / (in_channels * math.prod(kernel_size)))
        shape = (out_channels, *kernel_size, in_channels)
        self.weight = mx.random.uniform(-bound, bound, shape)
        if bias:
            self.bias = mx.zeros((out_channels,))
        self.padding = _as_tuple(padding, 2)
        self.stride = _as_tuple(stride, 2)
        self.output_padding = _as_tuple(output_padding, 2)
        self.dilation = dilation

    def _extra_repr(self):
        return _describe(self, self.weight.shape[1:3])

    def __call__(self, x):
        y = mx.conv_transpose2d(
            x, self.weight, self.stride, self.padding, self.dilation, self.output_padding
        )
        return y + self.bias if "bias" in self else y


class ConvTranspose3d(Module):
    r"""Transposed convolution over three axes: the adjoint of a convolution, used to enlarge.

    The input has shape ``(N, D, H, W, in_channels)``, the result
    ``(N, D', H', W', out_channels)``. Parameter ``weight`` of shape
    ``(out_channels, kD, kH, kW, in_channels)`` starts uniform in
    :math:`\pm 1/\sqrt{\text{in\_channels} \cdot kD \cdot kH \cdot kW}`, ``bias`` of shape
    ``(out_channels,)`` starts at zero. Sizes are one integer or a triple.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Size of the filters.
        stride: Step between the places where filters are added.
        padding: Elements cut off at both ends of each axis.
        dilation: Step between a filter's taps.
        output_padding: Elements added at the far end of each axis.
        bias: Whether there is a bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        output_padding: int | tuple = 0,
        bias: bool = True,
    ):
        super().__init__()
        kernel_size = tuple(_as_tuple(kernel_size, 3))[:3]
        bound = math.sqrt(1 / (in_channels * math.prod(kernel_size)))
        shape = (out_channels, *kernel_size, in_channels)
        self.weight = mx.random.uniform(-bound, bound, shape)
        if bias:
            self.bias = mx.zeros((out_channels,))
        self.padding = _as_tuple(padding, 3)
        self.stride = _as_tuple(stride, 3)
        self.output_padding = _as_tuple(output_padding, 3)
        self.dilation = dilation

    def _extra_repr(self):
        return _describe(self, self.weight.shape[1:4])

    def __call__(self, x):
        y = mx.conv_transpose3d(
            x, self.weight, self.stride, self.padding, self.dilation, self.output_padding
        )
        return y + self.bias if "bias" in self else y


def _describe(layer, kernel_size) -> str:
    return (
        f"{layer.weight.shape[-1]}, {layer.weight.shape[0]}, kernel_size={kernel_size}, "
        f"stride={layer.stride}, padding={layer.padding}, dilation={layer.dilation}, "
        f"output_padding={layer.output_padding}, bias={'bias' in layer}"
    )
