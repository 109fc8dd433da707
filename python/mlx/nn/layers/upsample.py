"""Upsampling: images and other grids at a new resolution; channels are last."""

import math
from typing import Literal

import mlx.core as mx
from mlx.nn.layers.base import Module


def _positions(n: int, scale: float, align_corners: bool):
    """Where each output element lies on an input axis of ``n`` elements, in float32."""
    m = int(scale * n)
    if align_corners:
        return mx.arange(m, dtype=mx.float32) * ((n - 1) / max(m - 1, 1))
    step = 1 / scale
    start = ((m - 1) * step - n + 1) / 2
    return mx.arange(m, dtype=mx.float32) * step - start


def _triangle(t):
    """The tent of width two that linear interpolation weighs with."""
    return mx.maximum(1 - mx.abs(t), 0)


def _cubic(t, a: float):
    """Keys' cubic convolution kernel with parameter ``a``, of width four."""
    t = mx.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = a * (((t - 5) * t + 8) * t - 4)
    return mx.where(t <= 1, near, mx.where(t < 2, far, 0))


def _taps(n: int, scale: float, align_corners: bool, antialias: bool, kernel, radius: int):
    """Indices and weights, of shape ``(outputs, taps)``, for one axis.

    With ``antialias`` shrinking stretches the kernel to cover all elements that fall together,
    and the weights of the elements inside sum to one. Otherwise taps outside use the element at
    the border.
    """
    positions = _positions(n, scale, align_corners)
    if antialias:
        narrowing = min(scale, 1.0)
        support = radius / narrowing
        count = int(math.ceil(support)) * 2 + 1
        first = mx.floor(positions - support + 1)
        idx = first[:, None] + mx.arange(count, dtype=mx.float32)
        weights = kernel((idx - positions[:, None]) * narrowing)
        weights = mx.where((idx >= 0) & (idx <= n - 1), weights, 0)
        weights = weights / weights.sum(axis=1, keepdims=True)
    else:
        first = mx.floor(positions) - (radius - 1)
        idx = first[:, None] + mx.arange(2 * radius, dtype=mx.float32)
        weights = kernel(idx - positions[:, None])
    return mx.clip(idx, 0, n - 1).astype(mx.int32), weights


def _interpolate(x, scale_factor, taps_of_axis):
    """Resample the axes between first and last, one after the other."""
    dtype = x.dtype
    for axis, scale in enumerate(scale_factor, start=1):
        idx, weights = taps_of_axis(x.shape[axis], scale)
        outputs, taps = idx.shape
        gathered = mx.take(x, idx.reshape(-1), axis=axis)
        gathered = gathered.reshape(*x.shape[:axis], outputs, taps, *x.shape[axis + 1 :])
        weights = weights.reshape(outputs, taps, *([1] * (x.ndim - axis - 1)))
        x = (gathered * weights).sum(axis=axis + 1)
    return x.astype(dtype)


def upsample_nearest(x: mx.array, scale_factor: tuple):
    """Resample ``x`` of shape ``(N, *spatial, C)``, taking for each output the nearest input."""
    for axis, scale in enumerate(scale_factor, start=1):
        if float(scale).is_integer():
            x = mx.repeat(x, int(scale), axis=axis)
            continue
        n = x.shape[axis]
        m = int(n * scale)
        step = n / max(m, 1)
        outputs = mx.arange(m, dtype=mx.float32)
        # Enlarging aligns centers; shrinking aligns the first elements.
        idx = mx.floor(outputs * step) if scale < 1 else mx.round((outputs + 0.5) * step - 0.5)
        x = mx.take(x, mx.clip(idx, 0, n - 1).astype(mx.int32), axis=axis)
    return x


def upsample_linear(
    x: mx.array, scale_factor: tuple, align_corners: bool = False, antialias: bool = False
):
    """Resample ``x`` of shape ``(N, *spatial, C)`` with (bi-, tri-)linear interpolation."""
    _check_antialias(antialias, align_corners)

    def taps(n, scale):
        return _taps(n, scale, align_corners, antialias, _triangle, radius=1)

    return _interpolate(x, scale_factor, taps)


def upsample_cubic(
    x: mx.array, scale_factor: tuple, align_corners: bool = False, antialias: bool = False
):
    """Resample ``x`` of shape ``(N, *spatial, C)`` with cubic convolution."""
    _check_antialias(antialias, align_corners)

    def taps(n, scale):
        a = -0.5 if antialias else -0.75
        kernel = lambda t: _cubic(t, a)  # noqa: E731
        return _taps(n, scale, align_corners, antialias, kernel, radius=2)

    return _interpolate(x, scale_factor, taps)


def _check_antialias(antialias: bool, align_corners: bool) -> None:
    if antialias and align_corners:
        raise ValueError(
            "[Upsample] antialias=True with align_corners=True is not supported. "
            "Use align_corners=False for antialiased interpolation."
        )


class Upsample(Module):
    """Resamples the axes between first and last of an input of shape ``(N, *spatial, C)``.

    An axis of ``n`` elements gets ``int(n * scale)``.

    Args:
        scale_factor: The factor, one for all axes or a tuple with one for each.
        mode: ``"nearest"``, ``"linear"`` or ``"cubic"``.
        align_corners: Whether the outermost elements keep their places, rather than the borders
            half an element further out. Not used by ``"nearest"``.
        antialias: Whether to average over all elements that fall together when shrinking. Not
            for ``"nearest"`` and not with ``align_corners``.
    """

    def __init__(
        self,
        scale_factor: float | tuple,
        mode: Literal["nearest", "linear", "cubic"] = "nearest",
        align_corners: bool = False,
        antialias: bool = False,
    ):
        super().__init__()
        if mode not in ("nearest", "linear", "cubic"):
            raise ValueError(f"[Upsample] Got unsupported upsampling algorithm: {mode}")
        if antialias and mode == "nearest":
            raise ValueError(
                "[Upsample] Antialiasing is not supported for nearest neighbor upsampling"
            )
        _check_antialias(antialias, align_corners)
        if isinstance(scale_factor, (list, tuple)):
            self.scale_factor = tuple(map(float, scale_factor))
        else:
            self.scale_factor = float(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.antialias = antialias

    def _extra_repr(self) -> str:
        text = (
            f"scale_factor={self.scale_factor}, mode={self.mode!r}, "
            f"align_corners={self.align_corners}"
        )
        return text + f", antialias={self.antialias}" if self.antialias else text

    def __call__(self, x: mx.array) -> mx.array:
        count = x.ndim - 2
        if count <= 0:
            raise ValueError(
                "[Upsample] The input should have at least 1 spatial dimension which means it "
                f"should be at least 3D but {x.ndim}D was provided"
            )
        scale_factor = self.scale_factor
        if isinstance(scale_factor, tuple):
            if len(scale_factor) != count:
                raise ValueError(
                    "[Upsample] One scale per spatial dimension is required but "
                    f"scale_factor={scale_factor} and the number of spatial dimensions were "
                    f"{count}"
                )
        else:
            scale_factor = (scale_factor,) * count

        if self.mode == "nearest":
            return upsample_nearest(x, scale_factor)
        resample = upsample_linear if self.mode == "linear" else upsample_cubic
        return resample(x, scale_factor, self.align_corners, self.antialias)
