"""Drives every row of the op table: references, gradients, vmap, compile, memory layouts, the oracle."""

import numpy as np
import pytest
import scipy.special
from oracle import worker
from oracle.client import brief, difference

from .case import COMPLEX, FLOATS, Arg
from .cases import CASES

# Against a float64 reference: (relative, absolute). float32 allows a few roundings, 16-bit types one or two.
STRICT = {
    "float16": (3e-3, 2e-3),
    "bfloat16": (2.4e-2, 1.6e-2),
    "float32": (1e-5, 1e-6),
    "float64": (1e-11, 1e-12),
    "complex64": (1e-5, 2e-6),
}


def select(condition):
    chosen = [case for case in CASES if condition(case)]
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


class Scipy:
    """SciPy's special functions, and the array functions that NumPy lacks."""

    erf, erfinv, expit = map(
        staticmethod, (scipy.special.erf, scipy.special.erfinv, scipy.special.expit)
    )
    softmax, logsumexp = map(staticmethod, (scipy.special.softmax, scipy.special.logsumexp))


def evaluate(mx, case, dtype, layout="contiguous", salt=0):
    return worker.run(mx, case.text, case.inputs(dtype, layout, salt), case.modules)


def reference(case, values):
    """The row's NumPy reference over the given float64 (or integer, bool, complex) values."""
    with np.errstate(all="ignore"):
        return eval(case.ref, {"np": np, "sp": Scipy, **values})


def numpy_inputs(case, dtype, salt=0):
    made = {}
    for name, (values, _, _) in case.inputs(dtype, salt=salt).items():
        made[name] = values.astype(np.float64) if values.dtype == np.float32 else values
    return made


def function(mx, case, names):
    """The row as a function of the named inputs, the others fixed in scope."""

    def make(scope):
        code = compile(case.text, case.name, "eval")
        return lambda *values: eval(code, {**scope, **dict(zip(names, values))})

    return make


def is_expression(case):
    try:
        compile(case.text, case.name, "eval")
        return True
    except SyntaxError:
        return False


def arrays(mx, case, dtype, layout="contiguous", salt=0):
    return {n: worker.make_array(mx, *spec) for n, spec in case.inputs(dtype, layout, salt).items()}


def leaves(result):
    return (
        [r for item in result[1] for r in leaves(item)]
        if result[0] in ("list", "tuple")
        else [result]
    )


@select(lambda case: case.oracle)
def test_oracle(mx, oracle, case):
    """Values, dtypes, shapes and exception types are those of the released MLX, for every dtype."""
    theirs = oracle.ask([(case.text, case.inputs(dtype), case.modules) for dtype in case.dtypes])
    wrong = []
    for dtype, answer in zip(case.dtypes, theirs):
        found = difference(evaluate(mx, case, dtype), answer, case.tolerance)
        if found:
            wrong.append(f"{dtype}: {found}")
    assert not wrong, f"{case.text}\n" + "\n".join(wrong)


@select(lambda case: case.oracle and case.elementwise)
def test_oracle_shapes_and_specials(mx, oracle, case):
    """Element-wise ops on empty and 0-d arrays, and on infinities, NaN and signed zeros."""
    variants = []
    for label, shape in (("empty", (0, 3)), ("0-d", ()), ("one", (1, 1))):
        changed = {n: Arg(shape, a.kind, a.dtype, a.limit) for n, a in case.args.items()}
        variants += [(label, changed, dtype) for dtype in ("float32", "int32", "bfloat16")]
    if case.special:
        changed = {n: Arg((16,) if i == 0 else (16, 1), "special") for i, n in enumerate(case.args)}
        variants += [("special", changed, dtype) for dtype in FLOATS if dtype in case.dtypes]
    inputs = []
    for _, args, dtype in variants:
        saved, case.args = case.args, args
        inputs.append(case.inputs(dtype))
        case.args = saved
    with np.errstate(all="ignore"):
        theirs = oracle.ask([(case.text, spec, case.modules) for spec in inputs])
        ours = [worker.run(mx, case.text, spec, case.modules) for spec in inputs]
    wrong = []
    for (label, _, dtype), a, b in zip(variants, ours, theirs):
        found = difference(a, b, case.tolerance * 2)
        if found:
            wrong.append(f"{label} {dtype}: {found}")
    assert not wrong, f"{case.text}\n" + "\n".join(wrong)


@select(lambda case: case.ref)
def test_reference(mx, case):
    """Values agree with NumPy or SciPy in float64, within the rounding of the dtype."""
    for dtype in [d for d in case.dtypes if d in FLOATS + COMPLEX]:
        with np.errstate(all="ignore"):
            expected = reference(case, numpy_inputs(case, dtype))
        result = evaluate(mx, case, dtype)
        assert result[0] == "array", f"{dtype}: {brief(result)}"
        rtol, atol = (t * case.tolerance for t in STRICT[dtype])
        expected = np.asarray(expected)
        if dtype == "float16" and expected.dtype.kind == "f":
            expected = expected.astype(np.float16).astype(np.float64)  # what overflows is infinite
        assert result[2] == expected.shape, f"{dtype}: shape {result[2]}, expected {expected.shape}"
        got = (
            result[3]
            if expected.dtype.kind in "bui"
            else result[3].astype(np.result_type(result[3], np.float64))
        )
        np.testing.assert_allclose(got, expected, rtol, atol, err_msg=f"{case.text} in {dtype}")


@select(lambda case: case.grad and case.ref)
def test_gradient(mx, case):
    """vjp and jvp agree with central differences of the float64 reference."""
    names = list(case.grad)
    exact = numpy_inputs(case, "float64")
    scope = {**arrays(mx, case, "float32"), "mx": mx}
    call = function(mx, case, names)(scope)
    rng = np.random.default_rng(0)
    primals = [scope[n] for n in names]
    shape = np.asarray(reference(case, exact)).shape
    cotangent = rng.integers(-8, 9, shape) / 8
    gradients = mx.vjp(call, primals, [mx.array(cotangent.astype(np.float32))])[1]

    step = 1e-6
    for name, gradient in zip(names, gradients):
        numeric = np.zeros(exact[name].shape)
        for at in np.ndindex(*numeric.shape):
            sides = []
            for sign in (1, -1):
                moved = exact[name].astype(np.float64).copy()
                moved[at] += sign * step
                sides.append(np.sum(reference(case, {**exact, name: moved}) * cotangent))
            numeric[at] = (sides[0] - sides[1]) / (2 * step)
        scale = max(1.0, np.abs(numeric).max(initial=0))
        np.testing.assert_allclose(
            np.array(gradient), numeric, 2e-3, 1e-4 * scale, err_msg=f"{case.text}: vjp by {name}"
        )
    if not case.jvp:
        return
    tangents = [rng.integers(-8, 9, exact[n].shape) / 8 for n in names]
    along = mx.jvp(call, primals, [mx.array(t.astype(np.float32)) for t in tangents])[1][0]
    ahead, behind = (
        reference(case, {**exact, **{n: exact[n] + s * step * t for n, t in zip(names, tangents)}})
        for s in (1, -1)
    )
    numeric = (np.asarray(ahead) - behind) / (2 * step)
    scale = max(1.0, np.abs(numeric).max(initial=0))
    np.testing.assert_allclose(
        np.array(along), numeric, 2e-3, 1e-4 * scale, err_msg=f"{case.text}: jvp"
    )


@select(lambda case: case.grad and not case.ref and is_expression(case))
def test_gradient_self(mx, case):
    """Where no reference exists: vjp and jvp agree with each other and with our own float64 differences."""
    names = list(case.grad)
    exact = arrays(mx, case, "float64")
    call = function(mx, case, names)({**exact, "mx": mx})
    primals = [exact[n] for n in names]
    rng = np.random.default_rng(0)
    tangents = [mx.array(rng.integers(-8, 9, p.shape) / 8, dtype=mx.float64) for p in primals]
    try:
        out = call(*primals)
    except ValueError as error:
        pytest.skip(f"no float64: {error}")
    if out.dtype != mx.float64:
        pytest.skip("the op does not compute in float64")
    cotangent = mx.array(rng.integers(-8, 9, out.shape) / 8, dtype=mx.float64)
    step = 1e-6
    ahead = call(*[p + step * t for p, t in zip(primals, tangents)])
    behind = call(*[p - step * t for p, t in zip(primals, tangents)])
    numeric = float(((ahead - behind) * cotangent).sum().item()) / (2 * step)
    gradients = mx.vjp(call, primals, [cotangent])[1]
    by_vjp = sum(float((g * t).sum().item()) for g, t in zip(gradients, tangents))
    assert by_vjp == pytest.approx(numeric, rel=1e-3, abs=1e-3), f"{case.text}: vjp"
    along = mx.jvp(call, primals, tangents)[1][0]
    assert float((along * cotangent).sum().item()) == pytest.approx(numeric, rel=1e-3, abs=1e-3), (
        f"{case.text}: jvp"
    )


VMAPPED = [d for d in ("float32", "int32", "complex64", "bool", "uint8")]


@select(lambda case: case.vmap and case.args and is_expression(case))
def test_vmap(mx, case):
    """vmap over one input, over another, over all: the same as a loop."""
    dtype = next(d for d in VMAPPED + list(case.dtypes) if d in case.dtypes)
    names = list(case.args)
    versions = [arrays(mx, case, dtype, salt=salt) for salt in range(3)]
    call = function(mx, case, names)({"mx": mx, "np": np})
    try:
        mx.eval(call(*versions[0].values()))
    except Exception as error:
        pytest.skip(f"raises on these inputs: {error}")
    axes_tried = [[0] * len(names)]
    if len(names) > 1:
        axes_tried += [
            [0 if i == j else None for j in range(len(names))] for i in range(len(names))
        ]
    axes_tried.append([-1] * len(names))
    for axes in axes_tried:
        stacked = [
            versions[0][n] if axis is None else mx.stack([v[n] for v in versions], axis=axis)
            for n, axis in zip(names, axes)
        ]
        batched = worker.plain(mx, mx.vmap(call, in_axes=tuple(axes))(*stacked))
        for i, version in enumerate(versions):
            chosen = [
                versions[0][n] if axis is None else version[n] for n, axis in zip(names, axes)
            ]
            single = worker.plain(mx, call(*chosen))
            for whole, part in zip(leaves(batched), leaves(single)):
                if part[0] != "array":
                    continue
                sliced = (whole[0], whole[1], whole[2][1:], whole[3][i])
                found = difference(sliced, part, case.tolerance)
                assert not found, f"{case.text}: vmap {axes}, item {i}: {found}"


@select(lambda case: case.compile and case.args and is_expression(case))
def test_compile(mx, case):
    """A compiled program gives the bits of the eager one."""
    names = list(case.args)
    for dtype in case.dtypes:
        inputs = arrays(mx, case, dtype)
        call = function(mx, case, names)({"mx": mx, "np": np})
        try:
            eager = call(*inputs.values())
            mx.eval(eager)
        except Exception:
            continue
        if not all(
            isinstance(x, mx.array)
            for x in (eager if isinstance(eager, (list, tuple)) else [eager])
        ):
            continue
        compiled = mx.compile(call)
        for _ in range(2):
            found = difference(
                worker.plain(mx, compiled(*inputs.values())), worker.plain(mx, eager), exact=True
            )
            assert not found, f"{case.text} in {dtype}: {found}"


@select(lambda case: case.args and is_expression(case))
def test_layouts(mx, case):
    """Transposed, strided, reversed and offset inputs give what contiguous ones give."""
    for dtype in [
        d for d in case.dtypes if d in ("float32", "bfloat16", "int32", "bool", "complex64")
    ]:
        expected = evaluate(mx, case, dtype)
        for layout in worker.LAYOUTS[1:]:
            found = difference(evaluate(mx, case, dtype, layout), expected, case.tolerance)
            assert not found, f"{case.text} in {dtype}, {layout} inputs: {found}"
