"""Transposed convolution layers; channels are last, as in all of MLX."""

import mlx.core as mx
from mlx.nn.layers.convolution import _as_tuple, _Convolution


class _TransposedConvolution(_Convolution):
    _settings = ("stride", "padding", "dilation", "output_padding")


class ConvTranspose1d(_TransposedConvolution):
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

    _function = staticmethod(mx.conv_transpose1d)

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
        self._set_parameters(in_channels, out_channels, (kernel_size,), bias)
        self.padding = padding
        self.dilation = dilation
        self.stride = stride
        self.output_padding = output_padding


class ConvTranspose2d(_TransposedConvolution):
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

    _function = staticmethod(mx.conv_transpose2d)

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
        self._set_parameters(in_channels, out_channels, kernel_size, bias)
        self.padding = _as_tuple(padding, 2)
        self.stride = _as_tuple(stride, 2)
        self.output_padding = _as_tuple(output_padding, 2)
        self.dilation = dilation


class ConvTranspose3d(_TransposedConvolution):
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

    _function = staticmethod(mx.conv_transpose3d)

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
        self._set_parameters(in_channels, out_channels, kernel_size, bias)
        self.padding = _as_tuple(padding, 3)
        self.stride = _as_tuple(stride, 3)
        self.output_padding = _as_tuple(output_padding, 3)
        self.dilation = dilation
