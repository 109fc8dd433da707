"""Runs every optimizer and schedule and writes all results to an .npz file.

The same program runs on this package and on the released one; `test_nn_oracle.py` compares.
"""

import sys

import numpy as np

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten

CASES = {
    "sgd": lambda: optim.SGD(0.1),
    "sgd_decay": lambda: optim.SGD(0.1, weight_decay=0.1),
    "sgd_momentum": lambda: optim.SGD(0.1, momentum=0.9),
    "sgd_dampening": lambda: optim.SGD(0.1, momentum=0.9, dampening=0.3, weight_decay=0.1),
    "sgd_nesterov": lambda: optim.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optim.RMSprop(0.01, alpha=0.9, eps=1e-3),
    "adagrad": lambda: optim.Adagrad(0.1, eps=1e-4),
    "adadelta": lambda: optim.AdaDelta(1.0, rho=0.8),
    "adam": lambda: optim.Adam(0.01),
    "adam_corrected": lambda: optim.Adam(0.01, betas=[0.8, 0.95], bias_correction=True),
    "adamw": lambda: optim.AdamW(0.01, weight_decay=0.1),
    "adamw_corrected": lambda: optim.AdamW(0.01, bias_correction=True),
    "adamax": lambda: optim.Adamax(0.01),
    "lion": lambda: optim.Lion(0.01),
    "lion_decay": lambda: optim.Lion(0.01, betas=[0.95, 0.98], weight_decay=0.1),
    "adafactor": lambda: optim.Adafactor(),
    "adafactor_warm": lambda: optim.Adafactor(warmup_init=True, beta_1=0.9, weight_decay=0.1),
    "adafactor_rate": lambda: optim.Adafactor(
        0.01, relative_step=False, scale_parameter=False, clip_threshold=0.1
    ),
    "muon": lambda: optim.Muon(0.01),
    "muon_plain": lambda: optim.Muon(0.01, nesterov=False, weight_decay=0.0, ns_steps=3),
    "scheduled": lambda: optim.Adam(optim.cosine_decay(0.1, 4, 0.01)),
    "multi": lambda: optim.MultiOptimizer(
        [optim.Muon(0.01), optim.SGD(0.1), optim.Adam(0.01)],
        [lambda p, g: g.ndim == 2 and "head" not in p, lambda p, g: "head" in p],
    ),
}


def sample(*shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return mx.array(rng.standard_normal(shape).astype(np.float32))


def tree(seed, dtype):
    shapes = {"w": (4, 6), "tall": (7, 3), "conv": (3, 2, 2, 4), "b": (5,), "s": ()}
    leaves = {k: sample(*v, seed=seed).astype(dtype) for k, v in shapes.items()}
    leaves["layers"] = [{"head": sample(2, 3, seed=seed).astype(dtype)}, {}]
    return leaves


def main(path):
    results = {}

    def put(name, value):
        for key, a in tree_flatten(value):
            key = f"{name}.{key}" if key else name
            assert key not in results
            results[key] = np.array(a.astype(mx.float32) if a.dtype == mx.bfloat16 else a)

    for dtype in (mx.float32, mx.float16):
        for name, make in CASES.items():
            optimizer = make()
            params = tree(1, dtype)
            optimizer.init(params)
            put(f"{name}.{dtype}.start", optimizer.state)
            for step in range(5):
                params = optimizer.apply_gradients(tree(10 + step, dtype), params)
                put(f"{name}.{dtype}.params.{step}", params)
            put(f"{name}.{dtype}.state", optimizer.state)

    schedules = {
        "linear": optim.linear_schedule(0.1, 1.0, 7),
        "cosine": optim.cosine_decay(1.0, 9, 0.1),
        "step": optim.step_decay(1.0, 0.5, 3),
        "exponential": optim.exponential_decay(1.0, 0.9),
    }
    parts = [schedules["linear"], schedules["cosine"], schedules["exponential"]]
    schedules["joined"] = optim.join_schedules(parts, [4, 9])
    for name, schedule in schedules.items():
        put(f"schedule.{name}", [mx.array(schedule(mx.array(i))) for i in range(15)])

    for limit in (0.5, 1e6):
        put(f"clip.{limit}", optim.clip_grad_norm(tree(2, mx.float32), limit))
        put(f"clip_half.{limit}", optim.clip_grad_norm(tree(2, mx.float16), limit))

    mx.random.seed(5)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.AdamW(0.01)
    x, y = sample(16, 6), sample(16, 1, seed=1)
    step = nn.value_and_grad(model, lambda: nn.losses.mse_loss(model(x), y))
    losses = []
    for _ in range(10):
        loss, grads = step()
        optimizer.update(model, grads)
        losses.append(loss)
    put("training", losses)
    np.savez(path, **results)


if __name__ == "__main__":
    main(sys.argv[1])
