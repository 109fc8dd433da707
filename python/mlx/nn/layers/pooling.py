"""Pooling layers: the maximum or the mean of sliding windows; channels are last."""

import mlx.core as mx
from mlx.nn.layers.base import Module


def _sizes(value, count: int, what: str) -> list:
    """``value`` as a list of ``count`` integers, or ``ValueError`` with the text ``what``."""
    if isinstance(value, (tuple, list)):
        if len(value) != count:
            raise ValueError(what)
        return list(value)
    if isinstance(value, int):
        return [value] * count
    raise ValueError(what)


def _windows(x, size, stride):
    """View of ``x`` of shape ``(N, *spatial, C)`` as ``(N, *places, *size, C)``."""
    spatial = x.shape[1:-1]
    if len(spatial) < 1:
        raise ValueError(
            "To extract sliding windows at least 1 spatial dimension (3 total) is needed but "
            f"the input only has {x.ndim} dimensions."
        )
    if not len(spatial) == len(size) == len(stride):
        raise ValueError(
            "To extract sliding windows the window shapes and strides must have the same "
            f"number of spatial dimensions as the signal but the signal has {len(spatial)} "
            f"dims and the window shape has {len(size)} and strides have {len(stride)}."
        )
    if all(w == s and n % w == 0 for n, w, s in zip(spatial, size, stride)):
        # Windows that tile the input need no copy, and their gradient no scatter.
        shape = [x.shape[0]]
        for n, w in zip(spatial, size):
            shape += [n // w, w]
        count = len(spatial)
        places = range(1, 2 * count, 2)
        within = range(2, 2 * count + 1, 2)
        x = x.reshape(*shape, x.shape[-1])
        return x.transpose(0, *places, *within, 2 * count + 1)

    strides = [1]
    for n in reversed(x.shape[1:]):
        strides.append(strides[-1] * n)
    strides.reverse()
    places = [(n - w) // s + 1 for n, w, s in zip(spatial, size, stride)]
    place_strides = [step * s for step, s in zip(strides[1:-1], stride)]
    return mx.as_strided(
        x,
        shape=[x.shape[0], *places, *size, x.shape[-1]],
        strides=[strides[0], *place_strides, *strides[1:-1], strides[-1]],
    )


class _Pool(Module):
    """What the pooling layers share, over ``_count`` axes."""

    _count = None

    def __init__(self, pooling_function, padding_value, kernel_size, stride, padding):
        super().__init__()
        name = type(self).__name__
        count = self._count
        plural = "integer" if count == 1 else "integers"
        what = f"[{name}] '{{}}' must be an integer or a tuple containing {count} {plural}"
        kernel_size = _sizes(kernel_size, count, what.format("kernel_size"))
        if stride is None:
            stride = kernel_size
        else:
            stride = _sizes(stride, count, what.format("stride"))
        padding = _sizes(padding, count, what.format("padding"))
        if any(k <= 0 for k in kernel_size):
            sizes = tuple(kernel_size)
            raise ValueError(f"[{name}] 'kernel_size' must be positive but got {sizes}.")
        if any(s <= 0 for s in stride):
            raise ValueError(f"[{name}] 'stride' must be positive but got {tuple(stride)}.")
        if any(p < 0 for p in padding):
            sizes = tuple(padding)
            raise ValueError(f"[{name}] 'padding' must be non-negative but got {sizes}.")
        self._pooling_function = pooling_function
        self._kernel_size = kernel_size
        self._stride = stride
        self._padding = [(p, p) for p in padding]
        self._padding_value = padding_value
        self._axes = tuple(range(-len(kernel_size) - 1, -1))

    def _extra_repr(self):
        padding = tuple(before for before, _ in self._padding)
        return (
            f"kernel_size={tuple(self._kernel_size)}, stride={tuple(self._stride)}, "
            f"padding={padding}"
        )

    def __call__(self, x):
        if any(before > 0 for before, _ in self._padding):
            width = [(0, 0), *self._padding, (0, 0)]
            x = mx.pad(x, width, constant_values=self._padding_value)
        return self._pooling_function(_windows(x, self._kernel_size, self._stride), self._axes)


class MaxPool1d(_Pool):
    """Maximum of windows over one axis of an input of shape ``(N, L, C)``.

    Args:
        kernel_size: Length of the window.
        stride: Step between windows, ``kernel_size`` by default.
        padding: Elements added at both ends, each minus infinity.
    """

    _count = 1

    def __init__(
        self,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] | None = None,
        padding: int | tuple[int] = 0,
    ):
        super().__init__(mx.max, -float("inf"), kernel_size, stride, padding)


class AvgPool1d(_Pool):
    """Mean of windows over one axis of an input of shape ``(N, L, C)``.

    Args:
        kernel_size: Length of the window.
        stride: Step between windows, ``kernel_size`` by default.
        padding: Zeros added at both ends; they count in the mean.
    """

    _count = 1

    def __init__(
        self,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] | None = None,
        padding: int | tuple[int] = 0,
    ):
        super().__init__(mx.mean, 0, kernel_size, stride, padding)


class MaxPool2d(_Pool):
    """Maximum of windows over two axes of an input of shape ``(N, H, W, C)``.

    Args:
        kernel_size: Size of the window, one integer or a pair.
        stride: Step between windows, ``kernel_size`` by default.
        padding: Elements added at both ends of each axis, each minus infinity.
    """

    _count = 2

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] | None = 0,
    ):
        super().__init__(mx.max, -float("inf"), kernel_size, stride, padding)


class AvgPool2d(_Pool):
    """Mean of windows over two axes of an input of shape ``(N, H, W, C)``.

    Args:
        kernel_size: Size of the window, one integer or a pair.
        stride: Step between windows, ``kernel_size`` by default.
        padding: Zeros added at both ends of each axis; they count in the mean.
    """

    _count = 2

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] | None = 0,
    ):
        super().__init__(mx.mean, 0, kernel_size, stride, padding)


class MaxPool3d(_Pool):
    """Maximum of windows over three axes of an input of shape ``(N, D, H, W, C)``.

    Args:
        kernel_size: Size of the window, one integer or a triple.
        stride: Step between windows, ``kernel_size`` by default.
        padding: Elements added at both ends of each axis, each minus infinity.
    """

    _count = 3

    def __init__(
        self,
        kernel_size: int | tuple[int, int, int],
        stride: int | tuple[int, int, int] | None = None,
        padding: int | tuple[int, int, int] | None = 0,
    ):
        super().__init__(mx.max, -float("inf"), kernel_size, stride, padding)


class AvgPool3d(_Pool):
    """Mean of windows over three axes of an input of shape ``(N, D, H, W, C)``.

    Args:
        kernel_size: Size of the window, one integer or a triple.
        stride: Step between windows, ``kernel_size`` by default.
        padding: Zeros added at both ends of each axis; they count in the mean.
    """

    _count = 3

    def __init__(
        self,
        kernel_size: int | tuple[int, int, int],
        stride: int | tuple[int, int, int] | None = None,
        padding: int | tuple[int, int, int] | None = 0,
    ):
        super().__init__(mx.mean, 0, kernel_size, stride, padding)
