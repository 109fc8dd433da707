"""Layers that drop random parts of their input while training."""

import mlx.core as mx
from mlx.nn.layers.base import Module


class _Dropout(Module):
    """What the dropout layers share: the probability and the scaled mask."""

    def __init__(self, p: float = 0.5):
        super().__init__()
        if p < 0 or p >= 1:
            raise ValueError(f"The dropout probability {p} is not in [0, 1)")
        self._p_1 = 1 - p

    def _extra_repr(self) -> str:
        return f"p={1 - self._p_1}"

    def _drop(self, x: mx.array, mask_shape) -> mx.array:
        if self._p_1 == 1 or not self.training:
            return x
        mask = mx.random.bernoulli(self._p_1, mask_shape)
        return (mask * x) * (1 / self._p_1)


def _check_ndim(x: mx.array, allowed) -> None:
    if x.ndim not in allowed:
        raise ValueError(
            f"Received input with {x.ndim} dimensions. "
            f"Expected {allowed[0]} or {allowed[1]} dimensions."
        )


class Dropout(_Dropout):
    r"""Sets random elements to zero while training and scales the others by
    :math:`1 / (1 - p)`, which keeps the mean.

    Args:
        p: Probability of an element to be dropped, in ``[0, 1)``.
    """

    def __init__(self, p: float = 0.5):
        super().__init__(p)

    def __call__(self, x: mx.array) -> mx.array:
        return self._drop(x, x.shape)


class Dropout2d(_Dropout):
    r"""Sets random channels of images to zero while training and scales the others by
    :math:`1 / (1 - p)`.

    The input has shape ``(N, W, H, C)`` or ``(W, H, C)``. Neighbours within a channel carry
    nearly the same information, so that dropping single elements would change little.

    Args:
        p: Probability of a channel to be dropped, in ``[0, 1)``.
    """

    def __init__(self, p: float = 0.5):
        super().__init__(p)

    def __call__(self, x: mx.array) -> mx.array:
        _check_ndim(x, (3, 4))
        mask_shape = list(x.shape)
        mask_shape[-2] = mask_shape[-3] = 1
        return self._drop(x, mask_shape)


class Dropout3d(_Dropout):
    r"""Sets random channels of volumes to zero while training and scales the others by
    :math:`1 / (1 - p)`.

    The input has shape ``(N, D, H, W, C)`` or ``(D, H, W, C)``.

    Args:
        p: Probability of a channel to be dropped, in ``[0, 1)``.
    """

    def __init__(self, p: float = 0.5):
        super().__init__(p)

    def __call__(self, x: mx.array) -> mx.array:
        _check_ndim(x, (4, 5))
        mask_shape = list(x.shape)
        mask_shape[-2] = mask_shape[-3] = mask_shape[-4] = 1
        return self._drop(x, mask_shape)
