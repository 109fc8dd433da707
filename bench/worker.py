"""Runs benchmark programs in one framework; driven by run.py over pickled messages on stdin and stdout."""

import pathlib
import pickle
import struct
import sys
import time

import numpy as np

SLOW_SECONDS = 2


def waited_seconds():
    """How long the threads of this process have stood ready in line for a processor (0 if unknown)."""
    total = 0
    for path in pathlib.Path("/proc/self/task").glob("*/schedstat"):
        try:
            total += int(path.read_text().split()[1])
        except (OSError, IndexError):
            pass
    return total * 1e-9


def make_input(spec):
    """The same NumPy array in every worker."""
    kind, shape, dtype = spec[:3]
    rng = np.random.default_rng(sum(shape) + len(kind))
    if kind == "normal":
        return rng.standard_normal(shape, dtype=np.float32), dtype
    if kind == "uniform":
        return rng.random(shape, dtype=np.float32), dtype
    return rng.integers(0, spec[3], shape).astype(dtype), dtype


class Mlx:
    def __init__(self):
        import mlx.core as mx

        self.scope = {"mx": mx, "np": np}
        self.mx = mx

    def array(self, values, dtype):
        array = self.mx.array(values).astype(getattr(self.mx, dtype))
        self.mx.eval(array)
        return array

    def variants(self, case):
        return {"": case.mlx} if case.mlx else {}

    def setup(self, case):
        exec(case.setup_mlx, self.scope)

    def call(self, code):
        mx, scope = self.mx, self.scope

        def run():
            result = eval(code, scope)
            mx.eval(result)
            return result

        return run

    def value(self, result):
        return np.array(result.astype(self.mx.float32))

    def prepare_out(self, case, result):
        pass


class Torch:
    def __init__(self):
        import torch

        torch.set_grad_enabled(False)
        self.torch = torch
        self.scope = {"torch": torch, "F": torch.nn.functional, "np": np}

    def array(self, values, dtype):
        tensor = self.torch.from_numpy(values).to(getattr(self.torch, dtype))
        return tensor.clone()

    def variants(self, case):
        found = {"": case.torch, "out": case.torch_out}
        return {k: v for k, v in found.items() if v}

    def setup(self, case):
        exec(case.setup_torch, self.scope)

    def prepare_out(self, case, result):
        if case.torch_out and case.torch:
            self.scope["out"] = result.clone()

    def call(self, code):
        scope = self.scope
        return lambda: eval(code, scope)

    def value(self, result):
        return result.float().numpy()


class Numpy:
    def __init__(self):
        self.scope = {"np": np}

    def array(self, values, dtype):
        return (
            values.copy()
            if dtype == "float32" or values.dtype.kind != "f"
            else values.astype(dtype)
        )

    def variants(self, case):
        found = {"": case.numpy, "out": case.numpy_out}
        return {k: v for k, v in found.items() if v}

    def setup(self, case):
        pass

    def prepare_out(self, case, result):
        if case.numpy_out and case.numpy:
            self.scope["out"] = result.copy()

    def call(self, code):
        scope = self.scope
        return lambda: eval(code, scope)

    def value(self, result):
        return np.asarray(result)


class Server:
    def __init__(self, framework):
        self.framework = {"mlx": Mlx, "torch": Torch, "numpy": Numpy}[framework]()
        self.calls = {}

    def prepare(self, case):
        """Makes inputs and warms up; answers the seconds of each variant there is.

        A program of seconds runs just once here, and its variants are left out.
        """
        f = self.framework
        self.calls, self.first_result = {}, None
        variants = f.variants(case)
        if not variants:
            return {}
        for name, spec in case.inputs.items():
            f.scope[name] = f.array(*make_input(spec))
        f.setup(case)
        answer = {}
        for variant, text in variants.items():
            call = f.call(compile(text, case.name, "eval"))
            start = time.perf_counter()
            result = call()
            first = time.perf_counter() - start
            if self.first_result is None:
                self.first_result = result
                f.prepare_out(case, result)
            if first < 0.5:  # warm caches, memory and thread pools
                call()
                answer[variant] = min(self.times(call, 2))
            else:
                answer[variant] = first
            self.calls[variant] = call
            if first > SLOW_SECONDS:
                break
        return answer

    def sample(self, case):
        """At most 4096 evenly spaced values of the first result, and its size."""
        f = self.framework
        result = self.first_result
        if isinstance(result, (tuple, list)):
            result = result[0]
        flat = f.value(result).ravel()
        return flat.size, flat[:: max(1, flat.size // 4096)].astype(np.float64)

    def times(self, call, repeats):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return times

    def measure(self, variant, repeats):
        """The seconds of each call, and for how much of their sum a thread waited for a processor."""
        waited = waited_seconds()
        times = self.times(self.calls[variant], repeats)
        return times, (waited_seconds() - waited) / sum(times)

    def release(self):
        self.calls, self.first_result = {}, None
        f = self.framework
        for name in [n for n in f.scope if n not in ("mx", "np", "torch", "F", "__builtins__")]:
            del f.scope[name]


def main():
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    server = Server(sys.argv[1])
    while header := stdin.read(8):
        method, *arguments = pickle.loads(stdin.read(struct.unpack("<q", header)[0]))
        try:
            answer = ("ok", getattr(server, method)(*arguments))
        except Exception as error:
            answer = ("error", f"{type(error).__name__}: {error}")
        data = pickle.dumps(answer)
        stdout.write(struct.pack("<q", len(data)) + data)
        stdout.flush()


if __name__ == "__main__":
    main()
