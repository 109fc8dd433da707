"""Function transformations over trees: grad, vjp, jvp, vmap, checkpoint, custom_function, compile."""

import gc
import weakref
from collections import namedtuple
from functools import partial

import pytest

import mlx.core as mx

Pair = namedtuple("Pair", "a b")
X = mx.array(2.0)
V = mx.array([1.0, 2.0])


def items(tree):
    """The tree with arrays replaced by their Python values."""
    if isinstance(tree, mx.array):
        return tree.tolist()
    if isinstance(tree, dict):
        return {k: items(v) for k, v in tree.items()}
    if isinstance(tree, Pair):
        return Pair(*map(items, tree))
    if isinstance(tree, (list, tuple)):
        return type(tree)(map(items, tree))
    return tree


def test_grad_of_positions_and_names():
    def f(x, y, z=1.0):
        return x * y * z

    y, z = mx.array(3.0), mx.array(5.0)
    assert items(mx.grad(f)(X, y)) == 3
    assert items(mx.grad(f, argnums=1)(X, y)) == 2
    assert items(mx.grad(f, argnums=(1, 0))(X, y)) == (3, 2)
    assert items(mx.grad(f, argnums=[1])(X, y)) == 2
    assert items(mx.grad(f, argnames="z")(X, y, z=z)) == (None, {"z": 6})
    assert items(mx.grad(f, argnums=0, argnames=["z", "z"])(X, y, z=z)) == (15, {"z": 6})
    assert items(mx.grad(f, argnames=["z", "y"])(X, y=y, z=z)) == (None, {"z": 6, "y": 10})


@pytest.mark.parametrize("argnums", [2, -1, (0, 0), ()])
def test_grad_refuses_positions(argnums):
    with pytest.raises(ValueError):
        mx.grad(lambda x, y: x * y, argnums=argnums)(X, X)


def test_grad_refuses_arguments_and_values():
    for bad in (2.0, V, [X, "s"], {"a": None}):
        with pytest.raises(ValueError):
            mx.grad(lambda x: x * 1 if isinstance(x, mx.array) else X)(bad)
    for value in (3.0, "a", (X,), None):
        with pytest.raises(ValueError):
            mx.grad(lambda x, value=value: value)(X)
    for value in ((), (3.0, X), [X]):
        with pytest.raises(ValueError):
            mx.value_and_grad(lambda x, value=value: value)(X)
    with pytest.raises(ValueError):
        mx.grad(lambda x, y: x, argnames="y")(X, X)
    for bad in (3, None):
        with pytest.raises(TypeError):
            mx.grad(bad)


def test_grad_of_trees():
    def f(tree):
        return (tree["a"] * tree["b"][0]).sum() + 0 * tree["b"][1].sum()

    tree = {"a": X, "b": [mx.array(3.0), mx.array([1])]}
    assert items(mx.grad(f)(tree)) == {"a": 3, "b": [2, [0]]}
    assert items(mx.grad(lambda t: t.a * t.b)(Pair(X, mx.array(7.0)))) == Pair(7, 2)


def test_value_and_grad_returns_what_the_function_returns():
    value, gradient = mx.value_and_grad(lambda x: (x * x, {"x": x, "n": 3}))(X)
    assert items(value) == (4, {"x": 2, "n": 3}) and items(gradient) == 4


def test_higher_derivatives_and_mixtures():
    cube = lambda x: x * x * x  # noqa: E731
    assert mx.grad(mx.grad(cube))(X).item() == 12
    assert mx.vmap(mx.grad(cube))(V).tolist() == [3, 12]
    assert mx.grad(lambda v: mx.vmap(cube)(v).sum())(V).tolist() == [3, 12]
    assert mx.grad(mx.compile(cube))(X).item() == 12
    assert mx.compile(mx.grad(cube))(X).item() == 12


def test_exceptions_pass_through():
    def f(x):
        raise KeyError("boo")

    for transformed in (mx.grad(f), mx.vmap(f), mx.compile(f), mx.checkpoint(f)):
        with pytest.raises(KeyError, match="boo"):
            transformed(V)


def test_names_and_documents_are_kept():
    def f(x):
        """What it does."""
        return x

    for made in (mx.grad(f), mx.vmap(f), mx.compile(f), mx.checkpoint(f), mx.value_and_grad(f)):
        assert made.__name__ == "f" and made.__doc__ == "What it does."


def test_vjp_and_jvp():
    outputs, gradients = mx.vjp(lambda x, y: [x * y, x], (X, V), [V, X])
    assert items(outputs) == [[2, 4], 2] and items(gradients) == [1 * 1 + 2 * 2 + 2, [2, 4]]
    outputs, tangents = mx.jvp(lambda x: (x * x,), [X], [mx.array(3.0)])
    assert items(outputs) == [4] and items(tangents) == [12]
    for bad in ([], [V]):
        with pytest.raises(ValueError):
            mx.vjp(lambda x: x, [X], bad)
        with pytest.raises(ValueError):
            mx.jvp(lambda x: x, [X], bad)
    with pytest.raises(TypeError):
        mx.vjp(lambda x: x, X, X)


@pytest.mark.parametrize(
    "f, arguments, options, result",
    [
        (lambda x: x * 2, (V,), {}, [2, 4]),
        (lambda x, y: x * y, (V, V), {}, [1, 4]),
        (lambda x, y: x * y, (V, X), {"in_axes": (0, None)}, [2, 4]),
        (lambda d: d["a"] + d["b"], ({"a": V, "b": X},), {"in_axes": {"a": 0, "b": None}}, [3, 4]),
        (lambda x: (x, [x + 1]), (V,), {"out_axes": (0, [0])}, ([1, 2], [[2, 3]])),
        (lambda x: {"a": x}, (V,), {}, {"a": [1, 2]}),
        (lambda x: x * 2, (V,), {"in_axes": (0,), "out_axes": (0,)}, [2, 4]),
        (lambda x: x, (mx.array([[1, 2], [3, 4]]),), {"in_axes": -1}, [[1, 3], [2, 4]]),
        (
            lambda x: x,
            (mx.array([[1, 2], [3, 4]]),),
            {"in_axes": 0, "out_axes": -1},
            [[1, 3], [2, 4]],
        ),
        (lambda x: mx.array([7.0]), (V,), {}, [[7], [7]]),
    ],
)
def test_vmap(f, arguments, options, result):
    assert items(mx.vmap(f, **options)(*arguments)) == result


@pytest.mark.parametrize(
    "arguments, options, error",
    [
        ((X,), {}, IndexError),
        ((V,), {"in_axes": 1}, IndexError),
        ((V,), {"in_axes": "a"}, ValueError),
        ((V, V), {"in_axes": (0,)}, ValueError),
        ((V, V), {"in_axes": [0, 0]}, ValueError),
        ((V, mx.zeros((3,))), {}, ValueError),
        ((V,), {"in_axes": None}, ValueError),
        ((3.0,), {}, ValueError),
    ],
)
def test_vmap_refuses(arguments, options, error):
    with pytest.raises(error):
        mx.vmap(lambda *a: a[0], **options)(*arguments)
    with pytest.raises(TypeError):
        mx.vmap(lambda x, y: x)(V, y=V)


def test_checkpoint():
    calls = []

    def f(x, n=1):
        calls.append(n)
        return {"y": mx.sin(x) * n, "n": n}

    wrapped = mx.checkpoint(f)
    assert items(wrapped(X, n=3))["n"] == 3
    gradient = mx.grad(lambda x: wrapped(x, n=3)["y"])(X)
    assert abs(gradient.item() - 3 * mx.cos(X).item()) < 1e-6
    assert len(calls) == 3  # once more in the backward pass


def test_custom_derivatives_of_trees():
    @mx.custom_function
    def f(tree, scale):
        return {"out": tree["a"] * scale, "copy": tree["a"]}

    seen = []

    @f.vjp
    def f_vjp(primals, cotangents, outputs):
        seen.append((items(primals), items(cotangents), items(outputs)))
        return {"a": cotangents["out"] * 10}, None

    @f.jvp
    def f_jvp(primals, tangents):
        assert tangents[1] is None
        return {"out": tangents[0]["a"] * 20, "copy": tangents[0]["a"]}

    @f.vmap
    def f_vmap(inputs, axes):
        assert axes == ({"a": 0}, None)
        return {"out": inputs[0]["a"] + 100, "copy": inputs[0]["a"]}, {"out": 0, "copy": 0}

    call = lambda x: f({"a": x}, mx.array(3.0))["out"]  # noqa: E731
    assert mx.grad(call)(X).item() == 10
    assert seen == [(({"a": 2}, 3), {"out": 1, "copy": 0}, {"out": 6, "copy": 2})]
    assert mx.jvp(call, [X], [mx.array(1.0)])[1][0].item() == 20
    assert mx.vmap(call)(V).tolist() == [101, 102]


def test_custom_vjp_of_one_argument():
    for returned in (lambda g: g, lambda g: (g,), lambda g: [g]):

        @mx.custom_function
        def f(x):
            return x * 2

        @f.vjp
        def f_vjp(primal, cotangent, output, returned=returned):
            assert isinstance(primal, mx.array) and isinstance(output, mx.array)
            return returned(cotangent * 7)

        assert mx.grad(f)(X).item() == 7
    with pytest.raises(TypeError):
        mx.custom_function(3)


@pytest.mark.parametrize("keeps_both", (True, False))
def test_custom_vjp_can_be_differentiated_through_its_outputs(keeps_both):
    @mx.custom_function
    def f(x):
        return mx.exp(x), x * 1.0

    @f.vjp
    def f_vjp(primal, cotangents, outputs):
        return cotangents[0] * outputs[0] * 2

    def first(x):
        outputs = f(x)
        return outputs[0] + 0.0 * outputs[1] if keeps_both else outputs[0]

    once, twice = mx.grad(first)(X), mx.grad(mx.grad(first))(X)
    assert abs(once.item() - 2 * mx.exp(X).item()) < 1e-4
    assert abs(twice.item() - 4 * mx.exp(X).item()) < 1e-4  # of 2 y with y' = 2 y


def test_compile_traces_once_per_signature():
    traces = []

    @mx.compile
    def f(x, y=None, **others):
        traces.append(1)
        return (x + (0 if y is None else y), "constant", others)

    for arguments, count in [
        ((V,), 1), ((V + 1,), 1), ((V, 2), 2), ((V, 2), 2), ((V, 3), 3), ((V, 2.0), 4),
        ((V, True), 5), ((V, X), 6), ((mx.zeros((3,)),), 7), ((mx.zeros((3,), mx.int32),), 8),
    ]:  # fmt: skip
        f(*arguments)
        assert len(traces) == count
    result = f(V, k={"z": [V, 5]})
    assert items(result) == ([1, 2], "constant", {"k": {"z": [[1, 2], 5]}})
    with pytest.raises(ValueError):
        f(V, object())
    with pytest.raises(ValueError):
        mx.compile(lambda x: x.item())(X)


def test_compile_reads_and_writes_state():
    state = {"count": mx.array(0.0), "nested": [mx.array(1.0)], "text": "kept"}

    @partial(mx.compile, inputs=state, outputs=state)
    def step(x):
        state["count"] = state["count"] + x
        state["nested"][0] = state["nested"][0] * 2
        state["new"] = x
        return state["count"] * 10

    assert [step(X).item() for _ in range(3)] == [20, 40, 60]
    assert items(state) == {"count": 6, "nested": [8], "text": "kept", "new": 2}
    state["count"] = mx.array(100.0)
    assert step(X).item() == 1020


def test_compile_can_be_disabled():
    traces = []

    @mx.compile
    def f(x):
        traces.append(1)
        return x + 1

    mx.disable_compile()
    try:
        f(X), f(X)
        assert len(traces) == 2
    finally:
        mx.enable_compile()
    f(X), f(X)
    assert len(traces) == 3


def test_transformed_functions_are_collected():
    class Model:
        def __init__(self):
            self.step = mx.compile(mx.grad(lambda x: x if self else x))

    model = Model()
    reference = weakref.ref(model)
    model.step(X)
    del model
    gc.collect()
    assert reference() is None


def test_eval_takes_trees():
    lazy = [X + 1, {"a": (V * 2,)}]
    mx.eval(lazy, 3, "text", None)
    mx.async_eval(lazy)
    assert items(lazy) == [3, {"a": ([2, 4],)}]
    mx.eval()


def test_depends():
    assert items(mx.depends(X, V)) == 2
    assert items(mx.depends([X, V], [V + 1])) == [2, [1, 2]]
