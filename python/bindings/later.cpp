// The public names whose implementation comes later: each exists, with its signature, and raises
// one uniform error that says so.
#include <string>

#include "bindings.h"
#include "convert.h"

namespace {

/** The object that `exporter` will return. */
struct FunctionExporter {};

struct LaterName {
  const char* name;
  const char* signature;
};

constexpr LaterName kCore[] = {
    {"convolve",
     "def convolve(a: array, v: array, /, mode: str = \"full\", *, stream: "
     "StreamOrDevice = None) -> array"},
    {"conv1d",
     "def conv1d(input: array, weight: array, /, stride: int = 1, padding: int = 0, "
     "dilation: int = 1, groups: int = 1, *, stream: StreamOrDevice = None) -> array"},
    {"conv2d",
     "def conv2d(input: array, weight: array, /, stride: int | tuple[int, int] = 1, "
     "padding: int | tuple[int, int] = 0, dilation: int | tuple[int, int] = 1, "
     "groups: int = 1, *, stream: StreamOrDevice = None) -> array"},
    {"conv3d",
     "def conv3d(input: array, weight: array, /, stride: int | tuple[int, int, int] "
     "= 1, padding: int | tuple[int, int, int] = 0, dilation: int | tuple[int, int, "
     "int] = 1, groups: int = 1, *, stream: StreamOrDevice = None) -> array"},
    {"conv_transpose1d",
     "def conv_transpose1d(input: array, weight: array, /, stride: int = 1, "
     "padding: int = 0, dilation: int = 1, output_padding: int = 0, groups: int = "
     "1, *, stream: StreamOrDevice = None) -> array"},
    {"conv_transpose2d",
     "def conv_transpose2d(input: array, weight: array, /, stride: int | tuple[int, "
     "int] = 1, padding: int | tuple[int, int] = 0, dilation: int | tuple[int, int] "
     "= 1, output_padding: int | tuple[int, int] = 0, groups: int = 1, *, stream: "
     "StreamOrDevice = None) -> array"},
    {"conv_transpose3d",
     "def conv_transpose3d(input: array, weight: array, /, stride: int | tuple[int, "
     "int, int] = 1, padding: int | tuple[int, int, int] = 0, dilation: int | "
     "tuple[int, int, int] = 1, output_padding: int | tuple[int, int, int] = 0, "
     "groups: int = 1, *, stream: StreamOrDevice = None) -> array"},
    {"conv_general",
     "def conv_general(input: array, weight: array, /, stride: int | Sequence[int] "
     "= 1, padding: int | Sequence[int] | tuple[Sequence[int], Sequence[int]] = 0, "
     "kernel_dilation: int | Sequence[int] = 1, input_dilation: int | Sequence[int] "
     "= 1, groups: int = 1, flip: bool = False, *, stream: StreamOrDevice = None) "
     "-> array"},
    {"save_gguf",
     "def save_gguf(file: file | str | pathlib.Path, arrays: dict[str, array], "
     "metadata: dict[str, array | str | list[str]])"},
    {"gather_qmm",
     "def gather_qmm(x: array, w: array, /, scales: array, biases: array | None = "
     "None, lhs_indices: array | None = None, rhs_indices: array | None = None, "
     "transpose: bool = True, group_size: int | None = None, bits: int | None = "
     "None, mode: str = 'affine', global_scale: array | None = None, *, "
     "sorted_indices: bool = False, stream: StreamOrDevice = None) -> array"},
    {"gather_qqmm",
     "def gather_qqmm(x: array, w: array, /, scales: array | None = None, "
     "lhs_indices: array | None = None, rhs_indices: array | None = None, "
     "group_size: int | None = None, bits: int | None = None, mode: str = 'nvfp4', "
     "global_scale_x: array | None = None, global_scale_w: array | None = None, *, "
     "sorted_indices: bool = False, stream: StreamOrDevice = None) -> array"},
    {"segmented_mm",
     "def segmented_mm(a: array, b: array, /, segments: array, *, stream: "
     "StreamOrDevice = None) -> array"},
    {"block_masked_mm",
     "def block_masked_mm(a: array, b: array, /, block_size: int = 64, mask_out: "
     "array | None = None, mask_lhs: array | None = None, mask_rhs: array | None = "
     "None, *, stream: StreamOrDevice = None) -> array"},
    {"gather_mm",
     "def gather_mm(a: array, b: array, /, lhs_indices: array | None = None, "
     "rhs_indices: array | None = None, *, sorted_indices: bool = False, stream: "
     "StreamOrDevice = None) -> array"},
    {"hadamard_transform",
     "def hadamard_transform(a: array, scale: float | None = None, stream: "
     "StreamOrDevice = None) -> array"},
    {"qqmm",
     "def qqmm(x: array, w: array, scales: array | None = None, group_size: int | "
     "None = None, bits: int | None = None, mode: str = 'nvfp4', global_scale_x: "
     "array | None = None, global_scale_w: array | None = None, *, stream: "
     "StreamOrDevice = None) -> array"},
    {"from_fp8",
     "def from_fp8(x: array, dtype: Dtype = bfloat16, *, stream: StreamOrDevice = "
     "None) -> array"},
    {"to_fp8", "def to_fp8(x: array, *, stream: StreamOrDevice = None) -> array"},
    {"export_function",
     "def export_function(file_or_callback: str | Callable, fun: Callable, *args, "
     "shapeless: bool = False, metadata: str | None = None, **kwargs) -> None"},
    {"import_function",
     "def import_function(file: str, return_metadata: bool = False) -> Callable | "
     "tuple[Callable, str]"},
    {"exporter",
     "def exporter(file: str, fun: Callable, *, shapeless: bool = False, metadata: "
     "str | None = None) -> FunctionExporter"},
    {"export_to_dot", "def export_to_dot(file: object, *args, **kwargs) -> None"},
};

constexpr LaterName kFft[] = {
    {"fft",
     "def fft(a: array, n: int | None = None, axis: int = -1, norm: str = "
     "'backward', stream: StreamOrDevice = None) -> array"},
    {"ifft",
     "def ifft(a: array, n: int | None = None, axis: int = -1, norm: str = "
     "'backward', stream: StreamOrDevice = None) -> array"},
    {"fft2",
     "def fft2(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = [-2, -1], norm: str = 'backward', stream: StreamOrDevice = None) -> "
     "array"},
    {"ifft2",
     "def ifft2(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = [-2, -1], norm: str = 'backward', stream: StreamOrDevice = None) -> "
     "array"},
    {"fftn",
     "def fftn(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = None, norm: str = 'backward', stream: StreamOrDevice = None) -> array"},
    {"ifftn",
     "def ifftn(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = None, norm: str = 'backward', stream: StreamOrDevice = None) -> array"},
    {"rfft",
     "def rfft(a: array, n: int | None = None, axis: int = -1, norm: str = "
     "'backward', stream: StreamOrDevice = None) -> array"},
    {"irfft",
     "def irfft(a: array, n: int | None = None, axis: int = -1, norm: str = "
     "'backward', stream: StreamOrDevice = None) -> array"},
    {"rfft2",
     "def rfft2(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = [-2, -1], norm: str = 'backward', stream: StreamOrDevice = None) -> "
     "array"},
    {"irfft2",
     "def irfft2(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = [-2, -1], norm: str = 'backward', stream: StreamOrDevice = None) -> "
     "array"},
    {"rfftn",
     "def rfftn(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = None, norm: str = 'backward', stream: StreamOrDevice = None) -> array"},
    {"irfftn",
     "def irfftn(a: array, s: tuple[int, ...] | None = None, axes: Sequence[int] | "
     "None = None, norm: str = 'backward', stream: StreamOrDevice = None) -> array"},
    {"fftfreq", "def fftfreq(n: int, d: float = 1.0, stream: StreamOrDevice = None) -> array"},
    {"rfftfreq", "def rfftfreq(n: int, d: float = 1.0, stream: StreamOrDevice = None) -> array"},
    {"fftshift",
     "def fftshift(a: array, axes: int | Sequence[int] | None = None, stream: "
     "StreamOrDevice = None) -> array"},
    {"ifftshift",
     "def ifftshift(a: array, axes: int | Sequence[int] | None = None, stream: "
     "StreamOrDevice = None) -> array"},
    {"stft",
     "def stft(x: array, n_fft: int = 2048, hop_length: int | None = None, "
     "win_length: int | None = None, window: array | None = None, center: bool = "
     "True, pad_mode: str = 'reflect', norm: str = 'backward', onesided: bool | "
     "None = None, stream: StreamOrDevice = None) -> array"},
    {"istft",
     "def istft(stft_matrix: array, n_fft: int | None = None, hop_length: int | "
     "None = None, win_length: int | None = None, window: array | None = None, "
     "center: bool = True, norm: str = 'backward', onesided: bool | None = None, "
     "length: int | None = None, stream: StreamOrDevice = None) -> array"},
};

constexpr LaterName kLinalg[] = {
    {"norm",
     "def norm(a: array, /, ord: None | int | float | str = None, axis: None | int "
     "| list[int] = None, keepdims: bool = False, *, stream: StreamOrDevice = None) "
     "-> array"},
    {"qr", "def qr(a: array, *, stream: StreamOrDevice = None) -> tuple[array, array]"},
    {"svd",
     "def svd(a: array, compute_uv: bool = True, *, stream: StreamOrDevice = None) "
     "-> tuple[array, array, array]"},
    {"inv", "def inv(a: array, *, stream: StreamOrDevice = None) -> array"},
    {"tri_inv",
     "def tri_inv(a: array, upper: bool = False, *, stream: StreamOrDevice = None) "
     "-> array"},
    {"cholesky",
     "def cholesky(a: array, upper: bool = False, *, stream: StreamOrDevice = None) "
     "-> array"},
    {"cholesky_inv",
     "def cholesky_inv(a: array, upper: bool = False, *, stream: StreamOrDevice = "
     "None) -> array"},
    {"pinv", "def pinv(a: array, *, stream: StreamOrDevice = None) -> array"},
    {"cross",
     "def cross(a: array, b: array, axis: int = -1, *, stream: StreamOrDevice = "
     "None) -> array"},
    {"eigvals", "def eigvals(a: array, *, stream: StreamOrDevice = None) -> array"},
    {"eig", "def eig(a: array, *, stream: StreamOrDevice = None) -> tuple[array, array]"},
    {"eigvalsh",
     "def eigvalsh(a: array, UPLO: str = 'L', *, stream: StreamOrDevice = None) -> "
     "array"},
    {"eigh",
     "def eigh(a: array, UPLO: str = 'L', *, stream: StreamOrDevice = None) -> "
     "tuple[array, array]"},
    {"lu",
     "def lu(a: array, *, stream: StreamOrDevice = None) -> tuple[array, array, "
     "array]"},
    {"lu_factor",
     "def lu_factor(a: array, *, stream: StreamOrDevice = None) -> tuple[array, "
     "array]"},
    {"solve", "def solve(a: array, b: array, *, stream: StreamOrDevice = None) -> array"},
    {"solve_triangular",
     "def solve_triangular(a: array, b: array, *, upper: bool = False, stream: "
     "StreamOrDevice = None) -> array"},
    {"det", "def det(a: array, *, stream: StreamOrDevice = None) -> array"},
    {"slogdet", "def slogdet(a: array, *, stream: StreamOrDevice = None) -> tuple[array, array]"},
};

constexpr LaterName kFast[] = {
    {"gated_delta_update",
     "def gated_delta_update(q: array, k: array, v: array, gamma: array, beta: "
     "array, initial_state: array | None = None, mask: array | None = None, stream: "
     "StreamOrDevice = None) -> list[array]"},
    {"metal_kernel",
     "def metal_kernel(name: str, input_names: Sequence[str], output_names: "
     "Sequence[str], source: str, header: str = '', ensure_row_contiguous: bool = "
     "True, atomic_outputs: bool = False, compile_options: object | None = None) -> "
     "object"},
    {"cuda_kernel",
     "def cuda_kernel(name: str, input_names: Sequence[str], output_names: "
     "Sequence[str], source: str, header: str = '', ensure_row_contiguous: bool = "
     "True, shared_memory: int = 0) -> object"},
    {"precompiled_cuda_kernel",
     "def precompiled_cuda_kernel(*, name: str, compiled_source: bytes, inputs: "
     "Sequence[scalar | array], output_shapes: Sequence[tuple[int, ...]], "
     "output_dtypes: Sequence[Dtype], scalars: Sequence[object], grid: tuple[int, "
     "int, int], threadgroup: tuple[int, int, int], shared_memory: int = 0, "
     "init_value: float | None = None, ensure_row_contiguous: bool = False, stream: "
     "StreamOrDevice = None) -> list[array]"},
};

[[noreturn]] void raise_later(const std::string& name) {
  throw std::runtime_error("[" + name + "] is not available in this version of mlx-compute yet.");
}

template <size_t N>
void bind_names(nb::module_& m, const std::string& prefix, const LaterName (&names)[N]) {
  for (const auto& later : names) {
    std::string full_name = prefix + later.name;
    m.def(
        later.name,
        [full_name](const nb::args&, const nb::kwargs&) -> nb::object { raise_later(full_name); },
        "args"_a, "kwargs"_a, nb::sig(later.signature),
        "Not implemented yet: raises RuntimeError.");
  }
}

}  // namespace

void bind_later(nb::module_& m, nb::module_& fast) {
  bind_names(m, "", kCore);
  nb::class_<FunctionExporter>(m, "FunctionExporter", "Not implemented yet.")
      .def("close", [](FunctionExporter&) { raise_later("exporter"); })
      .def("__enter__", [](FunctionExporter&) { raise_later("exporter"); })
      .def("__exit__", [](FunctionExporter&, const nb::args&) { raise_later("exporter"); })
      .def("__call__",
           [](FunctionExporter&, const nb::args&, const nb::kwargs&) { raise_later("exporter"); });
  nb::module_ fft = m.def_submodule("fft", "Fast Fourier transforms: not implemented yet.");
  bind_names(fft, "fft.", kFft);
  nb::module_ linalg = m.def_submodule("linalg", "Linear algebra: not implemented yet.");
  bind_names(linalg, "linalg.", kLinalg);
  m.attr("matrix_norm") = linalg.attr("norm");
  bind_names(fast, "fast.", kFast);
}
