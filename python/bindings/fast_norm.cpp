// The module mlx.core.fast: normalisation, rotary position encoding, cross entropy.
#include <nanobind/stl/variant.h>

#include "bindings.h"
#include "convert.h"
#include "mlx/fast.h"
#include "quick.h"

namespace {

nb::object quick_rms_norm(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const Parameters<4> parameters({"x", "weight", "eps", "stream"}, 3);
  Arguments<4> given;
  if (!parameters.read(args, count, keywords, given)) return {};
  auto [x, weight, eps, stream] = given;
  if (x == nullptr || weight == nullptr || !is_missing(stream)) return {};
  const mx::array* input = as_array(nb::handle(x));
  std::optional<mx::array> factor;
  float epsilon = 0.0f;
  if (input == nullptr || !read_optional(weight, factor) || !read_float(eps, epsilon)) return {};
  return wrap_array(mx::fast::rms_norm(*input, factor, epsilon));
}

nb::object quick_rope(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const Parameters<8> parameters(
      {"a", "dims", "traditional", "base", "scale", "offset", "freqs", "stream"}, 2);
  Arguments<8> given;
  if (!parameters.read(args, count, keywords, given)) return {};
  auto [a, dims, traditional, base, scale, offset, freqs, stream] = given;
  if (a == nullptr || !is_missing(freqs) || !is_missing(stream)) return {};
  const mx::array* input = as_array(nb::handle(a));
  int length = 0, position = 0;
  float frequency = 0.0f, factor = 0.0f;
  bool plain = input != nullptr && read_small_int(dims, length) && read_float(base, frequency) &&
               read_float(scale, factor) && read_small_int(offset, position) &&
               (traditional == Py_True || traditional == Py_False);
  if (!plain) return {};
  return wrap_array(
      mx::fast::rope(*input, length, traditional == Py_True, frequency, factor, position));
}

}  // namespace

void bind_fast_norm(nb::module_& fast) {
  using OptionalArray = std::optional<mx::array>;
  fast.def(
      "rms_norm",
      [](const mx::array& x, const OptionalArray& weight, float eps, mx::StreamOrDevice s) {
        return mx::fast::rms_norm(x, weight, eps, s);
      },
      "x"_a, "weight"_a.none(), "eps"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def rms_norm(x: array, weight: array | None, eps: float, *, stream: StreamOrDevice "
              "= None) -> array"),
      "x / sqrt(mean(x**2) + eps) over the last axis, times `weight` if given.");
  fast.def(
      "layer_norm",
      [](const mx::array& x, const OptionalArray& weight, const OptionalArray& bias, float eps,
         mx::StreamOrDevice s) { return mx::fast::layer_norm(x, weight, bias, eps, s); },
      "x"_a, "weight"_a.none(), "bias"_a.none(), "eps"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def layer_norm(x: array, weight: array | None, bias: array | None, eps: float, *, "
              "stream: StreamOrDevice = None) -> array"),
      "(x - mean) / sqrt(variance + eps) over the last axis, times `weight`, plus `bias`.");
  fast.def(
      "cross_entropy",
      [](const mx::array& logits, const mx::array& targets, mx::StreamOrDevice s) {
        return mx::fast::cross_entropy(logits, targets, s);
      },
      "logits"_a, "targets"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def cross_entropy(logits: array, targets: array, *, stream: StreamOrDevice = None) "
              "-> array"),
      "logsumexp(logits) - logits[..., target] over the last axis, in float32. A target outside "
      "the\n"
      "classes counts as the nearest one; negative ones count from the end.");
  fast.def(
      "rope",
      [](const mx::array& a, int dims, bool traditional, std::optional<float> base, float scale,
         const std::variant<int, mx::array>& offset, const OptionalArray& freqs,
         mx::StreamOrDevice s) {
        if (auto* position = std::get_if<int>(&offset)) {
          return mx::fast::rope(a, dims, traditional, base, scale, *position, freqs, s);
        }
        return mx::fast::rope(a, dims, traditional, base, scale, std::get<mx::array>(offset), freqs,
                              s);
      },
      "a"_a, "dims"_a, nb::kw_only(), "traditional"_a, "base"_a.none(), "scale"_a, "offset"_a,
      "freqs"_a = nb::none(), "stream"_a = nb::none(),
      nb::sig("def rope(a: array, dims: int, *, traditional: bool, base: float | None, scale: "
              "float, offset: int | array, freqs: array | None = None, stream: StreamOrDevice = "
              "None) -> array"),
      "Rotary position encoding of an array of shape (batch, ..., positions, features): rotates "
      "the\n"
      "first `dims` features by angles that grow with the position, counted from `offset` (one, "
      "or\n"
      "one for each batch). Feature pairs are neighbours if `traditional`, else half of `dims` "
      "apart.\n"
      "The angles at position 1 are base**(-2 i / dims), or 1 / freqs.");
  quicken<quick_rms_norm>(fast.attr("rms_norm"));
  quicken<quick_rope>(fast.attr("rope"));
}
