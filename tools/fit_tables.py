"""Fits the piecewise polynomials of src/backend/cpu/simd/tables.h (needs numpy and scipy) and prints that file.

An odd function f is x P(x) on [0, 31.5 s], which is cut into 32 intervals; the k-th is centred at k s. P is a
polynomial in u = x / s - k, which lies in [-1/2, 1/2].
"""

import numpy as np
import scipy.special

INTERVALS = 32


def quotient(f, slope_at_zero):
    return lambda x: np.where(np.abs(x) < 1e-8, slope_at_zero, f(x) / np.where(x == 0, 1, x))


def fit(p, scale, k, degree):
    """Coefficients that interpolate p at Chebyshev nodes of interval k, lowest power first."""
    nodes = 0.5 * np.cos(np.pi * (2 * np.arange(degree + 1) + 1) / (2 * degree + 2))
    values = p((nodes + k) / float(scale))
    return np.linalg.solve(np.vander(nodes, degree + 1, increasing=True), values)


def choose_scale(f, p, low, high):
    """1 / s with 31.5 s in [low, high] for which the values at the centres are nearly floats."""
    best = (np.inf, None)
    scale, last = np.float32((INTERVALS - 0.5) / high), np.float32((INTERVALS - 0.5) / low)
    k = np.arange(1, INTERVALS)
    while scale < last:
        s = 1 / float(scale)
        centres = p(k * s)
        end = (k + 0.5) * s
        errors = (
            np.abs(centres.astype(np.float32) - centres)
            * end
            / np.spacing(f(end).astype(np.float32))
        )
        best = min(best, (float(np.max(errors)), scale))
        scale = np.nextafter(scale, np.float32(np.inf))
    return best[1]


def literal(value):
    text = f"{value:.9g}"
    return text + ("f" if any(c in text for c in ".e") else ".0f")


def rows(table):
    lines = []
    for row in table:
        text = "    {"
        for value in row:
            word = literal(value) + ", "
            if len(text) - text.rfind("\n") + len(word) > 100:
                text = text.rstrip() + "\n     "
            text += word
        lines.append(text.rstrip(", ") + "},")
    return "\n".join(lines)


def print_function(name, f, slope_at_zero, low, high, degree):
    p = quotient(f, slope_at_zero)
    scale = choose_scale(f, p, low, high)
    table = np.array([fit(p, scale, k, degree) for k in range(INTERVALS)]).astype(np.float32)
    limit = np.nextafter(np.float32((INTERVALS - 0.5) / float(scale)), np.float32(0))
    print(f"\n/** {name}(x) / x by intervals: [power][interval]. */")
    print(f"inline constexpr float k{name}Scale = {literal(scale)};")
    print(f"inline constexpr float k{name}Limit = {literal(limit)};")
    print(f"alignas(64) inline constexpr float k{name}Table[{degree + 1}][{INTERVALS}] = {{")
    print(rows(table.T) + "\n};")


print("// Tables of the piecewise functions, made by tools/fit_tables.py.\n#pragma once\n")
print("namespace mlx::core::cpu {\n\n/** 2^(k/16) */")
powers = ", ".join(literal(np.float32(2 ** (k / 16))) for k in range(16))
print(f"alignas(64) inline constexpr float kPowersOfTwo[16] = {{{powers}}};")
print_function("Erf", scipy.special.erf, 2 / np.sqrt(np.pi), 3.925, 3.96, 4)
print_function("Tanh", np.tanh, 1.0, 9.011, 9.09, 5)
print("\n}  // namespace mlx::core::cpu")
