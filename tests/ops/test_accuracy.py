"""Accuracy of the transcendental functions over dense inputs, in units in the last place (ulp)."""

import numpy as np
import pytest
import scipy.special

COUNT = 100_003  # odd: SIMD tails are included


def spread(low, high):
    """Values evenly spread in magnitude and in place."""
    rng = np.random.default_rng(1)
    uniform = rng.uniform(low, high, COUNT // 2)
    if low < 0:
        small = 10.0 ** rng.uniform(-30, 0, COUNT - COUNT // 2) * rng.choice(
            [-1, 1], COUNT - COUNT // 2
        )
    else:
        small = low + (high - low) * 10.0 ** rng.uniform(-20, 0, COUNT - COUNT // 2)
    return np.concatenate([uniform, np.clip(small, low, high)])


# name -> (reference over float64, lowest, highest, ulp allowed in float32)
FUNCTIONS = {
    "exp": (np.exp, -87, 88, 2),
    "expm1": (np.expm1, -80, 88, 2),
    "log": (np.log, 1e-30, 1e30, 2),
    "log2": (np.log2, 1e-30, 1e30, 2),
    "log10": (np.log10, 1e-30, 1e30, 2),
    "log1p": (np.log1p, -0.999, 1e10, 2),
    "sin": (np.sin, -1000, 1000, 2),
    "cos": (np.cos, -1000, 1000, 2),
    "tan": (np.tan, -100, 100, 3),
    "arcsin": (np.arcsin, -1, 1, 2),
    "arccos": (np.arccos, -1, 1, 2),
    "arctan": (np.arctan, -1e6, 1e6, 2),
    "sinh": (np.sinh, -85, 85, 3),
    "cosh": (np.cosh, -85, 85, 2),
    "tanh": (np.tanh, -12, 12, 2),
    "arcsinh": (np.arcsinh, -1e6, 1e6, 3),
    "arccosh": (np.arccosh, 1, 1e6, 3),
    "arctanh": (np.arctanh, -0.9999, 0.9999, 3),
    "erf": (scipy.special.erf, -5, 5, 2.3),
    "erfinv": (scipy.special.erfinv, -0.9999, 0.9999, 4),
    "sigmoid": (scipy.special.expit, -80, 80, 3),
    "sqrt": (np.sqrt, 0, 1e30, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 1e-30, 1e30, 2),
    "reciprocal": (np.reciprocal, 1e-30, 1e30, 0.5),
}


def worst_ulp(result, exact, dtype):
    """The largest error, measured in the spacing of dtype's numbers at the exact value."""
    exact = exact.astype(np.float64)
    spacing = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    spacing = np.maximum(spacing, np.finfo(dtype).smallest_normal * np.finfo(dtype).eps)
    errors = np.abs(result.astype(np.float64) - exact) / spacing
    at = int(np.nanargmax(errors))
    assert not np.isnan(result[~np.isnan(exact)]).any()
    return errors[at], at


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32(mx, name):
    reference, low, high, allowed = FUNCTIONS[name]
    x = spread(low, high).astype(np.float32)
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.float64))
    error, at = worst_ulp(np.array(getattr(mx, name)(mx.array(x))), exact, np.float32)
    assert error <= allowed + 0.01, f"{name}({x[at]!r}): {error:.2f} ulp, allowed {allowed}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64(mx, name):
    """At float64's accuracy: NumPy's own result, to a few units in the last place."""
    reference, low, high, _ = FUNCTIONS[name]
    x = spread(low, high)
    with np.errstate(all="ignore"):
        exact = reference(x)
    result = np.array(getattr(mx, name)(mx.array(x, dtype=mx.float64)))
    assert result.dtype == np.float64
    error, at = worst_ulp(result, exact, np.float64)
    assert error <= (40 if name == "erfinv" else 8), f"{name}({x[at]!r}): {error:.2f} ulp"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float16(mx, name):
    """16-bit results are the float32 result rounded once: at most a little over half a unit."""
    reference, low, high, _ = FUNCTIONS[name]
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    x = every[(every >= low) & (every <= high) & np.isfinite(every)]
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.float64))
    keep = np.abs(exact) < 65000
    x, exact = x[keep], exact[keep]
    error, at = worst_ulp(np.array(getattr(mx, name)(mx.array(x))), exact, np.float16)
    assert error <= 0.51, f"{name}({x[at]!r}): {error:.3f} ulp"


def test_power(mx):
    rng = np.random.default_rng(2)
    x = rng.uniform(0.01, 30, COUNT).astype(np.float32)
    y = rng.uniform(-8, 8, COUNT).astype(np.float32)
    exact = np.power(x.astype(np.float64), y.astype(np.float64))
    error, at = worst_ulp(np.array(mx.power(mx.array(x), mx.array(y))), exact, np.float32)
    assert error <= 3, f"power({x[at]!r}, {y[at]!r}): {error:.2f} ulp"


def test_arctan2(mx):
    rng = np.random.default_rng(3)
    y, x = rng.uniform(-10, 10, (2, COUNT)).astype(np.float32)
    exact = np.arctan2(y.astype(np.float64), x.astype(np.float64))
    error, at = worst_ulp(np.array(mx.arctan2(mx.array(y), mx.array(x))), exact, np.float32)
    assert error <= 3, f"arctan2({y[at]!r}, {x[at]!r}): {error:.2f} ulp"


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_sum_of_many(mx, axis):
    """Sums by trees: the error grows with the logarithm of the count, not with the count."""
    x = np.random.default_rng(4).uniform(0, 1, (1500, 1700)).astype(np.float32)
    exact = x.astype(np.float64).sum(axis=axis)
    relative = np.abs(np.array(mx.sum(mx.array(x), axis=axis)) - exact) / exact
    assert relative.max() < 2e-6
    halves = mx.array(x).astype(mx.float16)
    exact = np.array(halves).astype(np.float64).mean(axis=axis)
    relative = np.abs(np.array(mx.mean(halves, axis=axis)).astype(np.float64) - exact) / exact
    assert relative.max() < 1e-3
