"""Loss functions."""

import math
from typing import Literal, get_args

import mlx.core as mx

Reduction = Literal["none", "mean", "sum"]


def _reduce(loss: mx.array, reduction: Reduction = "none"):
    if reduction not in get_args(Reduction):
        raise ValueError(f"Invalid reduction. Must be one of {get_args(Reduction)}.")
    if reduction == "mean":
        return mx.mean(loss)
    return mx.sum(loss) if reduction == "sum" else loss


def _check_same_shape(a, b, name_a: str, name_b: str) -> None:
    if a.shape != b.shape:
        raise ValueError(f"{name_a} shape {a.shape} does not match {name_b} shape {b.shape}.")


def _weighted(loss, weights):
    if weights is None:
        return loss
    if weights.shape != loss.shape:
        raise ValueError(
            f"Weights with shape {weights.shape} is not the same as output loss with shape "
            f"{loss.shape}."
        )
    return loss * weights


def cross_entropy(
    logits: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    axis: int = -1,
    label_smoothing: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Cross entropy of unnormalized log-probabilities,
    :math:`\log \sum_j e^{x_j} - x_t` for class :math:`t`.

    Args:
        logits: Unnormalized log-probabilities.
        targets: Class indices, of the shape of ``logits`` without ``axis``, or probabilities,
            of the shape of ``logits``.
        weights: Factor of each loss, of the shape of the unreduced loss.
        axis: The axis of the classes.
        label_smoothing: Share of the probability that is spread over all classes, in ``[0, 1)``.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    if label_smoothing < 0 or label_smoothing >= 1:
        raise ValueError(f"Label smoothing must be in [0, 1), got {label_smoothing}.")

    targets_are_probs = targets.ndim == logits.ndim
    expected = list(logits.shape)
    if not targets_are_probs:
        expected.pop(axis)
    if list(targets.shape) != expected:
        raise ValueError(
            f"Targets shape {targets.shape} does not match logits shape {logits.shape}."
        )

    is_plain = label_smoothing == 0 and axis in (-1, logits.ndim - 1)
    if not targets_are_probs and is_plain and mx.issubdtype(logits.dtype, mx.floating):
        loss = mx.fast.cross_entropy(logits, targets).astype(logits.dtype)
        return _reduce(_weighted(loss, weights), reduction)

    # Below their maximum, 16-bit logits and scores keep the digits in which they differ.
    logits = logits - mx.stop_gradient(mx.max(logits, axis=axis, keepdims=True))
    if targets_are_probs:
        score = mx.sum(logits * targets, axis=axis)
    else:
        score = mx.take_along_axis(logits, mx.expand_dims(targets, axis), axis).squeeze(axis)
    loss = mx.logsumexp(logits, axis=axis)
    if label_smoothing > 0:
        spread = label_smoothing * logits.mean(axis=axis)
        loss = loss - (1 - label_smoothing) * score - spread
    else:
        loss = loss - score
    return _reduce(_weighted(loss, weights), reduction)


def binary_cross_entropy(
    inputs: mx.array,
    targets: mx.array,
    weights: mx.array | None = None,
    with_logits: bool = True,
    reduction: Reduction = "mean",
) -> mx.array:
    r"""Cross entropy of a yes-no question,
    :math:`-t \log p - (1 - t) \log (1 - p)`.

    Args:
        inputs: Log-odds, or the probabilities :math:`p` if not ``with_logits``.
        targets: The :math:`t`, between 0 and 1, of the shape of ``inputs``.
        weights: Factor of each loss, of the same shape.
        with_logits: Whether ``inputs`` are log-odds. For probabilities the logarithms are
            limited to -100.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    _check_same_shape(inputs, targets, "Inputs", "targets")
    if with_logits:
        loss = mx.logaddexp(0.0, inputs) - inputs * targets
    else:
        log_yes = mx.clip(mx.log(inputs), a_min=-100, a_max=None)
        log_no = mx.clip(mx.log(1 - inputs), a_min=-100, a_max=None)
        loss = -(targets * log_yes + (1 - targets) * log_no)
    return _reduce(_weighted(loss, weights), reduction)


def l1_loss(predictions: mx.array, targets: mx.array, reduction: Reduction = "mean") -> mx.array:
    r"""Absolute error, :math:`|p - t|`.

    Args:
        predictions: The predictions.
        targets: The targets, of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    _check_same_shape(predictions, targets, "Predictions", "targets")
    return _reduce(mx.abs(predictions - targets), reduction)


def mse_loss(predictions: mx.array, targets: mx.array, reduction: Reduction = "mean") -> mx.array:
    r"""Squared error, :math:`(p - t)^2`.

    Args:
        predictions: The predictions.
        targets: The targets, of the same shape.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    _check_same_shape(predictions, targets, "Predictions", "targets")
    return _reduce(mx.square(predictions - targets), reduction)


def nll_loss(
    inputs: mx.array, targets: mx.array, axis: int = -1, reduction: Reduction = "none"
) -> mx.array:
    r"""Negative log-likelihood, :math:`-x_t` for class :math:`t`.

    Args:
        inputs: Log-probabilities.
        targets: Class indices, of the shape of ``inputs`` without ``axis``.
        axis: The axis of the classes.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    chosen = mx.take_along_axis(inputs, mx.expand_dims(targets, axis), axis)
    return _reduce(-chosen.squeeze(axis), reduction)


def gaussian_nll_loss(
    inputs: mx.array,
    targets: mx.array,
    vars: mx.array,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> mx.array:
    r"""Negative log-likelihood of a normal distribution,
    :math:`\frac{1}{2} (\log v + (t - x)^2 / v)` with :math:`v = \max(\text{var}, \epsilon)`.

    Args:
        inputs: The means :math:`x`.
        targets: The samples :math:`t`, of the same shape.
        vars: The variances, of the same shape.
        full: Whether to add the constant :math:`\frac{1}{2} \log 2 \pi`.
        eps: The smallest variance.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    _check_same_shape(inputs, targets, "Inputs", "targets")
    _check_same_shape(inputs, vars, "Inputs", "vars")
    vars = mx.maximum(vars, eps)
    loss = 0.5 * (mx.log(vars) + mx.square(targets - inputs) / vars)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduce(loss, reduction)


def kl_div_loss(
    inputs: mx.array, targets: mx.array, axis: int = -1, reduction: Reduction = "none"
) -> mx.array:
    r"""Kullback-Leibler divergence, :math:`\sum_i e^{t_i} (t_i - x_i)`.

    Args:
        inputs: Log-probabilities :math:`x`.
        targets: Log-probabilities :math:`t` of the true distribution.
        axis: The axis of the classes.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The divergences, or their mean or sum.
    """
    return _reduce(mx.sum(mx.exp(targets) * (targets - inputs), axis), reduction)


def smooth_l1_loss(
    predictions: mx.array, targets: mx.array, beta: float = 1.0, reduction: Reduction = "mean"
) -> mx.array:
    r"""Absolute error that is quadratic near zero: with :math:`d = |p - t|` it is
    :math:`d^2 / 2 \beta` for :math:`d < \beta` and :math:`d - \beta / 2` above.

    Args:
        predictions: The predictions.
        targets: The targets, of the same shape.
        beta: Where the two parts meet.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    _check_same_shape(predictions, targets, "Predictions", "targets")
    d = mx.abs(predictions - targets)
    loss = mx.where(d < beta, 0.5 * mx.square(d) / beta, d - 0.5 * beta)
    return _reduce(loss, reduction)


def triplet_loss(
    anchors: mx.array,
    positives: mx.array,
    negatives: mx.array,
    axis: int = -1,
    p: int = 2,
    margin: float = 1.0,
    eps: float = 1e-6,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Triplet loss, :math:`\max(\|a - p\|_p - \|a - n\|_p + \text{margin}, 0)`.

    Args:
        anchors: The anchors :math:`a`.
        positives: Samples like the anchors.
        negatives: Samples unlike the anchors.
        axis: The axis of the features.
        p: Order of the norm.
        margin: How much further away the unlike sample has to be.
        eps: Added under the root of each norm, which keeps the gradient finite.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """

    def distance(others):
        return mx.power(mx.power(mx.abs(anchors - others), p).sum(axis) + eps, 1 / p)

    loss = mx.maximum(distance(positives) - distance(negatives) + margin, 0)
    return _reduce(loss, reduction)


def hinge_loss(inputs: mx.array, targets: mx.array, reduction: Reduction = "none") -> mx.array:
    r"""Hinge loss, :math:`\max(0, 1 - x t)`.

    Args:
        inputs: The predictions :math:`x`.
        targets: The classes :math:`t`, -1 or 1.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    return _reduce(mx.maximum(1 - inputs * targets, 0), reduction)


def huber_loss(
    inputs: mx.array, targets: mx.array, delta: float = 1.0, reduction: Reduction = "none"
) -> mx.array:
    r"""Squared error that is linear far out: with :math:`d = |x - t|` it is :math:`d^2 / 2` for
    :math:`d \le \delta` and :math:`\delta (d - \delta / 2)` above.

    Args:
        inputs: The predictions :math:`x`.
        targets: The targets :math:`t`.
        delta: Where the two parts meet.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    errors = inputs - targets
    d = mx.abs(errors)
    loss = mx.where(d <= delta, 0.5 * mx.square(errors), delta * (d - 0.5 * delta))
    return _reduce(loss, reduction)


def log_cosh_loss(inputs: mx.array, targets: mx.array, reduction: Reduction = "none") -> mx.array:
    r"""Logarithm of the hyperbolic cosine of the error,
    :math:`\log \cosh(x - t)`: quadratic near zero, linear far out.

    Args:
        inputs: The predictions :math:`x`.
        targets: The targets :math:`t`.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    errors = inputs - targets
    return _reduce(mx.logaddexp(errors, -errors) - math.log(2), reduction)


def cosine_similarity_loss(
    x1: mx.array,
    x2: mx.array,
    axis: int = 1,
    eps: float = 1e-8,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Cosine of the angle between vectors,
    :math:`x_1 \cdot x_2 / \max(\|x_1\| \|x_2\|, \epsilon)`.

    Args:
        x1: The first vectors.
        x2: The second vectors.
        axis: The axis of the features.
        eps: The smallest denominator.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The cosines, or their mean or sum.
    """
    squares = [mx.sum(mx.square(x), axis=axis) for x in (x1, x2)]
    norms = mx.sqrt(squares[0]) * mx.sqrt(squares[1])
    return _reduce(mx.sum(x1 * x2, axis=axis) / mx.maximum(norms, eps), reduction)


def margin_ranking_loss(
    inputs1: mx.array,
    inputs2: mx.array,
    targets: mx.array,
    margin: float = 0.0,
    reduction: Reduction = "none",
) -> mx.array:
    r"""Ranking loss, :math:`\max(0, -t (x_1 - x_2) + \text{margin})`.

    Args:
        inputs1: The scores :math:`x_1`.
        inputs2: The scores :math:`x_2`, of the same shape.
        targets: 1 where :math:`x_1` should be the larger and -1 elsewhere, of the same shape.
        margin: How far apart the scores should be.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.

    Returns:
        The losses, or their mean or sum.
    """
    if not (inputs1.shape == inputs2.shape == targets.shape):
        raise ValueError(
            "The shapes of the arguments do not match. The provided shapes are "
            f"inputs1.shape={inputs1.shape}, inputs2.shape={inputs2.shape}, and "
            f"targets.shape={targets.shape}."
        )
    return _reduce(mx.maximum(0, -targets * (inputs1 - inputs2) + margin), reduction)
