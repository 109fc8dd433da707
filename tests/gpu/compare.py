"""Runs the same ops on the GPU and on the CPU and compares: values, dtypes, shapes, and bits from run to run.

``python tests/gpu/compare.py [--quick] [--out FILE]`` prints one line per case and writes a table. It exits with an
error when a case fails. --quick takes small arrays only: what compute-sanitizer can run in reasonable time.
"""

import argparse
import pathlib
import sys
import time

import numpy as np

import mlx.core as mx

FLOATS = (mx.float32, mx.float16, mx.bfloat16)
TOLERANCE = {mx.float32: 2e-5, mx.float16: 4e-3, mx.bfloat16: 3e-2, mx.float64: 1e-10}


def as_numpy(array):
    mx.eval(array)
    if array.dtype == mx.complex64:
        return np.array(array)
    return np.array(array.astype(mx.float32)) if array.dtype in FLOATS else np.array(array)


def data(shape, dtype=mx.float32, seed=0, scale=1.0):
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * scale
    return mx.array(values).astype(dtype, stream=mx.cpu)


def integers(shape, low, high, dtype=mx.int32, seed=1):
    return mx.array(np.random.default_rng(seed).integers(low, high, shape).astype(np.int64)).astype(
        dtype, stream=mx.cpu
    )


def cases(quick):
    """Name, function of a stream, tolerance or None for equal bits."""
    big = 1 if quick else 16
    unary = "abs exp sin cos tan tanh erf log log1p log2 log10 sqrt rsqrt sigmoid square sign floor ceil round negative"
    for dtype in FLOATS:
        x = data((33, 257 * big), dtype)
        y = data((33, 257 * big), dtype, seed=3)
        positive = mx.abs(x, stream=mx.cpu) + 0.5
        for name in unary.split():
            if not hasattr(mx, name):
                continue
            given = positive if "log" in name or "sqrt" in name else x
            yield (
                f"{name} {dtype}",
                lambda s, n=name, v=given: getattr(mx, n)(v, stream=s),
                TOLERANCE[dtype],
            )
        for name in "add subtract multiply divide maximum minimum power arctan2 logaddexp greater equal".split():
            f = getattr(mx, name)
            yield (
                f"{name} {dtype}",
                lambda s, f=f, a=positive, b=y: f(a, b, stream=s),
                TOLERANCE[dtype],
            )
        yield (
            f"transposed add {dtype}",
            lambda s, a=x: mx.add(a.T, mx.ones((33,), a.dtype), stream=s),
            TOLERANCE[dtype],
        )
        yield (
            f"row broadcast {dtype}",
            lambda s, a=x: mx.multiply(a, a[0], stream=s),
            TOLERANCE[dtype],
        )
        for name in ("sum", "max", "min", "prod", "mean"):
            for axis in (None, 0, 1):
                f = getattr(mx, name)
                given = mx.multiply(x, 0.01, stream=mx.cpu) if name == "prod" else x
                yield (
                    f"{name} axis {axis} {dtype}",
                    lambda s, f=f, v=given, a=axis: f(v, axis=a, stream=s),
                    max(TOLERANCE[dtype], 1e-4),
                )
        for axis in (0, 1):
            yield (
                f"argmax {axis} {dtype}",
                lambda s, v=x, a=axis: mx.argmax(v, axis=a, stream=s),
                None,
            )
            yield (
                f"softmax {axis} {dtype}",
                lambda s, v=x, a=axis: mx.softmax(v, axis=a, stream=s),
                TOLERANCE[dtype],
            )
            yield (
                f"logsumexp {axis} {dtype}",
                lambda s, v=x, a=axis: mx.logsumexp(v, axis=a, stream=s),
                TOLERANCE[dtype],
            )
            yield f"sort {axis} {dtype}", lambda s, v=x, a=axis: mx.sort(v, axis=a, stream=s), None
            yield (
                f"argsort {axis} {dtype}",
                lambda s, v=x, a=axis: mx.argsort(v, axis=a, stream=s),
                None,
            )
            yield (
                f"cumsum {axis} {dtype}",
                lambda s, v=x, a=axis: mx.cumsum(v, axis=a, stream=s),
                10 * TOLERANCE[dtype],
            )
        weight = data((257 * big,), dtype, seed=5)
        yield (
            f"rms_norm {dtype}",
            lambda s, v=x, w=weight: mx.fast.rms_norm(v, w, 1e-5, stream=s),
            TOLERANCE[dtype],
        )
        yield (
            f"layer_norm {dtype}",
            lambda s, v=x, w=weight: mx.fast.layer_norm(v, w, w, 1e-5, stream=s),
            TOLERANCE[dtype],
        )
        r = data((2, 4, 9, 64), dtype)
        yield (
            f"rope {dtype}",
            lambda s, v=r: mx.fast.rope(
                v, 64, traditional=False, base=10000.0, scale=1.0, offset=3, stream=s
            ),
            TOLERANCE[dtype],
        )
        for m, k, n in (
            (1, 64, 100),
            (1, 8192, 70),
            (1, 1000, 300),
            (3, 128, 65),
            (2, 512, 4100),
            (8, 264, 8200),
            (64, 256, 48),
            (130, 70, 40),
        ):
            a, b = data((m, k), dtype), data((k, n), dtype, seed=2)
            # float32 products may use TF32 on the GPU.
            product = 5e-3 if dtype == mx.float32 else 2 * TOLERANCE[dtype]
            yield (
                f"matmul {m}x{k}x{n} {dtype}",
                lambda s, a=a, b=b: mx.matmul(a, b, stream=s),
                product,
            )
            yield (
                f"matmul T {m}x{k}x{n} {dtype}",
                lambda s, a=a, b=b: mx.matmul(a, mx.contiguous(b.T, stream=s).T, stream=s),
                product,
            )
        for bits, group in ((4, 64), (8, 64), (4, 32), (2, 64), (6, 64)):
            for rows, length in ((1, 40), (4, 40), (20, 40), (33, 40), (1, 4100), (8, 4100)):
                w = data((length, 512), dtype, seed=4)
                q = mx.quantize(w, group_size=group, bits=bits, stream=mx.cpu)
                v = data((rows, 512), dtype, seed=6)
                yield (
                    f"quantized {bits} bits {rows}x{length} {dtype}",
                    lambda s, v=v, q=q, g=group, b=bits: mx.quantized_matmul(
                        v, *q, transpose=True, group_size=g, bits=b, stream=s
                    ),
                    5e-3 if dtype == mx.float32 else 6 * TOLERANCE[dtype],
                )
        for lq, lk, d, mask in (
            (1, 300, 64, None),
            (70, 70, 128, "causal"),
            (33, 90, 64, None),
            (5, 40, 80, "causal"),
            (300, 300, 128, "causal"),
            (200, 333, 256, None),
            (130, 130, 96, "causal"),
            (257, 100, 64, "causal"),
            (1, 3000, 128, None),
            (4, 900, 256, "causal"),
        ):
            qkv = [
                data((1, 4 if i == 0 else 2, lq if i == 0 else lk, d), dtype, seed=i)
                for i in range(3)
            ]
            yield (
                f"attention {lq}x{lk}x{d} {mask} {dtype}",
                lambda s, t=qkv, d=d, m=mask: mx.fast.scaled_dot_product_attention(
                    *t, scale=d**-0.5, mask=m, stream=s
                ),
                2 * TOLERANCE[dtype],
            )
    table = data((1000, 64))
    index = integers((300,), 0, 1000)
    yield "take rows", lambda s: mx.take(table, index, axis=0, stream=s), None
    yield "take columns", lambda s: mx.take(table, integers((9,), 0, 64), axis=1, stream=s), None
    long = data((70000 * big,), seed=9)
    yield "sort long", lambda s: mx.sort(long, stream=s), None
    yield "argsort long", lambda s: mx.argsort(long, stream=s), None
    for length in (3000, 8192):
        lines = integers((9, length), -500, 500).astype(mx.float32, stream=mx.cpu)
        yield f"sort {length}", lambda s, v=lines: mx.sort(v, stream=s), None
        yield f"argsort {length}", lambda s, v=lines: mx.argsort(v, stream=s), None
    generator = np.random.default_rng(3)
    whole = generator.integers(-9, 9, 9000) + 1j * generator.integers(-9, 9, 9000)
    points = mx.array(whole.astype(np.complex64))
    yield "sort long complex64", lambda s: mx.sort(points, stream=s), None
    yield "argsort long complex64", lambda s: mx.argsort(points, stream=s), None
    yield "sum of a tape", lambda s: mx.sum(mx.square(long, stream=s), stream=s), 1e-4
    yield "cumsum long", lambda s: mx.cumsum(long, stream=s), 1e-3
    yield "int cumsum long", lambda s: mx.cumsum(integers((100000,), -5, 5), stream=s), None
    yield "arange", lambda s: mx.arange(0, 5000, 3, stream=s), None
    for dtype in (mx.int8, mx.uint16, mx.int32, mx.int64):
        a, b = integers((999,), 1, 100, dtype), integers((999,), 1, 7, dtype, seed=8)
        for name in ("add", "multiply", "floor_divide", "remainder", "bitwise_and", "left_shift"):
            if hasattr(mx, name):
                yield (
                    f"{name} {dtype}",
                    lambda s, n=name, a=a, b=b: getattr(mx, n)(a, b, stream=s),
                    None,
                )
    if hasattr(mx, "random"):
        key = mx.random.key(7)
        yield "random uniform", lambda s: mx.random.uniform(shape=(1000,), key=key, stream=s), 1e-7
        for count in (1 << 20, 100001):
            yield (
                f"random uniform {count}",
                lambda s, n=count: mx.random.uniform(shape=(n,), key=key, stream=s),
                None,
            )
            yield (
                f"random normal {count}",
                lambda s, n=count: mx.random.normal(shape=(n,), key=key, stream=s),
                None,
            )
        yield "random normal", lambda s: mx.random.normal(shape=(1001,), key=key, stream=s), 1e-5


def check(run, tolerance):
    gpu, cpu = run(mx.gpu), run(mx.cpu)
    again = run(mx.gpu)
    if gpu.dtype != cpu.dtype or gpu.shape != cpu.shape:
        return f"{gpu.dtype} {gpu.shape}, expected {cpu.dtype} {cpu.shape}"
    a, b, c = as_numpy(gpu), as_numpy(cpu), as_numpy(again)
    if not np.array_equal(a, c, equal_nan=a.dtype.kind in "fc"):
        return "the second run gave other bits"
    if tolerance is None:
        return None if np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") else "values differ"
    scale = max(1.0, float(np.nanmax(np.abs(b)))) if b.size else 1.0
    error = np.abs(a.astype(np.float64) - b.astype(np.float64))
    error = float(np.nanmax(np.where(np.isfinite(error), error, 0.0))) if b.size else 0.0
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return "NaN in other places"
    return None if error <= tolerance * scale else f"error {error:.3g} for values up to {scale:.3g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="only every so many cases")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    if not mx.is_available(mx.gpu):
        sys.exit("no GPU can be used here")
    lines, failed, total = [], 0, 0
    started = time.time()
    for number, (name, run, tolerance) in enumerate(cases(options.quick)):
        if options.only not in name or number % options.every != 0:
            continue
        total += 1
        try:
            problem = check(run, tolerance)
        except Exception as error:  # a case that raises is a failed case
            problem = f"{type(error).__name__}: {str(error)[:300]}"
        if problem:
            failed += 1
            print(f"FAILED {name}: {problem}", flush=True)
            lines.append(f"| {name} | {problem} |")
    summary = f"{total - failed} passed, {failed} failed of {total} cases in {time.time() - started:.0f} s"
    print(summary)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        device = mx.device_info()["device_name"]
        text = f"# GPU and CPU compared, {device}\n\n{summary}.\n"
        if lines:
            text += "\n| case | problem |\n|---|---|\n" + "\n".join(lines) + "\n"
        options.out.write_text(text)
    sys.exit(1 if failed or total == 0 else 0)


if __name__ == "__main__":
    main()
