"""Convolution layers; channels are last, as in all of MLX."""

import math

import mlx.core as mx
from mlx.nn.layers.base import Module


def _as_tuple(value, count: int) -> tuple:
    return (value,) * count if isinstance(value, int) else value


class _Convolution(Module):
    """What all convolution layers share; ``_function`` takes the ``_settings`` in their order."""

    _function = None
    _settings = ("stride", "padding", "dilation")

    def _set_parameters(self, in_channels, out_channels, kernel_size, bias, groups=1):
        if in_channels % groups != 0:
            raise ValueError(
                f"The number of input channels ({in_channels}) must be divisible by the number of "
                f"groups ({groups})"
            )
        shape = (out_channels, *kernel_size, in_channels // groups)
        bound = math.sqrt(1 / math.prod(shape[1:]))
        self.weight = mx.random.uniform(-bound, bound, shape)
        if bias:
            self.bias = mx.zeros((out_channels,))

    def _extra_repr(self):
        kernel_size = self.weight.shape[1:-1]
        settings = "".join(f"{name}={getattr(self, name)}, " for name in self._settings)
        return (
            f"{self.weight.shape[-1] * getattr(self, 'groups', 1)}, {self.weight.shape[0]}, "
            f"kernel_size={kernel_size if len(kernel_size) > 1 else kernel_size[0]}, "
            f"{settings}bias={'bias' in self}"
        )

    def __call__(self, x):
        y = self._function(x, self.weight, *(getattr(self, name) for name in self._settings))
        return y + self.bias if "bias" in self else y


class Conv1d(_Convolution):
    r"""Convolution (correlation) over one axis.

    The input has shape ``(N, L, in_channels)``, the result ``(N, L', out_channels)``.
    Parameter ``weight`` of shape ``(out_channels, kernel_size, in_channels // groups)`` starts
    uniform in :math:`\pm 1/\sqrt{n}` with :math:`n` the taps of a filter, ``bias`` of shape
    ``(out_channels,)`` starts at zero.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Length of the filters.
        stride: Step between windows.
        padding: Zeros added at both ends.
        dilation: Step between a filter's taps.
        groups: Number of channel groups that are convolved apart.
        bias: Whether there is a bias.
    """

    _function = staticmethod(mx.conv1d)
    _settings = ("stride", "padding", "dilation", "groups")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ):
        super().__init__()
        self._set_parameters(in_channels, out_channels, (kernel_size,), bias, groups)
        self.padding = padding
        self.dilation = dilation
        self.stride = stride
        self.groups = groups


class Conv2d(_Convolution):
    r"""Convolution (correlation) over two axes.

    The input has shape ``(N, H, W, in_channels)``, the result ``(N, H', W', out_channels)``.
    Parameter ``weight`` of shape ``(out_channels, kH, kW, in_channels // groups)`` starts
    uniform in :math:`\pm 1/\sqrt{n}` with :math:`n` the taps of a filter, ``bias`` of shape
    ``(out_channels,)`` starts at zero. Sizes are one integer or a pair.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Size of the filters.
        stride: Step between windows.
        padding: Zeros added at both ends of each axis.
        dilation: Step between a filter's taps.
        groups: Number of channel groups that are convolved apart.
        bias: Whether there is a bias.
    """

    _function = staticmethod(mx.conv2d)
    _settings = ("stride", "padding", "dilation", "groups")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        groups: int = 1,
        bias: bool = True,
    ):
        super().__init__()
        kernel_size = tuple(_as_tuple(kernel_size, 2))[:2]
        self._set_parameters(in_channels, out_channels, kernel_size, bias, groups)
        self.padding = _as_tuple(padding, 2)
        self.stride = _as_tuple(stride, 2)
        self.dilation = dilation
        self.groups = groups


class Conv3d(_Convolution):
    r"""Convolution (correlation) over three axes.

    The input has shape ``(N, D, H, W, in_channels)``, the result
    ``(N, D', H', W', out_channels)``. Parameter ``weight`` of shape
    ``(out_channels, kD, kH, kW, in_channels)`` starts uniform in
    :math:`\pm 1/\sqrt{\text{in\_channels} \cdot kD \cdot kH \cdot kW}`, ``bias`` of shape
    ``(out_channels,)`` starts at zero. Sizes are one integer or a triple.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        kernel_size: Size of the filters.
        stride: Step between windows.
        padding: Zeros added at both ends of each axis.
        dilation: Step between a filter's taps.
        bias: Whether there is a bias.
    """

    _function = staticmethod(mx.conv3d)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple,
        stride: int | tuple = 1,
        padding: int | tuple = 0,
        dilation: int | tuple = 1,
        bias: bool = True,
    ):
        super().__init__()
        kernel_size = tuple(_as_tuple(kernel_size, 3))[:3]
        self._set_parameters(in_channels, out_channels, kernel_size, bias)
        self.padding = _as_tuple(padding, 3)
        self.stride = _as_tuple(stride, 3)
        self.dilation = dilation
