"""State, learning rate and schedules of optimizers; several optimizers as one; clipping."""

import math
from functools import partial

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map, tree_unflatten


def random(*shape, seed=0):
    return mx.array(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def params():
    return {"w": random(2, 3), "layers": [{"b": random(3, seed=1)}, {}]}


GRADS = {"w": random(2, 3, seed=2), "layers": [{"b": random(3, seed=3)}, {}]}


def equal(a, b):
    flat_a, flat_b = tree_flatten(a), tree_flatten(b)
    return len(flat_a) == len(flat_b) and all(
        x == y and mx.array_equal(v, w) for (x, v), (y, w) in zip(flat_a, flat_b)
    )


def test_init_makes_the_state():
    optimizer = optim.Adam(0.1)
    assert set(optimizer.state) == {"step", "learning_rate"}
    assert optimizer.step.dtype == mx.uint64 and optimizer.learning_rate.dtype == mx.float32
    optimizer.init(params())
    names = {name for name, _ in tree_flatten(optimizer.state)}
    assert names == {
        "step",
        "learning_rate",
        "w.m",
        "w.v",
        "layers.0.b.m",
        "layers.0.b.v",
    }
    assert optimizer.state["layers"][0]["b"]["m"].shape == (3,)


def test_first_update_initializes():
    first, second = optim.Adam(0.1), optim.Adam(0.1)
    second.init(params())
    assert equal(first.apply_gradients(GRADS, params()), second.apply_gradients(GRADS, params()))
    assert equal(first.state, second.state)


def test_state_round_trip(tmp_path):
    path = str(tmp_path / "optimizer.safetensors")
    one = optim.AdamW(0.1)
    after_one = one.apply_gradients(GRADS, params())
    mx.save_safetensors(path, tree_flatten(one.state, destination={}))
    two = optim.AdamW(0.7)
    two.state = tree_unflatten(mx.load(path))
    continued = two.apply_gradients(GRADS, after_one)
    assert equal(continued, one.apply_gradients(GRADS, after_one))
    assert two.step.item() == 2 and math.isclose(two.learning_rate.item(), 0.1, rel_tol=1e-6)


def test_update_changes_the_model():
    model = nn.Linear(2, 2)
    model.freeze(keys="bias")
    weight, bias = model.weight, model.bias
    optimizer = optim.SGD(0.5)
    optimizer.update(model, {"weight": mx.ones((2, 2))})
    np.testing.assert_allclose(np.array(model.weight), np.array(weight) - 0.5, rtol=1e-6)
    assert model.bias is bias


def test_learning_rate():
    optimizer = optim.SGD(0.1)
    optimizer.learning_rate = 0.25
    new = optimizer.apply_gradients({"x": mx.ones((2,))}, {"x": mx.zeros((2,))})
    assert new["x"].tolist() == [-0.25, -0.25]
    with pytest.raises(AttributeError):
        optimizer.step = 3
    with pytest.raises(KeyError):
        _ = optim.Adafactor().learning_rate


def test_scheduled_learning_rate():
    optimizer = optim.SGD(lambda step: 1 / (step + 1))
    x, total = {"x": mx.zeros(())}, 0.0
    for step in range(4):
        x = optimizer.apply_gradients({"x": mx.array(1.0)}, x)
        total -= 1 / (step + 1)
        assert math.isclose(optimizer.learning_rate.item(), 1 / (step + 1), rel_tol=1e-6)
    assert math.isclose(x["x"].item(), total, rel_tol=1e-6)


def test_base_class_is_abstract():
    optimizer = optim.Optimizer()
    for call in (lambda: optimizer.init_single(0, {}), lambda: optimizer.apply_single(0, 0, {})):
        with pytest.raises(NotImplementedError):
            call()


def test_custom_optimizer():
    class SignDescent(optim.Optimizer):
        def __init__(self, rate):
            super().__init__()
            self._maybe_schedule("learning_rate", rate)

        def init_single(self, parameter, state):
            state["count"] = mx.array(0)

        def apply_single(self, gradient, parameter, state):
            state["count"] = state["count"] + 1
            return parameter - self.learning_rate * mx.sign(gradient)

    optimizer = SignDescent(0.5)
    new = optimizer.apply_gradients({"x": mx.array([2.0, -3.0])}, {"x": mx.zeros((2,))})
    assert new["x"].tolist() == [-0.5, 0.5] and optimizer.state["x"]["count"].item() == 1


def test_multi_optimizer():
    filters = [lambda path, g: path == "w", lambda path, g: g.ndim == 1]
    optimizer = optim.MultiOptimizer([optim.SGD(0.1), optim.Adam(0.2), optim.Lion(0.3)], filters)
    tree, grads = params(), dict(GRADS)
    tree["k"], grads["k"] = random(2, 2), random(2, 2, seed=5)
    optimizer.init(tree)
    new = optimizer.apply_gradients(grads, tree)
    expected = {
        **optim.SGD(0.1).apply_gradients({"w": grads["w"]}, tree),
        "layers": optim.Adam(0.2).apply_gradients({"layers": [grads["layers"][0]]}, tree)["layers"],
        **optim.Lion(0.3).apply_gradients({"k": grads["k"]}, tree),
    }
    for name, value in tree_flatten(expected):
        assert mx.array_equal(dict(tree_flatten(new))[name], value), name
    assert len(optimizer.state["states"]) == 3 and "w" in optimizer.state["states"][0]
    optimizer.learning_rate = 0.5
    assert [o.learning_rate.item() for o in optimizer.optimizers] == [0.5] * 3
    optimizer.state = optimizer.state
    with pytest.raises(ValueError, match="Invalid state"):
        optimizer.state = {"states": []}


@pytest.mark.parametrize("make", [lambda: optim.AdamW(0.05), lambda: optim.SGD(0.05, momentum=0.9)])
def test_compiled_step_is_the_same(make):
    x, y = random(32, 4), random(32, 1, seed=1)

    def run(compiled):
        mx.random.seed(3)
        model, optimizer = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)), make()
        optimizer.init(model.trainable_parameters())
        loss_and_grad = nn.value_and_grad(model, lambda x, y: nn.losses.mse_loss(model(x), y))

        def step(x, y):
            loss, grads = loss_and_grad(x, y)
            optimizer.update(model, grads)
            return loss

        state = [model.state, optimizer.state]
        step = partial(mx.compile, inputs=state, outputs=state)(step) if compiled else step
        losses = []
        for _ in range(8):
            losses.append(step(x, y))
            mx.eval(losses[-1], state)
        return [loss.item() for loss in losses]

    eager, compiled = run(False), run(True)
    np.testing.assert_allclose(eager, compiled, rtol=1e-5)
    assert eager[-1] < eager[0]


def test_clip_grad_norm():
    grads = {"a": mx.array([3.0, 0.0]), "b": [mx.array([[4.0]])]}
    clipped, norm = optim.clip_grad_norm(grads, 1.0)
    assert norm.item() == 5
    np.testing.assert_allclose(np.array(clipped["a"]), [0.6, 0], rtol=1e-5)
    np.testing.assert_allclose(np.array(clipped["b"][0]), [[0.8]], rtol=1e-5)
    kept, _ = optim.clip_grad_norm(grads, 100)
    assert equal(kept, grads)
    zero, norm = optim.clip_grad_norm(tree_map(mx.zeros_like, grads), 1.0)
    assert norm.item() == 0 and zero["a"].tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
def test_clip_grad_norm_in_half_precision(dtype):
    """The squares of the elements do not fit float16; their sum is still right."""
    clipped, norm = optim.clip_grad_norm({"a": mx.array([300.0, 400.0], dtype=dtype)}, 1.0)
    assert norm.item() == 500 and clipped["a"].dtype == dtype
    np.testing.assert_allclose(np.array(clipped["a"].astype(mx.float32)), [0.6, 0.8], rtol=5e-3)
