"""`Module`: parameters, sub-modules, freezing, updating, representation."""

import copy
import pickle

import pytest

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.layers = [nn.Linear(3, 3), nn.ReLU(), {"norm": nn.LayerNorm(3)}]
        self.table = {"scale": mx.ones((2,)), "count": 3}
        self._hidden = mx.zeros((4,))
        self._spare = nn.Linear(2, 2)
        self.pair = (mx.ones((1,)), nn.Linear(1, 1))
        self.name = "model"


PARAMETERS = [
    "first.weight",
    "first.bias",
    "layers.0.weight",
    "layers.0.bias",
    "layers.2.norm.weight",
    "layers.2.norm.bias",
    "table.scale",
]


def names(tree):
    return [name for name, _ in tree_flatten(tree)]


def test_attributes_are_items_or_plain():
    model = Model()
    assert isinstance(model, dict) and set(model) >= {"first", "layers", "table", "pair"}
    assert "name" not in model and model.name == "model"
    model.name = mx.array(1)
    assert "name" in model and "name" not in vars(model)
    model.name = "again"
    assert "name" not in model and model.name == "again"
    del model.table
    assert not hasattr(model, "table") and "table" not in model
    del model.name
    for missing in ("name", "nothing"):
        with pytest.raises(AttributeError):
            getattr(model, missing)
        with pytest.raises(AttributeError):
            delattr(model, missing)


def test_parameters_skip_hidden_names_and_tuples():
    assert names(Model().parameters()) == PARAMETERS
    assert nn.Module().parameters() == {}


def test_children_and_leaves():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Linear(2, 1))
    children = model.children()["layers"]
    assert children[0] is model.layers[0] and children[1] is model.layers[1]
    leaves = tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)
    assert [name for name, _ in leaves] == ["layers.0.layers.0", "layers.0.layers.1", "layers.1"]


def test_named_modules():
    model = Model()
    found = dict(model.named_modules())
    assert set(found) == {"", "first", "layers.0", "layers.1", "layers.2.norm", "_spare"}
    assert found[""] is model and found["layers.2.norm"] is model.layers[2]["norm"]
    assert model.modules()[0] is model and len(model.modules()) == 6
    visited = []
    assert model.apply_to_modules(lambda name, m: visited.append(name)) is model
    assert set(visited) == set(found)


def test_filter_and_map():
    model = Model()
    shapes = model.filter_and_map(nn.Module.valid_parameter_filter, lambda p: p.shape)
    assert shapes["first"] == {"weight": (3, 2), "bias": (3,)}
    assert shapes["layers"][1] == {} and shapes["table"] == {"scale": (2,), "count": {}}
    keys = []
    model.table["deep"] = [mx.ones((1,))]
    model.filter_and_map(lambda m, k, v: keys.append((type(m), k)) or True)
    assert (Model, "table.deep.0") in keys and (nn.Linear, "weight") in keys


def test_freeze_and_unfreeze():
    model = Model()
    assert model.freeze() is model and names(model.trainable_parameters()) == []
    model.unfreeze(keys="bias")
    assert names(model.trainable_parameters()) == [n for n in PARAMETERS if n.endswith("bias")]
    model.unfreeze()
    assert names(model.trainable_parameters()) == PARAMETERS
    model.freeze(recurse=False)
    assert "table.scale" not in names(model.trainable_parameters())
    assert "first.weight" in names(model.trainable_parameters())
    model.unfreeze().freeze(keys=["weight", "unknown"])
    assert "first.weight" not in names(model.trainable_parameters())
    for change in (model.freeze, model.unfreeze):
        with pytest.raises(KeyError, match="unknown"):
            change(keys="unknown", strict=True)
        with pytest.raises(KeyError, match="weight"):
            change(keys="weight", recurse=False, strict=True)
    with pytest.raises(TypeError):
        model.freeze(False)


def test_training_mode_reaches_all_modules():
    model = Model()
    assert model.training
    assert model.eval() is model
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())
    with pytest.raises(AttributeError):
        model.training = False


def test_update():
    model = Model()
    new = {"first": {"weight": mx.ones((3, 2))}, "layers": [{"bias": mx.ones((3,))}]}
    assert model.update(new) is model
    assert model.first.weight.sum().item() == 6 and model.layers[0].bias.sum().item() == 3
    for bad, message in (
        ({"unknown": mx.ones(1)}, 'parameter named "unknown"'),
        ({"first": {"other": mx.ones(1)}}, 'parameter named "other"'),
        ({"first": mx.ones(1)}, "invalid type: array"),
        ({"first": {"weight": 1}}, "invalid type: int"),
        ({"layers": [{}, {}, {}, {}]}, "index 3 is out of bounds"),
    ):
        with pytest.raises(ValueError, match=message):
            model.update(bad)
    model.update({"unknown": mx.ones(1), "first": mx.ones(1)}, strict=False)
    assert isinstance(model.first, nn.Linear) and "unknown" not in model


def test_update_modules():
    model = Model()
    model.update_modules({"first": nn.Linear(5, 5), "layers": [{}, nn.Tanh()]})
    assert model.first.weight.shape == (5, 5)
    assert isinstance(model.layers[0], nn.Linear) and isinstance(model.layers[1], nn.Tanh)
    for bad, message in (
        ({"unknown": nn.Tanh()}, 'sub-module named "unknown"'),
        ({"first": 3}, "invalid type: int"),
        ({"layers": [nn.Tanh()] * 4}, "index 3 is out of bounds"),
    ):
        with pytest.raises(ValueError, match=message):
            model.update_modules(bad)
    model.update_modules({"unknown": nn.Tanh(), "first": 3}, strict=False)
    assert isinstance(model.first, nn.Linear)


def test_apply_and_set_dtype():
    model = Model()
    assert model.apply(lambda p: p + 1) is model
    assert model.table["scale"].tolist() == [2, 2] and model._hidden.sum().item() == 0
    model.apply(lambda p: p * 0, lambda m, k, v: k == "weight")
    assert model.table["scale"].tolist() == [2, 2]
    model.index = mx.array([1, 2])
    model.set_dtype(mx.float16)
    assert model.first.weight.dtype == mx.float16 and model.index.dtype == mx.int32
    assert model._hidden.dtype == mx.float32
    model.set_dtype(mx.float32, predicate=None)
    assert model.index.dtype == mx.float32


def test_state_is_the_module():
    model = nn.Linear(2, 2)
    assert model.state is model
    model.state["weight"] = mx.zeros((2, 2))
    assert model.weight.sum().item() == 0


def test_repr():
    class Inner(nn.Module):
        def _extra_repr(self):
            return "size=3"

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()
            self.many = [Inner()]

    assert repr(nn.Module()) == "Module()"
    assert repr(Outer()) == "Outer(\n  (inner): Inner(size=3)\n  (many.0): Inner(size=3)\n)"
    assert repr(nn.Linear(2, 3)) == "Linear(input_dims=2, output_dims=3, bias=True)"


def test_copies_keep_attributes():
    model = nn.Linear(2, 2).freeze(keys="bias").eval()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert names(twin.trainable_parameters()) == ["weight"] and not twin.training
        assert mx.array_equal(twin.weight, model.weight)


def test_tree_map_over_a_module():
    doubled = tree_map(lambda p: p * 2, nn.LayerNorm(2).parameters())
    assert doubled["weight"].tolist() == [2, 2] and doubled["bias"].tolist() == [0, 0]
