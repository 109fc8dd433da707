"""Each optimizer against its formulas in NumPy float64, over several steps."""

import math

import numpy as np
import pytest

import mlx.core as mx
import mlx.optimizers as optim

RNG = np.random.default_rng(0)
START = {"matrix": RNG.standard_normal((6, 4)), "vector": RNG.standard_normal(5)}
GRADIENTS = [
    {"matrix": RNG.standard_normal((6, 4)), "vector": RNG.standard_normal(5)} for _ in range(6)
]
sqrt, square = np.sqrt, np.square


def sgd(w, g, s, t, lr=0.1, momentum=0.0, decay=0.0, dampening=0.0, nesterov=False):
    g = g + decay * w
    s["v"] = momentum * s.get("v", 0) + (1 - dampening) * g
    return w - lr * (g + momentum * s["v"] if nesterov else s["v"])


def rmsprop(w, g, s, t):
    s["v"] = 0.9 * s.get("v", 0) + 0.1 * square(g)
    return w - 0.01 * g / (sqrt(s["v"]) + 1e-3)


def adagrad(w, g, s, t):
    s["v"] = s.get("v", 0) + square(g)
    return w - 0.1 * g / (sqrt(s["v"]) + 1e-4)


def adadelta(w, g, s, t):
    s["v"] = 0.8 * s.get("v", 0) + 0.2 * square(g)
    d = sqrt(s.get("u", 0) + 1e-6) / sqrt(s["v"] + 1e-6) * g
    s["u"] = 0.8 * s.get("u", 0) + 0.2 * square(d)
    return w - d


def adam(w, g, s, t, b1=0.9, b2=0.999, decay=0.0, correct=False):
    w = w * (1 - 0.01 * decay)
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * square(g)
    m = s["m"] / (1 - b1**t) if correct else s["m"]
    v = s["v"] / (1 - b2**t) if correct else s["v"]
    return w - 0.01 * m / (sqrt(v) + 1e-8)


def adamax(w, g, s, t):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = np.maximum(0.999 * s.get("v", 0), np.abs(g))
    return w - 0.01 * s["m"] / (s["v"] + 1e-8)


def lion(w, g, s, t, decay=0.0):
    c = 0.9 * s.get("m", 0) + 0.1 * g
    s["m"] = 0.99 * s.get("m", 0) + 0.01 * g
    return w - 0.01 * (np.sign(c) + decay * w)


def rms(x):
    return sqrt(square(x).mean())


def adafactor(w, g, s, t, lr=None, beta_1=None, clip=1.0, decay=0.0, scale=True, warm=False):
    rate = lr or min(1e-6 * t if warm else 1e-2, 1 / math.sqrt(t))
    rate = rate * max(1e-3, rms(w)) if scale else rate
    beta_2 = 1 - t**-0.8
    squares = square(g) + 1e-30
    if g.ndim == 2:
        s["r"] = beta_2 * s.get("r", 0) + (1 - beta_2) * squares.mean(1)
        s["c"] = beta_2 * s.get("c", 0) + (1 - beta_2) * squares.mean(0)
        estimate = np.outer(s["r"], s["c"]) / s["r"].mean()
    else:
        estimate = s["v"] = beta_2 * s.get("v", 0) + (1 - beta_2) * squares
    update = g / sqrt(estimate)
    update = rate * update / max(1, rms(update) / clip)
    if beta_1 is not None:
        update = s["m"] = beta_1 * s.get("m", 0) + (1 - beta_1) * update
    return w - decay * rate * w - update


def muon(w, g, s, t, decay=0.01, nesterov=True, steps=5):
    g = g + decay * w
    s["v"] = 0.95 * s.get("v", 0) + 0.05 * g
    update = 0.05 * g + 0.95 * s["v"] if nesterov else s["v"]
    if g.ndim < 2:
        return w - 0.01 * update
    x = update.T / (np.linalg.norm(update) + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return w - 0.01 * math.sqrt(6 / 4) * x.T


CASES = {
    "sgd": (optim.SGD(0.1), sgd, {}),
    "sgd_decay": (optim.SGD(0.1, weight_decay=0.1), sgd, {"decay": 0.1}),
    "sgd_momentum": (optim.SGD(0.1, momentum=0.9), sgd, {"momentum": 0.9}),
    "sgd_dampening": (
        optim.SGD(0.1, momentum=0.9, dampening=0.3),
        sgd,
        {"momentum": 0.9, "dampening": 0.3},
    ),
    "sgd_nesterov": (
        optim.SGD(0.1, momentum=0.9, nesterov=True),
        sgd,
        {"momentum": 0.9, "nesterov": True},
    ),
    "rmsprop": (optim.RMSprop(0.01, alpha=0.9, eps=1e-3), rmsprop, {}),
    "adagrad": (optim.Adagrad(0.1, eps=1e-4), adagrad, {}),
    "adadelta": (optim.AdaDelta(1.0, rho=0.8), adadelta, {}),
    "adam": (optim.Adam(0.01), adam, {}),
    "adam_corrected": (
        optim.Adam(0.01, betas=[0.8, 0.95], bias_correction=True),
        adam,
        {"b1": 0.8, "b2": 0.95, "correct": True},
    ),
    "adamw": (optim.AdamW(0.01, weight_decay=0.1), adam, {"decay": 0.1}),
    "adamw_corrected": (
        optim.AdamW(0.01, bias_correction=True),
        adam,
        {"decay": 0.01, "correct": True},
    ),
    "adamax": (optim.Adamax(0.01), adamax, {}),
    "lion": (optim.Lion(0.01), lion, {}),
    "lion_decay": (optim.Lion(0.01, weight_decay=0.1), lion, {"decay": 0.1}),
    "adafactor": (optim.Adafactor(), adafactor, {}),
    "adafactor_warm": (
        optim.Adafactor(warmup_init=True, beta_1=0.9, weight_decay=0.1),
        adafactor,
        {"warm": True, "beta_1": 0.9, "decay": 0.1},
    ),
    "adafactor_rate": (
        optim.Adafactor(0.01, relative_step=False, scale_parameter=False, clip_threshold=0.1),
        adafactor,
        {"lr": 0.01, "scale": False, "clip": 0.1},
    ),
    "muon": (optim.Muon(0.01), muon, {}),
    "muon_plain": (
        optim.Muon(0.01, nesterov=False, weight_decay=0.0, ns_steps=3),
        muon,
        {"nesterov": False, "decay": 0.0, "steps": 3},
    ),
}


def as_arrays(tree, dtype=mx.float32):
    return {k: mx.array(v, dtype=dtype) for k, v in tree.items()}


@pytest.mark.parametrize("name", CASES)
def test_steps(name):
    optimizer, formula, options = CASES[name]
    optimizer.state = {k: v for k, v in optimizer.state.items() if k == "learning_rate"}
    optimizer.state["step"] = mx.array(0, mx.uint64)
    params, expected = as_arrays(START), dict(START)
    states = {k: {} for k in START}
    for t, grads in enumerate(GRADIENTS, start=1):
        params = optimizer.apply_gradients(as_arrays(grads), params)
        for k in START:
            expected[k] = formula(expected[k], grads[k], states[k], t, **options)
            np.testing.assert_allclose(np.array(params[k]), expected[k], rtol=2e-4, atol=2e-5)
    assert optimizer.step.item() == len(GRADIENTS)


@pytest.mark.parametrize("name", CASES)
def test_half_precision_stays(name):
    optimizer, formula, options = CASES[name]
    optimizer.state = {k: v for k, v in optimizer.state.items() if k == "learning_rate"}
    optimizer.state["step"] = mx.array(0, mx.uint64)
    start = as_arrays(START, mx.float16)
    # Small gradients have squares that vanish in float16.
    grads = {k: np.sign(g) * (0.5 + np.abs(g)) for k, g in GRADIENTS[0].items()}
    params = optimizer.apply_gradients(as_arrays(grads, mx.float16), start)
    for k, p in params.items():
        assert p.dtype == mx.float16
        expected = formula(START[k], grads[k], {}, 1, **options)
        np.testing.assert_allclose(np.array(p), expected, rtol=0.02, atol=0.02)


def test_muon_makes_steps_orthogonal():
    optimizer = optim.Muon(1.0, weight_decay=0.0)
    start, grads = as_arrays(START), as_arrays(GRADIENTS[0])
    new = optimizer.apply_gradients(grads, start)
    step = np.array(start["matrix"] - new["matrix"]) / math.sqrt(6 / 4)
    singular = np.linalg.svd(step, compute_uv=False)
    assert singular.min() > 0.6 and singular.max() < 1.3


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: optim.SGD(0.1, nesterov=True), "Nesterov"),
        (lambda: optim.RMSprop(0.1, alpha=-1), "alpha should be >=0"),
        (lambda: optim.RMSprop(0.1, eps=0), "epsilon should be >0"),
        (lambda: optim.Adagrad(0.1, eps=-1), "epsilon should be >0"),
        (lambda: optim.AdaDelta(0.1, rho=-1), "rho should be >=0"),
        (lambda: optim.AdaDelta(0.1, eps=0), "epsilon should be >0"),
        (lambda: optim.Adam(0.1, eps=-1), "epsilon should be >=0"),
        (lambda: optim.Adam(0.1, betas=[1.0, 0.9]), r"beta1 should be in \[0, 1\)"),
        (lambda: optim.Lion(0.1, betas=[0.9, 2.0]), r"beta2 should be in \[0, 1\)"),
        (lambda: optim.MultiOptimizer([optim.SGD(0.1)] * 2, []), "0 filters but 1 needed"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
