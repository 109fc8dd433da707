"""`value_and_grad`, checkpointing, and the distributed layers in one process."""

import numpy as np
import pytest

import mlx.core as mx
import mlx.nn as nn
import mlx.nn.utils as nn_utils
from mlx.nn.layers.distributed import shard_inplace, shard_linear
from mlx.utils import tree_flatten, tree_map


def random(*shape, seed=0):
    return mx.array(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def close(a, b, tolerance=1e-5):
    np.testing.assert_allclose(np.array(a), np.array(b), rtol=tolerance, atol=tolerance)


def test_value_and_grad():
    layer, x = nn.Linear(3, 2), random(4, 3)

    def loss(x, power=2):
        "Documentation."
        return (layer(x) ** power).sum()

    step = nn.value_and_grad(layer, loss)
    assert step.__name__ == "loss" and step.__doc__ == "Documentation."
    value, grads = step(x)
    y = layer(x)
    close(value, (y**2).sum())
    close(grads["weight"], 2 * y.T @ x)
    close(grads["bias"], 2 * y.sum(0))
    close(step(x, power=1)[1]["bias"], [4.0, 4.0])


def test_only_trainable_parameters():
    model, x = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1)), random(5, 3)
    model.layers[0].freeze()
    _, grads = nn.value_and_grad(model, lambda: model(x).sum())()
    assert [name for name, _ in tree_flatten(grads)] == ["layers.1.weight", "layers.1.bias"]
    close(grads["layers"][1]["bias"], [5.0])
    with pytest.raises(ValueError):
        nn.value_and_grad(model.freeze(), lambda: model(x).sum())()


def test_value_with_more_results():
    layer, x = nn.Linear(3, 2), random(4, 3)
    (value, aux), grads = nn.value_and_grad(layer, lambda x: (layer(x).sum(), layer(x)))(x)
    close(value, layer(x).sum())
    close(aux, layer(x))
    close(grads["bias"], [4.0, 4.0])


def test_checkpoint():
    model, x = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)), random(4, 3)
    recomputed = nn_utils.checkpoint(model)
    close(recomputed(x), model(x))
    plain = nn.value_and_grad(model, lambda: model(x).square().sum())()
    saved = nn.value_and_grad(model, lambda: recomputed(x).square().sum())()
    for (name, a), (_, b) in zip(tree_flatten(plain[1]), tree_flatten(saved[1])):
        np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-5, atol=1e-6, err_msg=name)
    own = nn_utils.checkpoint(model, lambda x, scale: model(x) * scale)
    close(own(x, scale=2), model(x) * 2)


def test_one_process_keeps_gradients():
    grads = {"a": random(3), "b": [random(2, 2)]}
    for size in (32 * 1024**2, 0):
        averaged = nn.average_gradients(grads, all_reduce_size=size)
        close(averaged["a"], grads["a"])
        close(averaged["b"][0], grads["b"][0])


def test_groups_by_size():
    arrays = [mx.zeros((n,)) for n in (2, 3, 100, 1)]
    assert nn_utils._grouped_by_bytes(arrays, 16) == [[0, 1], [2], [3]]
    assert nn_utils._grouped_by_bytes(arrays, 10**6) == [[0, 1, 2, 3]]


def has_distributed():
    try:
        mx.eval(mx.distributed.all_sum(mx.ones((2,))))
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return True


needs_distributed = pytest.mark.skipif(
    not has_distributed(), reason="mlx.core has no distributed backend yet"
)


@needs_distributed
def test_clip_sharded_gradients():
    grads, norm = nn_utils.clip_grad_norm_sharded({"a": mx.array([3.0, 4.0])}, 1.0)
    close(norm, 5.0)
    close(grads["a"], [0.6, 0.8])


@needs_distributed
@pytest.mark.parametrize("sharding", ["all-to-sharded", "sharded-to-all"])
@pytest.mark.parametrize("quantized", [False, True])
def test_sharded_layers_of_one_process(sharding, quantized):
    source, x = nn.Linear(128, 32), random(3, 128)
    source = source.to_quantized() if quantized else source
    layer = shard_linear(source, sharding, segments=2)
    close(layer(x), source(x))
    assert repr(layer).split("(", 1)[1] == repr(source).split("(", 1)[1]
    grad = mx.grad(lambda v: layer(v).square().sum())(x)
    close(grad, mx.grad(lambda v: source(v).square().sum())(x), 1e-4)
    if quantized:
        layer.unfreeze()
        assert layer.trainable_parameters() == {}
    with pytest.raises(ValueError, match="not supported"):
        shard_linear(source, "other")


@needs_distributed
def test_sharding_in_place_and_fully():
    model, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), random(3, 4)
    before, params = model(x), tree_map(lambda p: p, model.parameters())
    shard_inplace(model, "sharded-to-all")
    close(model(x), before)
    assert nn.fully_shard(model) is model
    wrapped = nn.FullyShardedModule(model)
    close(wrapped(x), before)
    _, grads = nn.value_and_grad(wrapped, lambda: wrapped(x).sum())()
    _, plain = nn.value_and_grad(model, lambda: model(x).sum())()
    close(grads["module"]["layers"][0]["weight"], plain["layers"][0]["weight"])
    close(model.layers[0].weight, params["layers"][0]["weight"])
    assert repr(wrapped).startswith("FullyShardedModule(num_sharded_params=2\n  (module): ")
