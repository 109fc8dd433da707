"""The optimization algorithms.

In the formulas :math:`w` is a parameter, :math:`g` its gradient and :math:`\\lambda` the learning rate.
"""

from collections.abc import Callable

import mlx.core as mx
from mlx.optimizers.base import MultiOptimizer, Optimizer, Rate, clip_grad_norm

__all__ = [
    "SGD",
    "AdaDelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm",
]


class SGD(Optimizer):
    r"""Gradient descent, with momentum if asked for.

    .. math::

        g &\leftarrow g + \text{weight\_decay} \; w \\
        v &\leftarrow \mu v + (1 - \tau) g \\
        w &\leftarrow w - \lambda v

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        momentum: The momentum :math:`\mu`; zero for none.
        weight_decay: Share of the parameter that is added to its gradient.
        dampening: The dampening :math:`\tau`.
        nesterov: Whether to step by :math:`g + \mu v` instead of :math:`v`.
    """

    def __init__(
        self,
        learning_rate: Rate,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
    ):
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening.")
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.dampening = dampening
        self.nesterov = nesterov

    def init_single(self, parameter: mx.array, state: dict):
        """The velocity ``v`` starts at zero."""
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        if self.weight_decay != 0:
            gradient = gradient + self.weight_decay * parameter
        if self.momentum <= 0:
            return parameter - rate * gradient
        v = self.momentum * state["v"]
        v = v + (1 - self.dampening) * gradient if self.dampening > 0 else v + gradient
        state["v"] = v
        update = gradient + self.momentum * v if self.nesterov else v
        return parameter - rate * update


class RMSprop(Optimizer):
    r"""RMSprop: divides by a running root mean square of the gradient.

    .. math::

        v &\leftarrow \alpha v + (1 - \alpha) g^2 \\
        w &\leftarrow w - \lambda g / (\sqrt{v} + \epsilon)

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        alpha: The smoothing :math:`\alpha`.
        eps: The :math:`\epsilon` that keeps the quotient finite.
    """

    def __init__(self, learning_rate: Rate, alpha: float = 0.99, eps: float = 1e-8):
        super().__init__()
        if alpha < 0:
            raise ValueError(f"RMSprop alpha should be >=0, {alpha} was provided instead")
        if eps <= 0:
            raise ValueError(f"RMSprop epsilon should be >0, {eps} was provided instead")
        self._maybe_schedule("learning_rate", learning_rate)
        self.alpha = alpha
        self.eps = eps

    def init_single(self, parameter: mx.array, state: dict):
        """The mean square ``v`` starts at zero."""
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        v = self.alpha * state["v"] + (1 - self.alpha) * mx.square(gradient)
        state["v"] = v
        return parameter - rate * gradient / (mx.sqrt(v) + self.eps)


class Adagrad(Optimizer):
    r"""Adagrad: divides by the root of the sum of all squared gradients.

    .. math::

        v &\leftarrow v + g^2 \\
        w &\leftarrow w - \lambda g / (\sqrt{v} + \epsilon)

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        eps: The :math:`\epsilon` that keeps the quotient finite.
    """

    def __init__(self, learning_rate: Rate, eps: float = 1e-8):
        super().__init__()
        if eps <= 0:
            raise ValueError(f"Adagrad epsilon should be >0, {eps} was provided instead")
        self._maybe_schedule("learning_rate", learning_rate)
        self.eps = eps

    def init_single(self, parameter: mx.array, state: dict):
        """The sum of squares ``v`` starts at zero."""
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        v = state["v"] + mx.square(gradient)
        state["v"] = v
        return parameter - rate * gradient / (mx.sqrt(v) + self.eps)


class AdaDelta(Optimizer):
    r"""AdaDelta: steps of the size of recent steps, per root mean square of the gradient.

    .. math::

        v &\leftarrow \rho v + (1 - \rho) g^2 \\
        d &= \sqrt{u + \epsilon} / \sqrt{v + \epsilon} \; g \\
        u &\leftarrow \rho u + (1 - \rho) d^2 \\
        w &\leftarrow w - \lambda d

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        rho: The smoothing :math:`\rho`.
        eps: The :math:`\epsilon` that keeps the quotient finite.
    """

    def __init__(self, learning_rate: Rate, rho: float = 0.9, eps: float = 1e-6):
        super().__init__()
        if rho < 0:
            raise ValueError(f"AdaDelta rho should be >=0, {rho} was provided instead")
        if eps <= 0:
            raise ValueError(f"AdaDelta epsilon should be >0, {eps} was provided instead")
        self._maybe_schedule("learning_rate", learning_rate)
        self.rho = rho
        self.eps = eps

    def init_single(self, parameter: mx.array, state: dict):
        """The mean squares ``v`` of gradients and ``u`` of steps start at zero."""
        state["v"] = mx.zeros_like(parameter)
        state["u"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        rho, eps = self.rho, self.eps
        v = rho * state["v"] + (1 - rho) * mx.square(gradient)
        d = mx.sqrt(state["u"] + eps) / mx.sqrt(v + eps) * gradient
        u = rho * state["u"] + (1 - rho) * mx.square(d)
        state["v"], state["u"] = v, u
        return parameter - rate * d


class Adam(Optimizer):
    r"""Adam: running mean of the gradient over its running root mean square.

    .. math::

        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        w &\leftarrow w - \lambda m / (\sqrt{v} + \epsilon)

    With ``bias_correction`` :math:`m` and :math:`v` are divided by :math:`1 - \beta^t` for their
    :math:`\beta` at step :math:`t`, which makes up for their start at zero.

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The smoothings :math:`(\beta_1, \beta_2)`.
        eps: The :math:`\epsilon` that keeps the quotient finite.
        bias_correction: Whether to correct for the start at zero.
    """

    def __init__(
        self,
        learning_rate: Rate,
        betas: list[float] = [0.9, 0.999],  # noqa: B006
        eps: float = 1e-8,
        bias_correction: bool = False,
    ):
        super().__init__()
        _check_betas("Adam", betas)
        if eps < 0:
            raise ValueError(f"Adam epsilon should be >=0, {eps} was provided instead")
        self._maybe_schedule("learning_rate", learning_rate)
        self.betas = betas
        self.eps = eps
        self.bias_correction = bias_correction

    def init_single(self, parameter: mx.array, state: dict):
        """The means ``m`` and ``v`` start at zero."""
        state["m"] = mx.zeros_like(parameter)
        state["v"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        b1, b2 = self.betas
        m = b1 * state["m"] + (1 - b1) * gradient
        v = b2 * state["v"] + (1 - b2) * mx.square(gradient)
        state["m"], state["v"] = m, v
        if not self.bias_correction:
            return parameter - rate * m / (mx.sqrt(v) + self.eps)
        m_factor = (rate / (1 - b1**self.step)).astype(gradient.dtype)
        v_factor = mx.rsqrt(1 - b2**self.step).astype(gradient.dtype)
        return parameter - m_factor * m / (mx.sqrt(v) * v_factor + self.eps)


class AdamW(Adam):
    r"""Adam with weight decay apart from the gradient: :math:`w` is first multiplied by
    :math:`1 - \lambda \, \text{weight\_decay}`.

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The smoothings :math:`(\beta_1, \beta_2)`.
        eps: The :math:`\epsilon` that keeps the quotient finite.
        weight_decay: The weight decay.
        bias_correction: Whether to correct for the start at zero.
    """

    def __init__(
        self,
        learning_rate: Rate,
        betas: list[float] = [0.9, 0.999],  # noqa: B006
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        bias_correction: bool = False,
    ):
        super().__init__(learning_rate, betas, eps, bias_correction)
        self.weight_decay = weight_decay

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        decayed = parameter * (1 - rate * self.weight_decay)
        return super().apply_single(gradient, decayed, state)


class Adamax(Adam):
    r"""Adam with a running maximum in place of the root mean square.

    .. math::

        m &\leftarrow \beta_1 m + (1 - \beta_1) g \\
        v &\leftarrow \max(\beta_2 v, |g|) \\
        w &\leftarrow w - \lambda m / (v + \epsilon)

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The smoothings :math:`(\beta_1, \beta_2)`.
        eps: The :math:`\epsilon` that keeps the quotient finite.
    """

    def __init__(
        self,
        learning_rate: Rate,
        betas: list[float] = [0.9, 0.999],  # noqa: B006
        eps: float = 1e-8,
    ):
        super().__init__(learning_rate, betas, eps)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        b1, b2 = self.betas
        m = b1 * state["m"] + (1 - b1) * gradient
        v = mx.maximum(b2 * state["v"], mx.abs(gradient))
        state["m"], state["v"] = m, v
        return parameter - rate * m / (v + self.eps)


class Lion(Optimizer):
    r"""Lion: steps of equal size by the sign of a running mean.

    .. math::

        c &= \beta_1 m + (1 - \beta_1) g \\
        m &\leftarrow \beta_2 m + (1 - \beta_2) g \\
        w &\leftarrow w - \lambda (\mathrm{sign}(c) + \text{weight\_decay} \; w)

    Its rate should be 3 to 10 times lower than for AdamW, its weight decay as much higher.

    Args:
        learning_rate: The learning rate :math:`\lambda`, or a function of the step.
        betas: The smoothings :math:`(\beta_1, \beta_2)`.
        weight_decay: The weight decay.
    """

    def __init__(
        self,
        learning_rate: Rate,
        betas: list[float] = [0.9, 0.99],  # noqa: B006
        weight_decay: float = 0.0,
    ):
        super().__init__()
        _check_betas("Lion", betas)
        self._maybe_schedule("learning_rate", learning_rate)
        self.betas = betas
        self.weight_decay = weight_decay

    def init_single(self, parameter: mx.array, state: dict):
        """The mean ``m`` starts at zero."""
        state["m"] = mx.zeros_like(parameter)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        rate = self.learning_rate.astype(gradient.dtype)
        b1, b2 = self.betas
        m = state["m"]
        c = b1 * m + (1 - b1) * gradient
        state["m"] = b2 * m + (1 - b2) * gradient
        if self.weight_decay > 0:
            parameter = (1 - rate * self.weight_decay) * parameter
        return parameter - rate * mx.sign(c)


class Adafactor(Optimizer):
    r"""Adafactor: keeps the mean squares of a matrix as those of its rows and columns only.

    The state of an array of two or more axes is one number per row and column of its last two
    axes. Without ``learning_rate`` the rate follows the step, about :math:`1/\sqrt{t}`.

    Args:
        learning_rate: The learning rate, or a function of the step.
        eps: The smallest square of a gradient, and the smallest root mean square of a parameter
            in the scaling.
        clip_threshold: Largest root mean square of an update.
        decay_rate: The mean squares are smoothed by :math:`1 - t^{\text{decay\_rate}}`.
        beta_1: Smoothing of the updates; none by default.
        weight_decay: Share of the parameter that is taken off, times the rate.
        scale_parameter: Whether to multiply the rate by the parameter's root mean square.
        relative_step: Whether the rate follows the step.
        warmup_init: Whether that rate grows from zero at first.
    """

    def __init__(
        self,
        learning_rate: float | Callable[[mx.array], mx.array] | None = None,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta_1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
    ):
        super().__init__()
        if learning_rate is not None:
            self._maybe_schedule("learning_rate", learning_rate)
        self.eps = eps
        self.clip_threshold = clip_threshold
        self.decay_rate = decay_rate
        self.beta_1 = beta_1
        self.weight_decay = weight_decay
        self.scale_parameter = scale_parameter
        self.relative_step = relative_step
        self.warmup_init = warmup_init

    def init_single(self, parameter: mx.array, state: dict):
        """The mean squares, and with ``beta_1`` the mean of the updates, start at zero."""
        if parameter.ndim >= 2:
            shape, dtype = parameter.shape, parameter.dtype
            state["exp_avg_sq_row"] = mx.zeros(shape[:-1], dtype=dtype)
            state["exp_avg_sq_col"] = mx.zeros(shape[:-2] + shape[-1:], dtype=dtype)
        else:
            state["exp_avg_sq"] = mx.zeros_like(parameter)
        if self.beta_1 is not None:
            state["exp_avg"] = mx.zeros_like(parameter)

    def _compute_rms(self, inputs):
        return mx.sqrt(mx.mean(mx.square(inputs)))

    def _compute_learning_rate(self, step, parameter_rms):
        if self.relative_step:
            floor = 1e-6 * step if self.warmup_init else 1e-2
            rate = mx.minimum(floor, mx.rsqrt(step))
        else:
            rate = self.learning_rate
        rate = rate.astype(parameter_rms.dtype)
        return mx.maximum(self.eps[1], parameter_rms) * rate if self.scale_parameter else rate

    def _approximate_exp_moving_avg(self, exp_avg_sq_row, exp_avg_sq_col):
        """The inverse roots of the mean squares, from those of rows and columns."""
        mean = mx.mean(exp_avg_sq_row, axis=-1, keepdims=True)
        rows = mx.rsqrt(exp_avg_sq_row / mean)
        cols = mx.rsqrt(exp_avg_sq_col)
        return rows[..., None] @ cols[..., None, :]

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        step = self.step
        rate = self._compute_learning_rate(step, self._compute_rms(parameter))
        beta_2 = (1.0 - step**self.decay_rate).astype(parameter.dtype)
        squares = mx.square(gradient) + self.eps[0]
        if gradient.ndim >= 2:
            row = beta_2 * state["exp_avg_sq_row"] + (1 - beta_2) * mx.mean(squares, axis=-1)
            col = beta_2 * state["exp_avg_sq_col"] + (1 - beta_2) * mx.mean(squares, axis=-2)
            state["exp_avg_sq_row"], state["exp_avg_sq_col"] = row, col
            update = self._approximate_exp_moving_avg(row, col) * gradient
        else:
            mean = beta_2 * state["exp_avg_sq"] + (1 - beta_2) * squares
            state["exp_avg_sq"] = mean
            update = mx.rsqrt(mean) * gradient
        update = update / mx.maximum(1.0, self._compute_rms(update) / self.clip_threshold)
        update = rate * update
        if self.beta_1 is not None:
            update = self.beta_1 * state["exp_avg"] + (1 - self.beta_1) * update
            state["exp_avg"] = update
        if self.weight_decay != 0:
            parameter = parameter + parameter * (-self.weight_decay * rate)
        return parameter - update


class Muon(Optimizer):
    r"""Muon: gradient descent with momentum whose steps for matrices are made orthogonal.

    Five iterations of a quintic Newton-Schulz scheme move all singular values of a step near
    one. Arrays of more than two axes are treated as matrices of their first axis by the others,
    arrays of one axis like in :class:`SGD`. It is meant for the matrices inside a network;
    embeddings and the last layer do better with :class:`AdamW` (see :class:`MultiOptimizer`).

    Args:
        learning_rate: The learning rate, or a function of the step.
        momentum: The momentum.
        weight_decay: Share of the parameter that is added to its gradient.
        nesterov: Whether to use Nesterov's momentum.
        ns_steps: Number of Newton-Schulz iterations.
    """

    def __init__(
        self,
        learning_rate: Rate,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
        nesterov: bool = True,
        ns_steps: int = 5,
    ):
        super().__init__()
        self._maybe_schedule("learning_rate", learning_rate)
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.nesterov = nesterov
        self.ns_steps = ns_steps

    def init_single(self, parameter: mx.array, state: dict):
        """The velocity ``v`` starts at zero."""
        state["v"] = mx.zeros_like(parameter)

    def _zeropower_via_newtonschulz5(self, X, steps: int):
        """A matrix with the singular vectors of ``X`` and singular values near one."""
        if X.ndim != 2:
            raise ValueError(
                f"Expected a 2D array for Newton-Schulz iteration, got shape {X.shape} instead."
            )
        a, b, c = 3.4445, -4.7750, 2.0315
        is_tall = X.shape[0] > X.shape[1]
        if is_tall:
            X = X.T
        X = X / (mx.sqrt(mx.square(X).sum()) + 1e-7)
        for _ in range(steps):
            A = X @ X.T
            B = mx.addmm(b * A, A, A, beta=1.0, alpha=c)
            X = mx.addmm(a * X, B, X, beta=1.0, alpha=1.0)
        return X.T if is_tall else X

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """One step for one parameter."""
        if self.weight_decay != 0:
            gradient = gradient + self.weight_decay * parameter
        mu = self.momentum
        v = mu * state["v"] + (1 - mu) * gradient
        state["v"] = v
        update = gradient * (1 - mu) + v * mu if self.nesterov else v

        rate = self.learning_rate.astype(gradient.dtype)
        if update.ndim >= 2:
            shape = update.shape
            update = self._zeropower_via_newtonschulz5(
                update.reshape(shape[0], -1), steps=self.ns_steps
            ).reshape(shape)
            rate = rate * max(1, shape[-2] / shape[-1]) ** 0.5
        return parameter - rate * update


def _check_betas(name: str, betas) -> None:
    for idx, beta in enumerate(betas, start=1):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"{name} beta{idx} should be in [0, 1), {beta} was provided instead")
