"""Losses against NumPy formulas."""

import math

import numpy as np
import pytest

import mlx.core as mx
from mlx.nn import losses

RNG = np.random.default_rng(0)
A, B, C = (RNG.standard_normal((4, 6)) for _ in range(3))
CLASSES = np.array([0, 5, 2, 2])
WEIGHTS = np.abs(C[:, 0])


def log_softmax(x, axis=-1):
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def chosen(x, classes):
    return np.take_along_axis(x, classes[:, None], 1)[:, 0]


PROBS = np.exp(log_softmax(B))
UNIT = 1 / (1 + np.exp(-A))
UNIT_B = 1 / (1 + np.exp(-B))
D = np.abs(A - B)

# Name, arguments, options, expected losses before reduction.
CASES = [
    ("cross_entropy", (A, CLASSES), {}, -chosen(log_softmax(A), CLASSES)),
    ("cross_entropy", (A, PROBS), {}, -(PROBS * log_softmax(A)).sum(-1)),
    ("cross_entropy", (A.T, CLASSES), {"axis": 0}, -chosen(log_softmax(A), CLASSES)),
    (
        "cross_entropy",
        (A, CLASSES, WEIGHTS),
        {"label_smoothing": 0.2},
        -WEIGHTS * (0.8 * chosen(log_softmax(A), CLASSES) + 0.2 * log_softmax(A).mean(-1)),
    ),
    (
        "cross_entropy",
        (A, PROBS),
        {"label_smoothing": 0.3},
        -((0.7 * PROBS + 0.3 / 6) * log_softmax(A)).sum(-1),
    ),
    (
        "binary_cross_entropy",
        (A, UNIT_B),
        {},
        -(UNIT_B * np.log(UNIT) + (1 - UNIT_B) * np.log(1 - UNIT)),
    ),
    (
        "binary_cross_entropy",
        (UNIT, UNIT_B, np.abs(C)),
        {"with_logits": False},
        -np.abs(C) * (UNIT_B * np.log(UNIT) + (1 - UNIT_B) * np.log(1 - UNIT)),
    ),
    ("l1_loss", (A, B), {}, D),
    ("mse_loss", (A, B), {}, D**2),
    ("nll_loss", (A, CLASSES), {}, -chosen(A, CLASSES)),
    ("gaussian_nll_loss", (A, B, C**2), {}, 0.5 * (np.log(C**2) + D**2 / C**2)),
    (
        "gaussian_nll_loss",
        (A, B, C),
        {"full": True, "eps": 0.1},
        0.5 * (np.log(np.maximum(C, 0.1)) + D**2 / np.maximum(C, 0.1) + math.log(2 * math.pi)),
    ),
    ("kl_div_loss", (A, B), {}, (np.exp(B) * (B - A)).sum(-1)),
    ("kl_div_loss", (A, B), {"axis": 0}, (np.exp(B) * (B - A)).sum(0)),
    ("smooth_l1_loss", (A, B), {"beta": 0.6}, np.where(D < 0.6, D**2 / 1.2, D - 0.3)),
    ("huber_loss", (A, B), {"delta": 0.6}, np.where(D <= 0.6, D**2 / 2, 0.6 * (D - 0.3))),
    ("hinge_loss", (A, np.sign(C)), {}, np.maximum(0, 1 - A * np.sign(C))),
    ("log_cosh_loss", (A, B), {}, np.log(np.cosh(A - B))),
    (
        "triplet_loss",
        (A, B, C),
        {"margin": 2.0},
        np.maximum(
            np.sqrt(((A - B) ** 2).sum(-1) + 1e-6) - np.sqrt(((A - C) ** 2).sum(-1) + 1e-6) + 2, 0
        ),
    ),
    (
        "triplet_loss",
        (A, B, C),
        {"p": 1, "eps": 0.5},
        np.maximum(np.abs(A - B).sum(-1) - np.abs(A - C).sum(-1) + 1, 0),
    ),
    (
        "cosine_similarity_loss",
        (A, B),
        {},
        (A * B).sum(1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1),
    ),
    ("cosine_similarity_loss", (A, B), {"axis": 0, "eps": 1e3}, (A * B).sum(0) / 1e3),
    (
        "margin_ranking_loss",
        (A, B, np.sign(C)),
        {"margin": 0.1},
        np.maximum(0, -np.sign(C) * (A - B) + 0.1),
    ),
]


def as_array(x):
    return mx.array(x) if x.dtype.kind == "i" else mx.array(x, dtype=mx.float32)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name, args, options, expected", CASES)
def test_values(name, args, options, expected, reduction):
    loss = getattr(losses, name)(*map(as_array, args), reduction=reduction, **options)
    if reduction != "none":
        expected = getattr(expected, reduction)()
    np.testing.assert_allclose(np.array(loss), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name, args, options, expected", CASES)
def test_gradients(name, args, options, expected):
    def total(x, eps=0.0):
        fn = getattr(losses, name)
        return fn(x, *map(as_array, args[1:]), reduction="sum", **options)

    grad = np.array(mx.grad(total)(as_array(args[0])))
    direction = np.random.default_rng(1).standard_normal(args[0].shape)
    ends = [total(as_array(args[0] + s * direction)).item() for s in (1e-3, -1e-3)]
    numeric = (ends[0] - ends[1]) / 2e-3
    assert abs((grad * direction).sum() - numeric) < 0.02 * max(1, abs(numeric))


def test_default_reductions():
    a, b, classes = as_array(A), as_array(B), mx.array(CLASSES)
    for name in ("l1_loss", "mse_loss", "smooth_l1_loss"):
        assert getattr(losses, name)(a, b).shape == ()
    for name in ("huber_loss", "hinge_loss", "log_cosh_loss"):
        assert getattr(losses, name)(a, b).shape == a.shape
    assert losses.cross_entropy(a, classes).shape == (4,)
    assert losses.binary_cross_entropy(a, as_array(UNIT)).shape == ()
    assert losses.gaussian_nll_loss(a, b, as_array(C**2)).shape == ()


def test_extreme_inputs():
    large = mx.array([[1000.0, -1000.0]])
    assert losses.cross_entropy(large, mx.array([1])).item() == 2000
    assert losses.cross_entropy(large, mx.array([0])).item() == 0
    sure = losses.binary_cross_entropy(
        mx.array([0.0, 1.0]), mx.array([1.0, 1.0]), with_logits=False
    )
    assert sure.item() == 50
    assert losses.binary_cross_entropy(mx.array([-1000.0]), mx.array([0.0])).item() == 0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda a: losses.l1_loss(a, a, "other"), "Invalid reduction"),
        (lambda a: losses.l1_loss(a, a[0]), "does not match targets shape"),
        (lambda a: losses.mse_loss(a, a[0]), "does not match targets shape"),
        (lambda a: losses.smooth_l1_loss(a, a[0]), "does not match targets shape"),
        (lambda a: losses.binary_cross_entropy(a, a[0]), "does not match targets shape"),
        (lambda a: losses.gaussian_nll_loss(a, a, a[0]), "does not match vars shape"),
        (lambda a: losses.cross_entropy(a, mx.array([0, 1])), "does not match logits shape"),
        (lambda a: losses.cross_entropy(a, a, label_smoothing=1.0), r"must be in \[0, 1\)"),
        (lambda a: losses.cross_entropy(a, a, weights=a), "not the same as output loss"),
        (lambda a: losses.margin_ranking_loss(a, a, a[0]), "shapes of the arguments"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(as_array(A))
