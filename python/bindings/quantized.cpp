// Quantised matrices.
#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"
#include "quick.h"

namespace {

using OptionalArray = std::optional<mx::array>;
using OptionalInt = std::optional<int>;

std::vector<mx::array> quantize(const mx::array& w, OptionalInt group_size, OptionalInt bits,
                                const std::string& mode, const OptionalArray& global_scale,
                                mx::StreamOrDevice s) {
  return mx::quantize(w, group_size, bits, mode, global_scale, s);
}

nb::object quick_quantized_matmul(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const Parameters<9> parameters(
      {"x", "w", "scales", "biases", "transpose", "group_size", "bits", "mode", "stream"}, 8, 2);
  Arguments<9> given;
  if (!parameters.read(args, count, keywords, given)) return {};
  auto [x, w, scales, biases, transpose, group_size, bits, mode, stream] = given;
  if (x == nullptr || w == nullptr || scales == nullptr || !is_missing(stream)) return {};
  const mx::array* input = as_array(nb::handle(x));
  const mx::array* codes = as_array(nb::handle(w));
  const mx::array* factors = as_array(nb::handle(scales));
  OptionalArray offsets;
  int group = 0, width = 0;
  bool plain = input != nullptr && codes != nullptr && factors != nullptr &&
               read_optional(biases, offsets) && read_small_int(group_size, group) &&
               read_small_int(bits, width) && mode != nullptr && PyUnicode_CheckExact(mode) &&
               (transpose == nullptr || PyBool_Check(transpose));
  if (!plain) return {};
  Py_ssize_t length = 0;
  const char* name = PyUnicode_AsUTF8AndSize(mode, &length);
  if (name == nullptr) throw nb::python_error();
  return wrap_array(mx::quantized_matmul(*input, *codes, *factors, offsets, transpose != Py_False,
                                         group, width,
                                         std::string(name, static_cast<size_t>(length))));
}

}  // namespace

void bind_quantized(nb::module_& m) {
  m.def(
      "quantize", &quantize, nb::arg(), "group_size"_a = nb::none(), "bits"_a = nb::none(),
      "mode"_a = "affine", nb::kw_only(), "global_scale"_a = nb::none(), "stream"_a = nb::none(),
      nb::sig("def quantize(w: array, /, group_size: int | None = None, bits: int | None = "
              "None, mode: str = 'affine', *, global_scale: array | None = None, stream: "
              "StreamOrDevice = None) -> tuple[array, array, array]"),
      "Packs the last axis of a matrix into codes of a few bits. In mode ``affine`` each group of "
      "``group_size`` (32, 64 or 128) values shares a scale and a bias, and ``value = scale * code "
      "+ bias``; returns the packed codes, the scales and the biases.");
  m.def(
      "dequantize",
      [](const mx::array& w, const mx::array& scales, const OptionalArray& biases,
         OptionalInt group_size, OptionalInt bits, const std::string& mode,
         const OptionalArray& global_scale, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return mx::dequantize(w, scales, biases, group_size, bits, mode, global_scale, dtype, s);
      },
      nb::arg(), "scales"_a, "biases"_a = nb::none(), "group_size"_a = nb::none(),
      "bits"_a = nb::none(), "mode"_a = "affine", "global_scale"_a = nb::none(),
      "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def dequantize(w: array, /, scales: array, biases: array | None = None, "
              "group_size: int | None = None, bits: int | None = None, mode: str = 'affine', "
              "global_scale: array | None = None, dtype: Dtype | None = None, *, stream: "
              "StreamOrDevice = None) -> array"),
      "The values that :func:`quantize` packed, in ``dtype`` or that of the scales.");
  m.def(
      "quantized_matmul",
      [](const mx::array& x, const mx::array& w, const mx::array& scales,
         const OptionalArray& biases, bool transpose, OptionalInt group_size, OptionalInt bits,
         const std::string& mode, mx::StreamOrDevice s) {
        return mx::quantized_matmul(x, w, scales, biases, transpose, group_size, bits, mode, s);
      },
      nb::arg(), nb::arg(), "scales"_a, "biases"_a = nb::none(), "transpose"_a = true,
      "group_size"_a = nb::none(), "bits"_a = nb::none(), "mode"_a = "affine", nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def quantized_matmul(x: array, w: array, /, scales: array, biases: array | None "
              "= None, transpose: bool = True, group_size: int | None = None, bits: int | None "
              "= None, mode: str = 'affine', *, stream: StreamOrDevice = None) -> array"),
      "Multiplies ``x`` by a quantised matrix, transposed (``x @ w.T``) unless told otherwise, "
      "without expanding it in memory.");
  quicken<quick_quantized_matmul>(m.attr("quantized_matmul"));
}
