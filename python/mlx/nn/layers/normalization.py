"""Normalization layers."""

import mlx.core as mx
from mlx.nn.layers.base import Module


class InstanceNorm(Module):
    r"""Normalizes each channel of each sample over the axes between first and last,
    :math:`y = (x - \mathrm{E}[x]) / \sqrt{\mathrm{Var}[x] + \epsilon} \; \gamma + \beta`.

    Args:
        dims: Number of channels, the size of the last axis.
        eps: The :math:`\epsilon` that keeps the quotient finite.
        affine: Whether there are parameters ``weight`` (ones) and ``bias`` (zeros).
    """

    def __init__(self, dims: int, eps: float = 1e-5, affine: bool = False):
        super().__init__()
        if affine:
            self.weight = mx.ones((dims,))
            self.bias = mx.zeros((dims,))
        self.dims = dims
        self.eps = eps

    def _extra_repr(self):
        return f"{self.dims}, eps={self.eps}, affine={'weight' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        if x.ndim < 3:
            raise ValueError(
                "InstanceNorm expects inputs with at least 3 dimensions (N, ..., C) but the "
                f"input has {x.ndim} dimensions."
            )
        axes = list(range(1, x.ndim - 1))
        mean = mx.mean(x, axis=axes, keepdims=True)
        var = mx.var(x, axis=axes, keepdims=True)
        y = (x - mean) * mx.rsqrt(var + self.eps)
        return self.weight * y + self.bias if "weight" in self else y


class LayerNorm(Module):
    r"""Normalizes over the last axis,
    :math:`y = (x - \mathrm{E}[x]) / \sqrt{\mathrm{Var}[x] + \epsilon} \; \gamma + \beta`.

    Statistics are computed in float32.

    Args:
        dims: Size of the last axis.
        eps: The :math:`\epsilon` that keeps the quotient finite.
        affine: Whether there is a parameter ``weight`` (ones).
        bias: Whether there is, with ``affine``, a parameter ``bias`` (zeros).
    """

    def __init__(self, dims: int, eps: float = 1e-5, affine: bool = True, bias: bool = True):
        super().__init__()
        if affine:
            self.weight = mx.ones((dims,))
            if bias:
                self.bias = mx.zeros((dims,))
        self.eps = eps
        self.dims = dims

    def _extra_repr(self):
        return f"{self.dims}, eps={self.eps}, affine={'weight' in self}"

    def __call__(self, x):
        return mx.fast.layer_norm(x, self.get("weight"), self.get("bias"), self.eps)


class RMSNorm(Module):
    r"""Divides by the root mean square over the last axis,
    :math:`y = x / \sqrt{\mathrm{E}[x^2] + \epsilon} \; \gamma`.

    The mean is computed in float32.

    Args:
        dims: Size of the last axis, and of the parameter ``weight`` (ones).
        eps: The :math:`\epsilon` that keeps the quotient finite.
    """

    def __init__(self, dims: int, eps: float = 1e-5):
        super().__init__()
        self.weight = mx.ones((dims,))
        self.eps = eps

    def _extra_repr(self):
        return f"{self.weight.shape[0]}, eps={self.eps}"

    def __call__(self, x):
        return mx.fast.rms_norm(x, self["weight"], self.eps)


class GroupNorm(Module):
    r"""Normalizes each group of channels of each sample,
    :math:`y = (x - \mathrm{E}[x]) / \sqrt{\mathrm{Var}[x] + \epsilon} \; \gamma + \beta`.

    Group :math:`g` of :math:`G` holds every :math:`G`-th channel starting at :math:`g`; with
    ``pytorch_compatible`` it holds consecutive channels, as in PyTorch.

    Args:
        num_groups: Number of groups; must divide ``dims``.
        dims: Number of channels, the size of the last axis.
        eps: The :math:`\epsilon` that keeps the quotient finite.
        affine: Whether there are parameters ``weight`` (ones) and ``bias`` (zeros).
        pytorch_compatible: Whether groups hold consecutive channels.
    """

    def __init__(
        self,
        num_groups: int,
        dims: int,
        eps: float = 1e-5,
        affine: bool = True,
        pytorch_compatible: bool = False,
    ):
        super().__init__()
        if dims % num_groups != 0:
            raise ValueError(
                f"The number of features ({dims}) must be evenly divisible by the number of "
                f"groups ({num_groups})."
            )
        if affine:
            self.bias = mx.zeros((dims,))
            self.weight = mx.ones((dims,))
        self.num_groups = num_groups
        self.dims = dims
        self.eps = eps
        self.pytorch_compatible = pytorch_compatible

    def _extra_repr(self):
        return (
            f"{self.num_groups}, {self.dims}, eps={self.eps}, "
            f"affine={'weight' in self}, pytorch_compatible={self.pytorch_compatible}"
        )

    def _group_norm(self, x):
        x_grouped = x.reshape(x.shape[0], -1, self.num_groups)
        mean = mx.mean(x_grouped, axis=1, keepdims=True)
        var = mx.var(x_grouped, axis=1, keepdims=True)
        y = (x_grouped - mean) * mx.rsqrt(var + self.eps)
        return y.reshape(x.shape)

    def _pytorch_compatible_group_norm(self, x):
        batch, *rest, dims = x.shape
        group_size = dims // self.num_groups
        # Move the groups out, so that each is one row for the normalization.
        x = x.reshape(batch, -1, self.num_groups, group_size)
        x = x.transpose(0, 2, 1, 3).reshape(batch, self.num_groups, -1)
        x = mx.fast.layer_norm(x, None, None, self.eps)
        x = x.reshape(batch, self.num_groups, -1, group_size).transpose(0, 2, 1, 3)
        return x.reshape(batch, *rest, dims)

    def __call__(self, x):
        if self.pytorch_compatible:
            y = self._pytorch_compatible_group_norm(x)
        else:
            y = self._group_norm(x)
        return self.weight * y + self.bias if "weight" in self else y


class BatchNorm(Module):
    r"""Normalizes each channel over all other axes,
    :math:`y = (x - \mathrm{E}[x]) / \sqrt{\mathrm{Var}[x] + \epsilon} \; \gamma + \beta`.

    The input has shape ``(N, C)``, ``(N, L, C)`` or ``(N, H, W, C)``. Training uses the
    statistics of the batch and moves the running ones by ``momentum`` towards them;
    evaluation uses the running statistics. Those are never trainable.

    Args:
        num_features: Number of channels, the size of the last axis.
        eps: The :math:`\epsilon` that keeps the quotient finite.
        momentum: Share of a new batch in the running statistics.
        affine: Whether there are parameters ``weight`` (ones) and ``bias`` (zeros).
        track_running_stats: Whether there are ``running_mean`` and ``running_var``; without
            them the statistics of the batch are always used.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = mx.ones((num_features,))
            self.bias = mx.zeros((num_features,))
        if track_running_stats:
            self.running_mean = mx.zeros((num_features,))
            self.running_var = mx.ones((num_features,))
            self._freeze_statistics()

    def _freeze_statistics(self):
        self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def unfreeze(self, *args, **kwargs):
        """Unfreeze the parameters, but never the running statistics."""
        super().unfreeze(*args, **kwargs)
        self._freeze_statistics()
        return self

    def _extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={'weight' in self}, track_running_stats={self.track_running_stats}"
        )

    def _calc_stats(self, x: mx.array, ddof: int = 0) -> tuple[mx.array, mx.array]:
        axes = list(range(x.ndim - 1))
        return mx.mean(x, axis=axes), mx.var(x, axis=axes, ddof=ddof)

    def __call__(self, x: mx.array) -> mx.array:
        if x.ndim < 2 or x.ndim > 4:
            raise ValueError(
                f"Expected input tensor to have 2, 3 or 4 dimensions, but got {x.ndim}"
            )
        if self.training or not self.track_running_stats:
            mean, var = self._calc_stats(x)
        else:
            mean, var = self.running_mean, self.running_var
        if self.training and self.track_running_stats:
            count = x.size // x.shape[-1]
            # The running variance estimates the population's, hence Bessel's correction.
            unbiased = var * (count / (count - 1)) if count > 1 else var
            mu = self.momentum
            self.running_mean = (1 - mu) * self.running_mean + mu * mean
            self.running_var = (1 - mu) * self.running_var + mu * unbiased
        y = (x - mean) * mx.rsqrt(var + self.eps)
        return self.weight * y + self.bias if "weight" in self else y
