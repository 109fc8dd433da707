"""Initializers: each makes a function from an array to a new array of the same shape."""

import math
from collections.abc import Callable
from typing import Literal

import mlx.core as mx


def constant(value: float, dtype: mx.Dtype = mx.float32) -> Callable[[mx.array], mx.array]:
    """Every element ``value``.

    Args:
        value: The value.
        dtype: Dtype of the result.
    """

    def initializer(a: mx.array) -> mx.array:
        return mx.full(a.shape, value, dtype=dtype)

    return initializer


def normal(
    mean: float = 0.0, std: float = 1.0, dtype: mx.Dtype = mx.float32
) -> Callable[[mx.array], mx.array]:
    """Samples of the normal distribution.

    Args:
        mean: The mean.
        std: The standard deviation.
        dtype: Dtype of the result.
    """

    def initializer(a: mx.array) -> mx.array:
        return mx.random.normal(shape=a.shape, scale=std, loc=mean, dtype=dtype)

    return initializer


def uniform(
    low: float = 0.0, high: float = 1.0, dtype: mx.Dtype = mx.float32
) -> Callable[[mx.array], mx.array]:
    """Samples of the uniform distribution on ``[low, high)``.

    Args:
        low: Lower end.
        high: Upper end.
        dtype: Dtype of the result.
    """

    def initializer(a: mx.array) -> mx.array:
        return mx.random.uniform(low, high, a.shape, dtype=dtype)

    return initializer


def identity(dtype: mx.Dtype = mx.float32) -> Callable[[mx.array], mx.array]:
    """The identity matrix, for a square matrix.

    Args:
        dtype: Dtype of the result.
    """

    def initializer(arr: mx.array) -> mx.array:
        if arr.ndim != 2 or arr.shape[0] != arr.shape[1]:
            raise ValueError(f"The input array must be a square matrix but got shape {arr.shape}.")
        return mx.eye(n=arr.shape[0], dtype=dtype)

    return initializer


def _calculate_fan_in_fan_out(x):
    """Inputs and outputs of a unit, for a weight of shape ``(outputs, ..., inputs)``."""
    if x.ndim < 2:
        raise ValueError(
            "Glorot / He initialization requires at least 2 dimensional input but input with "
            f"{x.ndim} dimensions."
        )
    taps = math.prod(x.shape[1:-1])
    return x.shape[-1] * taps, x.shape[0] * taps


def glorot_normal(dtype: mx.Dtype = mx.float32) -> Callable[[mx.array, float], mx.array]:
    r"""Normal samples with :math:`\sigma = \gamma \sqrt{2 / (\text{fan\_in} +
    \text{fan\_out})}`, which keeps the variance of both activations and gradients.

    The initializer takes the gain :math:`\gamma` as second argument, 1 by default.

    Args:
        dtype: Dtype of the result.
    """

    def initializer(a: mx.array, gain: float = 1.0) -> mx.array:
        fan_in, fan_out = _calculate_fan_in_fan_out(a)
        std = gain * math.sqrt(2.0 / (fan_in + fan_out))
        return mx.random.normal(shape=a.shape, scale=std, dtype=dtype)

    return initializer


def glorot_uniform(dtype: mx.Dtype = mx.float32) -> Callable[[mx.array, float], mx.array]:
    r"""Uniform samples in :math:`\pm \gamma \sqrt{6 / (\text{fan\_in} + \text{fan\_out})}`,
    which keeps the variance of both activations and gradients.

    The initializer takes the gain :math:`\gamma` as second argument, 1 by default.

    Args:
        dtype: Dtype of the result.
    """

    def initializer(a: mx.array, gain: float = 1.0) -> mx.array:
        fan_in, fan_out = _calculate_fan_in_fan_out(a)
        limit = gain * math.sqrt(6.0 / (fan_in + fan_out))
        return mx.random.uniform(-limit, limit, a.shape, dtype=dtype)

    return initializer


def _chosen_fan(a: mx.array, mode: str) -> int:
    fan_in, fan_out = _calculate_fan_in_fan_out(a)
    if mode == "fan_in":
        return fan_in
    if mode == "fan_out":
        return fan_out
    raise ValueError(f"Invalid mode: {mode}. Valid modes are: fan_in, fan_out")


def he_normal(
    dtype: mx.Dtype = mx.float32,
) -> Callable[[mx.array, Literal["fan_in", "fan_out"], float], mx.array]:
    r"""Normal samples with :math:`\sigma = \gamma / \sqrt{\text{fan}}`, meant for rectifiers.

    The initializer takes the fan, ``"fan_in"`` (keeps the variance of activations) or
    ``"fan_out"`` (of gradients), and the gain :math:`\gamma`, 1 by default.

    Args:
        dtype: Dtype of the result.
    """

    def initializer(
        a: mx.array, mode: Literal["fan_in", "fan_out"] = "fan_in", gain: float = 1.0
    ) -> mx.array:
        std = gain / math.sqrt(_chosen_fan(a, mode))
        return mx.random.normal(shape=a.shape, scale=std, dtype=dtype)

    return initializer


def he_uniform(
    dtype: mx.Dtype = mx.float32,
) -> Callable[[mx.array, Literal["fan_in", "fan_out"], float], mx.array]:
    r"""Uniform samples in :math:`\pm \gamma \sqrt{3 / \text{fan}}`, meant for rectifiers.

    The initializer takes the fan, ``"fan_in"`` (keeps the variance of activations) or
    ``"fan_out"`` (of gradients), and the gain :math:`\gamma`, 1 by default.

    Args:
        dtype: Dtype of the result.
    """

    def initializer(
        a: mx.array, mode: Literal["fan_in", "fan_out"] = "fan_in", gain: float = 1.0
    ) -> mx.array:
        limit = gain * math.sqrt(3.0 / _chosen_fan(a, mode))
        return mx.random.uniform(-limit, limit, a.shape, dtype=dtype)

    return initializer


def sparse(
    sparsity: float, mean: float = 0.0, std: float = 1.0, dtype: mx.Dtype = mx.float32
) -> Callable[[mx.array], mx.array]:
    """Normal samples with a share of each row, at random places, set to zero.

    Args:
        sparsity: Share of zeros in each row, rounded up to whole elements.
        mean: Mean of the other elements.
        std: Standard deviation of the other elements.
        dtype: Dtype of the result.
    """

    def initializer(a: mx.array) -> mx.array:
        if a.ndim != 2:
            raise ValueError("Only tensors with 2 dimensions are supported")
        rows, cols = a.shape
        num_zeros = int(math.ceil(sparsity * cols))
        order = mx.argsort(mx.random.uniform(shape=a.shape), axis=1)
        a = mx.random.normal(shape=a.shape, scale=std, loc=mean, dtype=dtype)
        a[mx.arange(rows).reshape(rows, 1), order[:, :num_zeros]] = 0
        return a

    return initializer


def orthogonal(gain: float = 1.0, dtype: mx.Dtype = mx.float32) -> Callable[[mx.array], mx.array]:
    """A random matrix whose rows, or columns if it has more rows, are orthogonal.

    Args:
        gain: The length of those rows or columns.
        dtype: Dtype of the result.
    """

    def initializer(a: mx.array) -> mx.array:
        if a.ndim != 2:
            raise ValueError(
                f"Orthogonal initialization requires a 2D array but got a {a.ndim}D array."
            )
        rows, cols = a.shape
        n = max(rows, cols)
        samples = mx.random.normal(shape=(n, n))
        q, r = mx.linalg.qr(samples, stream=mx.cpu)
        # The signs of R's diagonal make the distribution uniform over the orthogonal group.
        q = q * mx.sign(mx.diag(r))
        return (gain * q[:rows, :cols]).astype(dtype)

    return initializer
