"""Fits the polynomials of include/mlx/formulas/math_*.h and, in float64, of src/backend/cpu/simd/math_double*.h (needs
mpmath): relative minimax by Remez exchange, coefficients rounded one after the other, the rest refitted."""

import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 50


def remez(target, weight, lo, hi, powers):
    """Coefficients c minimising max |weight(x) * (target(x) - sum c_i x^powers[i])| on [lo, hi]."""
    n, weight_of = len(powers), weight
    weight = lambda x: abs(weight_of(x))
    theta = [mp.pi * (2 * k + 1) / (2 * (n + 1)) for k in range(n + 1)]
    nodes = sorted((lo + hi) / 2 + (hi - lo) / 2 * mp.cos(t) for t in theta)
    grid = [lo + (hi - lo) * (1 - mp.cos(mp.pi * k / 600)) / 2 for k in range(601)]
    values = [(x, target(x), weight(x)) for x in grid]
    for _ in range(25):
        rows, rhs = [], []
        for k, x in enumerate(nodes):
            rows.append([x**p for p in powers] + [(-1) ** k / weight(x)])
            rhs.append(target(x))
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix(rhs))
        c, level = list(solution)[:n], abs(solution[n])
        errors = [w * (g - sum(ci * x**p for ci, p in zip(c, powers))) for x, g, w in values]
        peaks, start = [], 0
        for k in range(1, len(grid) + 1):
            if k == len(grid) or (errors[k] > 0) != (errors[start] > 0):
                best = max(range(start, k), key=lambda j: abs(errors[j]))
                peaks.append(best)
                start = k
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        worst = max(abs(e) for e in errors)
        if len(peaks) < n + 1 or worst < level * mp.mpf("1.0005"):
            return c, worst
        nodes = [grid[p] for p in peaks]
    return c, worst


def worst_of(target, weight, lo, hi, powers, c):
    grid = [lo + (hi - lo) * (mp.mpf(k) + mp.mpf("0.5")) / 997 for k in range(997)]
    polynomial = lambda x: sum(ci * x**p for p, ci in zip(powers, c))
    return max(abs(weight(x) * (target(x) - polynomial(x))) for x in grid)


def fit_double(target, weight, lo, hi, powers):
    """The better of minimax and interpolation at Chebyshev's nodes; the rounding to float64 hardly matters."""
    nodes = [
        (lo + hi) / 2 + (hi - lo) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * len(powers)))
        for k in range(len(powers))
    ]
    matrix = mp.matrix([[x**p for p in powers] for x in nodes])
    candidates = [
        list(mp.lu_solve(matrix, mp.matrix([target(x) for x in nodes]))),
        remez(target, weight, lo, hi, powers)[0],
    ]
    rounded = [[mp.mpf(float(ci)) for ci in c] for c in candidates]
    return min(rounded, key=lambda c: worst_of(target, weight, lo, hi, powers, c))


def fit(name, target, weight, lo, hi, powers, round_to=np.float32):
    """Prints the coefficients for sum c_i x^powers[i], lowest power first, and the relative error."""
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    fixed, rest = [], list(powers)
    if round_to is np.float64:
        fixed, rest = list(zip(powers, fit_double(target, weight, lo, hi, powers))), []
    while rest:
        c, _ = remez(lambda x: target(x) - sum(ci * x**p for p, ci in fixed), weight, lo, hi, rest)
        fixed.append((rest[0], mp.mpf(float(round_to(float(c[0]))))))
        rest = rest[1:]
    worst = worst_of(target, weight, lo, hi, powers, [ci for _, ci in fixed])
    digits = "{:.9g}f" if round_to is np.float32 else "{:.17g}"
    text = ", ".join(digits.format(float(ci)) for _, ci in fixed)
    print(f"{name}: relative error 2^{float(mp.log(worst, 2)):.1f}\n  {{{text}}}")


def cases():
    half_ln2 = mp.log(2) / 2 * mp.mpf("1.001")
    tiny = mp.mpf("1e-10")

    def nudge(f):  # removable singularities at 0
        return lambda x: f(x if abs(x) > tiny else tiny)

    # exp(r) = 1 + r + r^2 P(r); expm1 the same with relative weight
    yield (
        "exp",
        nudge(lambda r: (mp.exp(r) - 1 - r) / r**2),
        nudge(lambda r: r**2 / mp.exp(r)),
        -half_ln2,
        half_ln2,
        range(5),
    )
    yield (
        "expm1",
        nudge(lambda r: (mp.expm1(r) - r) / r**2),
        nudge(lambda r: r**2 / mp.expm1(r)),
        -half_ln2,
        half_ln2,
        range(6),
    )
    lo, hi = mp.sqrt(0.5) - 1, mp.sqrt(2) - 1
    yield (
        "log (log1p(f) = f + f^2 P)",
        nudge(lambda f: (mp.log1p(f) - f) / f**2),
        nudge(lambda f: f**2 / mp.log1p(f)),
        lo,
        hi,
        range(9),
    )
    quarter = mp.pi / 4 * mp.mpf("1.001")
    root = lambda f: lambda z: f(mp.sqrt(z if z > tiny else tiny))
    q2 = quarter**2
    half_turn = (mp.pi / 2 * mp.mpf("1.002")) ** 2
    yield (
        "sin (r + r^3 P(r^2)), |r| < pi/2",
        root(lambda r: (mp.sin(r) - r) / r**3),
        root(lambda r: r**3 / mp.sin(r)),
        0,
        half_turn,
        range(5),
    )
    yield (
        "tan (r + r^3 P(r^2))",
        root(lambda r: (mp.tan(r) - r) / r**3),
        root(lambda r: r**3 / mp.tan(r)),
        0,
        q2,
        range(7),
    )
    yield (
        "tanh (x + x^3 P(x^2)), |x| < 0.625",
        root(lambda r: (mp.tanh(r) - r) / r**3),
        root(lambda r: r**3 / mp.tanh(r)),
        0,
        mp.mpf("0.625") ** 2,
        range(5),
    )
    yield (
        "sinh (x + x^3 P(x^2)), |x| < 1",
        root(lambda r: (mp.sinh(r) - r) / r**3),
        root(lambda r: r**3 / mp.sinh(r)),
        0,
        1,
        range(4),
    )
    yield (
        "asin (x + x^3 P(x^2)), |x| < 0.5",
        root(lambda r: (mp.asin(r) - r) / r**3),
        root(lambda r: r**3 / mp.asin(r)),
        0,
        mp.mpf("0.2501"),
        range(5),
    )
    yield (
        "atan (x + x^3 P(x^2)), |x| < 1",
        root(lambda r: (mp.atan(r) - r) / r**3),
        root(lambda r: r**3 / mp.atan(r)),
        0,
        1,
        range(8),
    )
    yield (
        "atanh (x + x^3 P(x^2)), |x| < 0.5",
        root(lambda r: (mp.atanh(r) - r) / r**3),
        root(lambda r: r**3 / mp.atanh(r)),
        0,
        mp.mpf("0.25"),
        range(7),
    )
    yield (
        "asinh (x + x^3 P(x^2)), |x| < 0.5",
        root(lambda r: (mp.asinh(r) - r) / r**3),
        root(lambda r: r**3 / mp.asinh(r)),
        0,
        mp.mpf("0.25"),
        range(6),
    )
    yield (
        "erf (x + x P(x^2)), |x| < 1",
        root(lambda r: mp.erf(r) / r - 1),
        root(lambda r: r / mp.erf(r)),
        0,
        1,
        range(7),
    )
    yield (
        "erf tail: log(erfc(x)) = P(x), 1 < x < 4",
        lambda x: mp.log(mp.erfc(x)),
        lambda x: mp.erfc(x) / mp.erf(x),
        1,
        4,
        range(8),
    )

    # erfinv(x) = x P(w), w = -log(1 - x^2)
    def inv(w):
        w = w if w > tiny else tiny
        x = mp.sqrt(-mp.expm1(-w))
        return mp.erfinv(x) / x

    yield (
        "erfinv, w < 5, in w - 2.5",
        lambda v: inv(v + mp.mpf("2.5")),
        lambda v: 1 / inv(v + mp.mpf("2.5")),
        "-2.5",
        "2.5",
        range(10),
    )
    yield (
        "erfinv, 5 < w < 17, in sqrt(w) - 3",
        lambda v: inv((v + 3) ** 2),
        lambda v: 1 / inv((v + 3) ** 2),
        mp.sqrt(5) - 3,
        mp.sqrt(17) - 3,
        range(9),
    )
    s = mp.mpf("0.1717")
    # log(m) = 2 s + s^3 P(s^2), s = (m - 1) / (m + 1): for pow
    yield (
        "log by atanh (2 s + s^3 P(s^2))",
        root(lambda r: (2 * mp.atanh(r) - 2 * r) / r**3),
        root(lambda r: r**3 / (2 * mp.atanh(r))),
        0,
        s * s,
        range(4),
    )


def double_cases():
    half_ln2 = mp.log(2) / 2 * mp.mpf("1.0001")
    tiny = mp.mpf("1e-8")
    nudge = lambda f: lambda x: f(x if abs(x) > tiny else tiny)
    root = lambda f: lambda z: f(mp.sqrt(z if z > tiny else tiny))
    yield (
        "expm1 (r + r^2 P(r))",
        nudge(lambda r: (mp.expm1(r) - r) / r**2),
        nudge(lambda r: r**2 / mp.expm1(r)),
        -half_ln2,
        half_ln2,
        range(10),
    )
    yield (
        "log (2 s + s^3 P(s^2))",
        root(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3),
        root(lambda s: s**3 / (2 * mp.atanh(s))),
        0,
        mp.mpf("0.2001") ** 2,
        range(8),
    )
    yield (
        "log3 (2 s + s^3 (2 / 3 + s^2 P(s^2)))",
        root(lambda s: (2 * mp.atanh(s) - 2 * s - 2 * s**3 / 3) / s**5),
        root(lambda s: s**5 / (2 * mp.atanh(s))),
        0,
        mp.mpf("0.2001") ** 2,
        range(8),
    )
    q2 = (mp.pi / 4 * mp.mpf("1.00001")) ** 2
    yield (
        "tanh (x + x^3 P(x^2)), |x| < 0.55",
        root(lambda r: (mp.tanh(r) - r) / r**3),
        root(lambda r: r**3 / mp.tanh(r)),
        0,
        mp.mpf("0.3026"),
        range(10),
    )
    yield (
        "sinh (x + x^3 P(x^2)), |x| < 1",
        root(lambda r: (mp.sinh(r) - r) / r**3),
        root(lambda r: r**3 / mp.sinh(r)),
        0,
        1,
        range(7),
    )
    yield (
        "sin (r + r^3 P(r^2)), |r| < pi/4",
        root(lambda r: (mp.sin(r) - r) / r**3),
        root(lambda r: r**3 / mp.sin(r)),
        0,
        q2,
        range(6),
    )
    yield (
        "cos (1 - r^2/2 + r^4 P(r^2)), |r| < pi/4",
        root(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4),
        root(lambda r: r**4 / mp.cos(r)),
        0,
        q2,
        range(6),
    )
    yield (
        "erf (x + x P(x^2)), |x| < 1",
        root(lambda r: mp.erf(r) / r - 1),
        root(lambda r: r / mp.erf(r)),
        0,
        1,
        range(13),
    )
    yield (
        "erfc (2^P(x)), 1 < x < 6",
        lambda x: mp.log(mp.erfc(x + 1), 2),
        lambda x: mp.erfc(x + 1) / mp.erf(x + 1),
        0,
        5,
        range(19),
    )
    yield (
        "exp2 (P(r))",
        lambda r: mp.mpf(2) ** r,
        lambda r: mp.mpf(2) ** -r,
        mp.mpf("-0.5"),
        mp.mpf("0.5"),
        range(12),
    )
    yield (
        "asin (x + x^3 P(x^2)), |x| < 0.5",
        root(lambda r: (mp.asin(r) - r) / r**3),
        root(lambda r: r**3 / mp.asin(r)),
        0,
        mp.mpf("0.2501"),
        range(13),
    )
    yield (
        "atan (x + x^3 P(x^2)), |x| < 1",
        root(lambda r: (mp.atan(r) - r) / r**3),
        root(lambda r: r**3 / mp.atan(r)),
        0,
        1,
        range(21),
    )


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for precision, all_cases in ((np.float32, cases), (np.float64, double_cases)):
        for name, target, weight, lo, hi, powers in all_cases():
            key = "double-" * (precision is np.float64) + name.split()[0]
            if not wanted or key in wanted:
                fit(name, target, weight, lo, hi, list(powers), precision)
