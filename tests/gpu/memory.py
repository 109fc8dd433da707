"""Memory of the GPU: running out of it, the memory functions, sharing with PyTorch, errors that must not hang.

``python tests/gpu/memory.py`` runs on a GPU, or on the stand-in (tests/fake_cuda); PyTorch's part needs PyTorch with
CUDA. It prints a line per check and exits with an error when one fails.
"""

import sys
import time

import mlx.core as mx

try:
    import torch

    has_torch = torch.cuda.is_available()
except ImportError:
    has_torch = False

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def on_gpu(shape, value=1.0, dtype=mx.float32):
    """An array that the GPU has computed."""
    array = mx.full(shape, value, dtype=dtype, stream=mx.gpu) + mx.array(0, dtype=dtype)
    mx.eval(array)
    return array


def total_memory():
    return mx.device_info(mx.gpu)["total_memory"]


def is_real():
    return "Fake" not in mx.device_info(mx.gpu)["device_name"]


@check
def out_of_memory_raises_and_the_next_op_works():
    kept = on_gpu((1000,), 3.0)
    rows = total_memory() // 4 // (4 << 10)  # of 1024 elements: a quarter of the memory
    blocks = []
    try:
        for _ in range(6):
            # Cached blocks of another size are in the way and have to be given back.
            rows -= 1 << 10
            block = mx.zeros((rows, 1 << 10), stream=mx.gpu)
            mx.eval(block)
            blocks.append(block)
    except RuntimeError as error:
        assert "Unable to allocate" in str(error), error
    else:
        raise AssertionError("six quarters of the memory were allocated")
    assert len(blocks) >= 2, len(blocks)
    assert mx.sum(kept).item() == 3000
    count = len(blocks)
    del blocks[:], block
    again = [mx.zeros((rows - (i << 8), 1 << 10), stream=mx.gpu) for i in range(count)]
    mx.eval(again)  # fits only when the cached blocks are given back
    assert again[0][0, 0].item() == 0
    del again
    mx.clear_cache()


@check
def an_array_larger_than_the_gpu_raises():
    try:
        mx.eval(mx.zeros((total_memory() // (4 << 10) + 4, 1 << 10), stream=mx.gpu))
    except RuntimeError as error:
        assert "Unable to allocate" in str(error), error
    else:
        raise AssertionError("no error")
    assert mx.sum(on_gpu((10,))).item() == 10


@check
def memory_functions_count_the_gpu():
    mx.synchronize()
    mx.clear_cache()
    assert mx.get_cache_memory() == 0, mx.get_cache_memory()
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    big = on_gpu((1 << 22,))
    grown = mx.get_active_memory() - before
    assert 1 << 24 <= grown < 1 << 25, grown
    assert mx.get_peak_memory() >= before + (1 << 24)
    del big
    assert mx.get_active_memory() <= before + 4096
    cached = mx.get_cache_memory()
    assert cached >= 1 << 24, cached
    mx.clear_cache()
    assert mx.get_cache_memory() == 0, mx.get_cache_memory()
    assert mx.get_peak_memory() >= before + (1 << 24)


@check
def the_cache_limit_holds_for_the_gpu():
    mx.clear_cache()
    previous = mx.set_cache_limit(1 << 20)
    try:
        for size in (1 << 21, 1 << 20, 1 << 19, 1 << 10):
            big = on_gpu((size,))
            mx.synchronize()
            del big
        mx.synchronize()
        on_gpu((10,))
        mx.synchronize()
        assert mx.get_cache_memory() <= 1 << 20, mx.get_cache_memory()
    finally:
        mx.set_cache_limit(previous)


@check
def a_steady_loop_allocates_nothing_new():
    x = on_gpu((1 << 16,))
    for _ in range(5):
        x = mx.exp(x * 0.5).sum() + x
        mx.eval(x)
    held = mx.get_active_memory() + mx.get_cache_memory()
    for _ in range(50):
        x = mx.exp(x * 0.0).sum() * 0 + x
        mx.eval(x)
    now = mx.get_active_memory() + mx.get_cache_memory()
    assert now <= held + (1 << 20), (held, now)


@check
def arrays_go_to_pytorch_and_back_without_a_copy():
    if not has_torch:
        return "skipped: no PyTorch with CUDA"
    ours = on_gpu((256, 64), 2.0)
    assert ours.__dlpack_device__()[0] == 2
    theirs = torch.from_dlpack(ours)
    assert theirs.is_cuda and theirs.shape == (256, 64) and float(theirs.sum()) == 2 * 256 * 64
    theirs.add_(1)  # the same memory
    torch.cuda.synchronize()
    assert mx.sum(ours).item() == 3 * 256 * 64
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool):
        source = (torch.arange(120, device="cuda") % 2).to(dtype).reshape(2, 60).T
        taken = mx.from_dlpack(source) if hasattr(mx, "from_dlpack") else mx.array(source)
        assert taken.shape == (60, 2), taken.shape
        assert mx.sum(taken.astype(mx.float32)).item() == 60
    source = torch.ones(1 << 20, device="cuda")
    torch.cuda.synchronize()
    active = mx.get_active_memory()
    view = mx.from_dlpack(source) if hasattr(mx, "from_dlpack") else mx.array(source)
    mx.eval(view)
    assert mx.get_active_memory() - active < 1 << 20, "the tensor was copied"
    pointer = torch.from_dlpack(view).data_ptr()
    assert pointer == source.data_ptr(), "not the same memory"
    del source
    assert mx.sum(view).item() == 1 << 20
    back = torch.from_dlpack(view * 2)
    del view
    assert float(back.sum()) == 2 << 20
    return None


@check
def numpy_and_the_cpu_read_gpu_arrays():
    import numpy as np

    x = on_gpu((5, 7), 1.5)
    assert np.array(x).sum() == 1.5 * 35
    assert mx.sum(x, stream=mx.cpu).item() == 1.5 * 35
    y = mx.add(x, 1, stream=mx.cpu)
    assert mx.sum(mx.multiply(y, 2, stream=mx.gpu)).item() == 5 * 35


def main():
    if not mx.is_available(mx.gpu):
        sys.exit("no GPU can be used here")
    failed = 0
    for function in CHECKS:
        started = time.time()
        name = function.__name__.replace("_", " ")
        print(f"... {name}", flush=True)
        try:
            note = function() or "ok"
        except Exception as error:  # the others still run
            note = f"FAILED: {type(error).__name__}: {error}"
            failed += 1
        print(f"    {note} ({time.time() - started:.2f} s)", flush=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} memory checks passed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
