"""Times ours beside PyTorch on one GPU, with the share of the copy bandwidth measured in the same run.

``python bench/gpu/run.py --out bench/results/h200.md``. The frameworks take turns; a row shows the median of the
rounds. Ours is timed from Python as a user would: build, eval, synchronize; several repeats are queued in one turn so
that the host's latency does not count for large arrays.
"""

import argparse
import pathlib
import statistics
import time

import mlx.core as mx

try:
    import torch
except ImportError:
    torch = None

ROUNDS = 5
GIGA = 268435456  # elements: 1 GB of float32


class Row:
    def __init__(self, name, ours, theirs, amount, unit, repeats=10):
        self.name, self.ours, self.theirs = name, ours, theirs
        self.amount, self.unit, self.repeats = amount, unit, repeats


def time_ours(make, repeats):
    def turn(count):
        started = time.perf_counter()
        results = []
        for _ in range(count):
            results.append(make())
            mx.async_eval(results[-1])
            if len(results) > 2:
                results.pop(0)
        mx.synchronize()
        return (time.perf_counter() - started) / count

    turn(2)
    return turn(repeats)


def time_theirs(make, repeats):
    make()
    torch.cuda.synchronize()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeats):
        make()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3 / repeats


def on_device(array):
    array = mx.multiply(array, 1)  # a copy that lives on the GPU
    mx.eval(array)
    return array


def rows(small):
    n = GIGA // 64 if small else GIGA
    side = 2048 if small else 16384
    key = mx.random.key(0)
    o = {}  # ours, so that arrays can be let go of
    o["x"] = on_device(mx.random.uniform(shape=(n,), key=key))
    o["y"] = on_device(mx.random.uniform(shape=(n,), key=key))
    t = {}
    if torch:
        torch.manual_seed(0)
        t["x"] = torch.rand(n, device="cuda")
        t["y"] = torch.rand(n, device="cuda")

    def pair(ours, theirs):
        return ours, (theirs if torch else None)

    yield Row(
        "copy 1 GB (x * 1)",
        *pair(lambda: mx.multiply(o["x"], 1.5), lambda: t["x"].clone()),
        8 * n,
        "GB/s",
    )
    yield Row(
        "add 268M float32", *pair(lambda: o["x"] + o["y"], lambda: t["x"] + t["y"]), 12 * n, "GB/s"
    )
    yield Row("exp", *pair(lambda: mx.exp(o["x"]), lambda: torch.exp(t["x"])), 8 * n, "GB/s")
    half = 0.5

    def gelu(v):
        return half * v * (1 + mx.erf(v * 0.7071067811865476))

    yield Row(
        "GELU, uncompiled",
        *pair(lambda: gelu(o["x"]), lambda: torch.nn.functional.gelu(t["x"])),
        8 * n,
        "GB/s",
    )
    yield Row(
        "cast to bfloat16",
        *pair(lambda: o["x"].astype(mx.bfloat16), lambda: t["x"].bfloat16()),
        6 * n,
        "GB/s",
    )
    yield Row("sum", *pair(lambda: mx.sum(o["x"]), lambda: t["x"].sum()), 4 * n, "GB/s", 20)
    o.clear()
    t.clear()
    o["m"] = on_device(mx.random.normal((side, side), key=key))
    o["b"] = on_device(o["m"].astype(mx.bfloat16))
    w = on_device(mx.ones((side,), mx.bfloat16))
    cells = side * side
    if torch:
        t["m"] = torch.randn(side, side, device="cuda")
        t["b"] = t["m"].bfloat16()
        t["w"] = torch.ones(side, device="cuda", dtype=torch.bfloat16)
    softmax = torch.softmax if torch else None
    yield Row(
        f"softmax {side}^2 float32",
        *pair(lambda: mx.softmax(o["m"], axis=-1), lambda: softmax(t["m"], -1)),
        8 * cells,
        "GB/s",
    )
    yield Row(
        f"softmax {side}^2 bfloat16",
        *pair(lambda: mx.softmax(o["b"], axis=-1), lambda: softmax(t["b"], -1)),
        4 * cells,
        "GB/s",
    )
    yield Row(
        f"rms_norm {side}^2 bfloat16",
        *pair(
            lambda: mx.fast.rms_norm(o["b"], w, 1e-5),
            lambda: torch.nn.functional.rms_norm(t["b"], (side,), t["w"], 1e-5),
        ),
        4 * cells,
        "GB/s",
    )
    yield Row(
        f"layer_norm {side}^2 bfloat16",
        *pair(
            lambda: mx.fast.layer_norm(o["b"], w, w, 1e-5),
            lambda: torch.nn.functional.layer_norm(t["b"], (side,), t["w"], t["w"], 1e-5),
        ),
        4 * cells,
        "GB/s",
    )
    yield Row(
        f"argmax {side}^2",
        *pair(lambda: mx.argmax(o["m"], axis=-1), lambda: t["m"].argmax(-1)),
        4 * cells,
        "GB/s",
    )
    yield Row(
        f"cumsum {side}^2",
        *pair(lambda: mx.cumsum(o["m"], axis=-1), lambda: t["m"].cumsum(-1)),
        8 * cells,
        "GB/s",
    )
    yield Row(
        f"transposed copy {side}^2",
        *pair(lambda: mx.contiguous(o["m"].T), lambda: t["m"].t().contiguous()),
        8 * cells,
        "GB/s",
    )
    yield Row(
        "random.normal",
        *pair(lambda: mx.random.normal((n,), key=key), lambda: torch.randn(n, device="cuda")),
        4 * n,
        "GB/s",
    )
    o.clear()
    t.clear()
    for size in (1024,) if small else (4096, 8192):
        a = on_device(mx.random.normal((size, size), key=key).astype(mx.bfloat16))
        if torch:
            t["a"] = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
        yield Row(
            f"matmul {size}^3 bfloat16",
            *pair(lambda a=a: a @ a, lambda: t["a"] @ t["a"]),
            2 * size**3,
            "TFLOP/s",
            20,
        )
    size = 1024 if small else 8192
    a = on_device(mx.random.normal((size, size), key=key).astype(mx.bfloat16))
    v = on_device(mx.random.normal((1, size), key=key).astype(mx.bfloat16))
    if torch:
        t["a"] = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
        t["v"] = torch.randn(1, size, device="cuda", dtype=torch.bfloat16)
    yield Row(
        f"gemv {size}^2 bfloat16",
        *pair(lambda: v @ a.T, lambda: t["v"] @ t["a"].t()),
        2 * size * size,
        "GB/s",
        100,
    )
    for bits in (4, 8):
        q = mx.quantize(a, group_size=64, bits=bits)
        mx.eval(q)
        packed = sum(part.nbytes for part in q)
        for count in (1, 4, 64, 512):
            u = on_device(mx.random.normal((count, size), key=key).astype(mx.bfloat16))
            amount, unit = (packed, "GB/s") if count < 64 else (2 * count * size * size, "TFLOP/s")
            yield Row(
                f"quantised {bits} bits, {count} rows, {size}^2",
                lambda q=q, u=u, b=bits: mx.quantized_matmul(
                    u, *q, transpose=True, group_size=64, bits=b
                ),
                None,
                amount,
                unit,
                50,
            )
    count = GIGA // 64 if small else 64 << 20
    s = on_device(mx.random.uniform(shape=(count,), key=key))
    if torch:
        t["s"] = torch.rand(count, device="cuda")
    yield Row(
        f"sort {count >> 20}M",
        *pair(lambda: mx.sort(s), lambda: t["s"].sort()[0]),
        count,
        "Gkeys/s",
        5,
    )
    for length in (256,) if small else (2048, 8192):
        qkv = [
            on_device(mx.random.normal((4, h, length, 128), key=key).astype(mx.bfloat16))
            for h in (32, 8, 8)
        ]
        if torch:
            t["qkv"] = [
                torch.randn(4, h, length, 128, device="cuda", dtype=torch.bfloat16)
                for h in (32, 8, 8)
            ]
        yield Row(
            f"attention causal B4 H32/8 D128 L{length}",
            *pair(
                lambda qkv=qkv: mx.fast.scaled_dot_product_attention(
                    *qkv, scale=128**-0.5, mask="causal"
                ),
                lambda: torch.nn.functional.scaled_dot_product_attention(
                    *t["qkv"], is_causal=True, enable_gqa=True
                ),
            ),
            2 * 4 * 32 * length * length * 128,
            "TFLOP/s",
        )
    keys = 512 if small else 16384
    qkv = [
        on_device(mx.random.normal((8, h, length, 128), key=key).astype(mx.bfloat16))
        for h, length in ((32, 1), (8, keys), (8, keys))
    ]
    if torch:
        t["qkv"] = [
            torch.randn(8, h, length, 128, device="cuda", dtype=torch.bfloat16)
            for h, length in ((32, 1), (8, keys), (8, keys))
        ]
    yield Row(
        f"decode attention B8 H32/8 KV {keys}",
        *pair(
            lambda: mx.fast.scaled_dot_product_attention(*qkv, scale=128**-0.5),
            lambda: torch.nn.functional.scaled_dot_product_attention(*t["qkv"], enable_gqa=True),
        ),
        2 * 8 * 8 * keys * 128 * 2,
        "GB/s",
        50,
    )

    def chain():
        # Inside tanh, so that no rule can merge neighbours; the fuser may still join them.
        z = mx.zeros((4,))
        for i in range(1000):
            z = z + 1 if i % 2 else mx.cumsum(z)
        return z

    def chain_theirs():
        z = torch.zeros(4, device="cuda")
        for i in range(1000):
            z = z + 1 if i % 2 else torch.cumsum(z, 0)

    yield Row("1000 chained tiny ops: µs an op", *pair(chain, chain_theirs), -1, "µs", 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument(
        "--small", action="store_true", help="small arrays: a rehearsal of the script"
    )
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    mx.set_default_device(mx.gpu)
    table, copy_rate = [], None
    for row in rows(options.small):
        if options.only not in row.name:
            continue
        try:
            started = time.perf_counter()
            mx.eval(row.ours())
            mx.synchronize()
            first = time.perf_counter() - started
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(time_ours(row.ours, row.repeats))
                if row.theirs:
                    theirs.append(time_theirs(row.theirs, row.repeats))
        except Exception as error:  # the other rows still count
            table.append(f"| {row.name} | failed: {str(error)[:120]} | | | | | |")
            print(table[-1], flush=True)
            continue
        seconds = statistics.median(ours)
        other = statistics.median(theirs) if theirs else None
        if row.unit == "µs":
            mine, yours, share = f"{seconds * 1e3:.2f}", f"{other * 1e3:.2f}" if other else "", ""
        else:
            scale = {"GB/s": 1e9, "TFLOP/s": 1e12, "Gkeys/s": 1e9}[row.unit]
            rate = row.amount / seconds / scale
            if copy_rate is None:
                copy_rate = max(rate, row.amount / other / scale if other else 0)
            mine = f"{rate:,.0f}" if rate >= 100 else f"{rate:.2f}"
            yours = f"{row.amount / other / scale:,.0f}" if other else ""
            share = f"{100 * rate / copy_rate:.0f} %" if row.unit == "GB/s" and copy_rate else ""
        ratio = f"{other / seconds:.2f}" if other else ""
        table.append(
            f"| {row.name} | {seconds * 1e3:.3f} | {mine} {row.unit} | {yours} | {ratio} | {share} | {first:.2f} |"
        )
        print(table[-1], flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        version = torch.__version__ if torch else "not installed"
        options.out.write_text(
            f"# {mx.device_info()['device_name']}\n\nMedians of {ROUNDS} alternating rounds; PyTorch {version}. "
            "The share is of the copy bandwidth measured in this run; "
            "'first' is the first call with its compilation, in seconds.\n\n"
            "| work | ms | rate | PyTorch's rate | times PyTorch | share of copy | first |\n|---|---|---|---|---|---|---|\n"
            + "\n".join(table)
            + "\n"
        )


if __name__ == "__main__":
    main()
