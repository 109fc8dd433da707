"""Where a decoding step's time goes: building the graph, scheduling and recording it, waiting for the GPU.

``python bench/gpu/host_cost.py [--bits 4] [--layers 28]``. With the stand-in for a GPU (tests/fake_cuda,
MLX_FAKE_CUDA_DRY=1) it shows the host's share on a machine without a GPU.
"""

import argparse
import dataclasses
import pathlib
import statistics
import sys
import time

import mlx.core as mx

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples"))
import qwen3  # noqa: E402


def microseconds(samples):
    return f"{statistics.median(samples) * 1e6:8.0f} µs"


def decode(model, steps, prompt_length=64):
    """Medians over the steps of one conversation, each step waited for: build, hand over, wait."""
    caches = [qwen3.KVCache() for _ in model.layers]
    token = mx.zeros((1, prompt_length), mx.uint32)
    build, submit, wait, worker = [], [], [], []
    for _ in range(steps):
        cpu = time.process_time() - time.thread_time()
        t0 = time.perf_counter()
        logits = model(token, caches)
        token = mx.argmax(logits[:, -1, :], axis=-1, keepdims=True)
        t1 = time.perf_counter()
        mx.async_eval(token)
        t2 = time.perf_counter()
        mx.eval(token)
        mx.synchronize()
        t3 = time.perf_counter()
        build.append(t1 - t0)
        submit.append(t2 - t1)
        wait.append(t3 - t2)
        worker.append(time.process_time() - time.thread_time() - cpu)
    half = steps // 2
    print(
        f"step by step: build {microseconds(build[half:])}, async_eval {microseconds(submit[half:])}, "
        f"then until done {microseconds(wait[half:])}; other threads' CPU {microseconds(worker[half:])}"
    )
    build, submit, wait = [], [], []
    started = time.perf_counter()
    for _ in range(steps):
        t0 = time.perf_counter()
        logits = model(token, caches)
        token, previous = mx.argmax(logits[:, -1, :], axis=-1, keepdims=True), token
        t1 = time.perf_counter()
        mx.async_eval(token)
        t2 = time.perf_counter()
        previous.tolist()
        build.append(t1 - t0)
        submit.append(t2 - t1)
        wait.append(time.perf_counter() - t2)
    mx.eval(token)
    mx.synchronize()
    each = (time.perf_counter() - started) / steps
    print(
        f"overlapped:   {each * 1e6:8.0f} µs a step, {1 / each:.0f} steps/s: build "
        f"{microseconds(build)}, async_eval {microseconds(submit)}, token before {microseconds(wait)}"
    )


def chain(length=1000):
    x = mx.zeros((4,))
    one = mx.ones((4,))
    mx.eval(x, one)
    build, run = [], []
    for _ in range(20):
        t0 = time.perf_counter()
        y = x
        for _ in range(length):
            y = mx.matmul(y, one) + x  # two kernels: nothing to fuse
        t1 = time.perf_counter()
        mx.eval(y)
        t2 = time.perf_counter()
        build.append((t1 - t0) / (2 * length))
        run.append((t2 - t1) / (2 * length))
    print(
        f"chained tiny ops, nothing fused: build {statistics.median(build) * 1e6:.2f} µs, "
        f"run {statistics.median(run) * 1e6:.2f} µs an op"
    )


def compiled(length=100):
    @mx.compile
    def step(x, one):
        for _ in range(length):
            x = mx.matmul(x, one) + one
        return x

    x, one = mx.zeros((4,)), mx.ones((4,))
    mx.eval(x, one)
    samples = []
    for _ in range(100):
        t0 = time.perf_counter()
        x = step(x, one)
        mx.async_eval(x)
        samples.append(time.perf_counter() - t0)
        mx.eval(x)
    print(f"compiled step of {2 * length} kernels: {microseconds(samples[50:])} on the host")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bits", type=int, choices=(4, 8, 16), default=16)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--steps", type=int, default=60)
    args = parser.parse_args()
    qwen3.SIZES["chosen"] = dataclasses.replace(qwen3.SIZES["0.6b"], num_layers=args.layers)
    model = qwen3.make_model("chosen", args.bits)
    print(f"{args.layers} layers, {args.bits} bits, {mx.default_device()}")
    decode(model, args.steps)
    chain()
    compiled()


if __name__ == "__main__":
    main()
