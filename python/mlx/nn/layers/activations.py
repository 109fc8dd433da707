"""Activations, as functions and as layers."""

import math
from functools import partial
from typing import Any

import mlx.core as mx
from mlx.nn.layers.base import Module

# Compiled once for all shapes: each function becomes one pass over its input. Those of one or two
# operations are quicker to run as they are, and become one pass with their neighbours.
_compiled = partial(mx.compile, shapeless=True)


def sigmoid(x):
    r"""Logistic function, :math:`\sigma(x) = 1 / (1 + e^{-x})`."""
    return mx.sigmoid(x)


def relu(x):
    r"""Rectifier, :math:`\max(x, 0)`."""
    return mx.maximum(x, 0)


@_compiled
def relu2(x):
    r"""Squared rectifier, :math:`\max(x, 0)^2`."""
    return mx.square(mx.maximum(x, 0))


@_compiled
def relu6(x):
    r"""Rectifier with a ceiling, :math:`\min(\max(x, 0), 6)`."""
    return mx.minimum(mx.maximum(x, 0), 6.0)


@_compiled
def leaky_relu(x, negative_slope=0.01):
    r"""Rectifier with a slope below zero, :math:`\max(x, s x)` for slope :math:`s`."""
    return mx.maximum(negative_slope * x, x)


@_compiled
def log_softmax(x, axis=-1):
    r"""Logarithm of the softmax, :math:`x - \log \sum_i e^{x_i}` along ``axis``."""
    return x - mx.logsumexp(x, axis=axis, keepdims=True)


@_compiled
def elu(x, alpha=1.0):
    r"""Exponential linear unit: :math:`x` above zero, :math:`\alpha (e^x - 1)` below."""
    # The inner choice keeps the unused branch finite, and with it the gradient.
    return mx.where(x > 0, x, alpha * (mx.exp(mx.where(x > 0, 0, x)) - 1))


@_compiled
def softmax(x, axis=-1):
    r"""Softmax, :math:`e^{x_i} / \sum_j e^{x_j}` along ``axis``."""
    return mx.softmax(x, axis=axis)


@_compiled
def softmin(x, axis=-1):
    r"""Softmax of the negated input, :math:`e^{-x_i} / \sum_j e^{-x_j}` along ``axis``."""
    return mx.softmax(-x, axis=axis)


@_compiled
def softplus(x):
    r"""Smooth rectifier, :math:`\log(1 + e^x)`."""
    return mx.logaddexp(x, 0)


@_compiled
def softsign(x):
    r"""Softsign, :math:`x / (1 + |x|)`."""
    return x / (1 + mx.abs(x))


@_compiled
def softshrink(x, lambd: float = 0.5):
    r"""Soft threshold: :math:`x` moved towards zero by :math:`\lambda`, zero in between."""
    return mx.where(mx.abs(x) > lambd, x - mx.sign(x) * lambd, 0)


@_compiled
def celu(x, alpha=1.0):
    r"""Continuously differentiable ELU,
    :math:`\max(x, 0) + \alpha (e^{\min(x, 0) / \alpha} - 1)`."""
    return mx.maximum(x, 0.0) + alpha * (mx.exp(mx.minimum(x, 0.0) / alpha) - 1)


def silu(x):
    r"""Sigmoid linear unit, :math:`x \, \sigma(x)`."""
    return x * mx.sigmoid(x)


@_compiled
def log_sigmoid(x):
    r"""Logarithm of the sigmoid, :math:`-\log(1 + e^{-x})`."""
    return -softplus(-x)


@_compiled
def gelu(x) -> mx.array:
    r"""Gaussian error linear unit, :math:`x \, \Phi(x)` with the normal distribution's
    :math:`\Phi(x) = (1 + \mathrm{erf}(x / \sqrt{2})) / 2`."""
    return x * (1 + mx.erf(x / math.sqrt(2))) / 2


@_compiled
def gelu_approx(x):
    r"""GELU with a hyperbolic tangent,
    :math:`x (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3))) / 2`; its error is below 0.0005."""
    return 0.5 * x * (1 + mx.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@_compiled
def gelu_fast_approx(x):
    r"""GELU with a sigmoid, :math:`x \, \sigma(1.702 x)`; its error is below 0.021."""
    return x * mx.sigmoid(1.702 * x)


def glu(x: mx.array, axis: int = -1) -> mx.array:
    r"""Gated linear unit, :math:`a \, \sigma(b)` with :math:`a` and :math:`b` the halves of
    the input along ``axis``, whose size must be even."""
    a, b = mx.split(x, indices_or_sections=2, axis=axis)
    return a * mx.sigmoid(b)


@_compiled
def step(x: mx.array, threshold: float = 0.0):
    r"""Step: 1 where :math:`x \ge t` and 0 elsewhere, as int32."""
    return mx.where(x >= threshold, 1, 0)


@_compiled
def selu(x):
    r"""Scaled ELU, :math:`1.0507 \, \mathrm{elu}(x)` with :math:`\alpha = 1.67326`."""
    return elu(x, 1.67326) * 1.0507


@_compiled
def prelu(x: mx.array, alpha: mx.array) -> mx.array:
    r"""Rectifier with a learned slope, :math:`\max(0, x) + \alpha \min(0, x)`."""
    return mx.maximum(0, x) + alpha * mx.minimum(0, x)


@_compiled
def mish(x: mx.array) -> mx.array:
    r"""Mish, :math:`x \tanh(\log(1 + e^x))`."""
    return x * mx.tanh(softplus(x))


@_compiled
def hardswish(x):
    r"""Piecewise swish, :math:`x \min(\max(x + 3, 0), 6) / 6`."""
    return x * mx.minimum(mx.maximum(x + 3, 0), 6) / 6


@_compiled
def hard_tanh(x, min_val=-1.0, max_val=1.0):
    r"""Piecewise linear tanh: the input limited to ``[min_val, max_val]``."""
    return mx.minimum(mx.maximum(x, min_val), max_val)


@_compiled
def hard_shrink(x, lambd=0.5):
    r"""Hard threshold: :math:`x` where :math:`|x| > \lambda`, zero elsewhere."""
    return mx.where(mx.abs(x) > lambd, x, 0)


def tanh(x):
    r"""Hyperbolic tangent."""
    return mx.tanh(x)


def _layer_of(function):
    """Class decorator: the layer without parameters that applies ``function``."""

    def decorate(cls):
        cls.__call__ = lambda _, x: function(x)
        return cls

    return decorate


@_layer_of(sigmoid)
class Sigmoid(Module):
    """Layer for :func:`sigmoid`."""


@_layer_of(mish)
class Mish(Module):
    """Layer for :func:`mish`."""


@_layer_of(relu)
class ReLU(Module):
    """Layer for :func:`relu`."""


@_layer_of(relu2)
class ReLU2(Module):
    """Layer for :func:`relu2`."""


@_layer_of(relu6)
class ReLU6(Module):
    """Layer for :func:`relu6`."""


@_layer_of(softmax)
class Softmax(Module):
    """Layer for :func:`softmax` along the last axis."""


@_layer_of(softmin)
class Softmin(Module):
    """Layer for :func:`softmin` along the last axis."""


@_layer_of(softplus)
class Softplus(Module):
    """Layer for :func:`softplus`."""


@_layer_of(softsign)
class Softsign(Module):
    """Layer for :func:`softsign`."""


@_layer_of(silu)
class SiLU(Module):
    """Layer for :func:`silu`."""


@_layer_of(log_softmax)
class LogSoftmax(Module):
    """Layer for :func:`log_softmax` along the last axis."""


@_layer_of(log_sigmoid)
class LogSigmoid(Module):
    """Layer for :func:`log_sigmoid`."""


@_layer_of(hardswish)
class Hardswish(Module):
    """Layer for :func:`hardswish`."""


@_layer_of(selu)
class SELU(Module):
    """Layer for :func:`selu`."""


@_layer_of(hard_tanh)
class HardTanh(Module):
    """Layer for :func:`hard_tanh` with limits -1 and 1."""


@_layer_of(tanh)
class Tanh(Module):
    """Layer for :func:`tanh`."""


class GLU(Module):
    """Layer for :func:`glu`.

    Args:
        axis: The axis that is split in two.
    """

    def __init__(self, axis: int = -1):
        super().__init__()
        self.axis = axis

    def __call__(self, x) -> Any:
        return glu(x=x, axis=self.axis)


class LeakyReLU(Module):
    """Layer for :func:`leaky_relu`.

    Args:
        negative_slope: Slope below zero.
    """

    def __init__(self, negative_slope=0.01):
        super().__init__()
        self._negative_slope = negative_slope

    def __call__(self, x):
        return leaky_relu(x, self._negative_slope)


class ELU(Module):
    """Layer for :func:`elu`.

    Args:
        alpha: The value approached at minus infinity, negated.
    """

    def __init__(self, alpha=1.0):
        super().__init__()
        self._alpha = alpha

    def __call__(self, x):
        return elu(x, self._alpha)


class CELU(Module):
    """Layer for :func:`celu`.

    Args:
        alpha: The value approached at minus infinity, negated.
    """

    def __init__(self, alpha=1.0):
        super().__init__()
        self._alpha = alpha

    def __call__(self, x):
        return celu(x, self._alpha)


class Softshrink(Module):
    """Layer for :func:`softshrink`.

    Args:
        lambd: The threshold.
    """

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def __call__(self, x):
        return softshrink(x, self.lambd)


class HardShrink(Module):
    """Layer for :func:`hard_shrink`.

    Args:
        lambd: The threshold.
    """

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def __call__(self, x):
        return hard_shrink(x, self.lambd)


class Step(Module):
    """Layer for :func:`step`.

    Args:
        threshold: Where the step is.
    """

    def __init__(self, threshold: float = 0.0):
        super().__init__()
        self.threshold = threshold

    def __call__(self, x: mx.array):
        return step(x, self.threshold)


class PReLU(Module):
    """Layer for :func:`prelu`, with the slope below zero as parameter ``weight``.

    Args:
        num_parameters: Number of slopes: one, or one per entry of the last axis.
        init: Start value of the slopes.
    """

    def __init__(self, num_parameters=1, init=0.25):
        super().__init__()
        self.weight = mx.full([num_parameters], init)

    def __call__(self, x: mx.array):
        return prelu(x, self.weight)


class GELU(Module):
    """Layer for :func:`gelu` and its approximations.

    Args:
        approx: ``"none"`` for :func:`gelu`, ``"precise"`` or ``"tanh"`` for
            :func:`gelu_approx`, ``"fast"`` for :func:`gelu_fast_approx`.
    """

    def __init__(self, approx="none"):
        super().__init__()
        allowed = ["none", "precise", "tanh", "fast"]
        if approx not in allowed:
            raise ValueError(f"The approximation should be in {allowed} but '{approx}' was given")
        self._approx = approx

    def __call__(self, x):
        if self._approx == "none":
            return gelu(x)
        return gelu_fast_approx(x) if self._approx == "fast" else gelu_approx(x)
