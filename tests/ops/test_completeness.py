"""Every public function of mlx.core stands in the op table, or here with the reason why not."""

import re

from .cases import CASES

# Functions that are tested elsewhere, or exist only to raise (see tests/errors).
ELSEWHERE = {
    "process state": {
        "set_default_device", "set_default_stream", "default_stream", "device_count", "device_info",
        "new_thread_local_stream", "new_thread_unsafe_stream", "clear_streams", "get_cache_memory",
        "get_memory_limit", "set_memory_limit", "set_cache_limit", "set_wired_limit", "disable_compile",
        "enable_compile", "get_printoptions", "set_printoptions", "get_array_buffer_size", "compile",
    },
    "exists and raises": {
        "convolve", "conv1d", "conv2d", "conv3d", "conv_general", "conv_transpose1d", "conv_transpose2d",
        "conv_transpose3d", "export_function", "import_function", "exporter", "export_to_dot", "save_gguf",
        "qqmm", "gather_qmm", "gather_qqmm", "gather_mm", "block_masked_mm", "segmented_mm",
        "hadamard_transform", "to_fp8", "from_fp8", "fast.metal_kernel", "fast.cuda_kernel",
        "fast.precompiled_cuda_kernel", "fast.gated_delta_update", "matrix_norm",
    },
}  # fmt: skip


def public_functions(mx):
    names = [n for n in dir(mx) if not n.startswith("_")]
    names += [f"fast.{n}" for n in dir(mx.fast) if not n.startswith("_")]
    names += [f"random.{n}" for n in dir(mx.random) if not n.startswith("_")]
    for name in names:
        value = mx
        for part in name.split("."):
            value = getattr(value, part)
        if callable(value) and not isinstance(value, type) and not isinstance(value, mx.Dtype):
            yield name


def test_every_function_has_a_row(mx):
    used = set()
    for case in CASES:
        used |= set(re.findall(r"mx\.((?:fast\.|random\.)?\w+)", case.text))
    exempt = set().union(*ELSEWHERE.values())
    missing = sorted(set(public_functions(mx)) - used - exempt)
    assert not missing, f"no row in tests/ops/cases for: {', '.join(missing)}"
