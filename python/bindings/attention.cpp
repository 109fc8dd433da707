// Fused attention.
#include "mlx/ops/attention.h"

#include <nanobind/stl/variant.h>

#include "bindings.h"
#include "convert.h"
#include "quick.h"

namespace {

using MaskArg = std::variant<std::string, mx::array>;

mx::array attention(const mx::array& q, const mx::array& k, const mx::array& v, float scale,
                    const std::optional<MaskArg>& mask, const std::optional<mx::array>& sinks,
                    bool force_fused, mx::StreamOrDevice s) {
  std::string mode;
  std::optional<mx::array> mask_array;
  if (mask) {
    if (auto* name = std::get_if<std::string>(&*mask)) {
      if (*name != "causal") {
        throw std::invalid_argument("[scaled_dot_product_attention] invalid mask option '" + *name +
                                    "': expected 'causal' or an array.");
      }
      mode = *name;
    } else {
      mode = "array";
      mask_array = std::get<mx::array>(*mask);
    }
  }
  return mx::fast::scaled_dot_product_attention(q, k, v, scale, mode, mask_array, sinks,
                                                force_fused, s);
}

/** A call without a mask. */
nb::object quick_attention(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  static const Parameters<8> parameters(
      {"q", "k", "v", "scale", "mask", "sinks", "force_fused", "stream"}, 3);
  Arguments<8> given;
  if (!parameters.read(args, count, keywords, given)) return {};
  auto [q, k, v, scale, mask, sinks, force_fused, stream] = given;
  bool plain = q != nullptr && k != nullptr && v != nullptr && is_missing(mask) &&
               is_missing(sinks) && force_fused == nullptr && is_missing(stream);
  if (!plain) return {};
  const mx::array* queries = as_array(nb::handle(q));
  const mx::array* keys = as_array(nb::handle(k));
  const mx::array* values = as_array(nb::handle(v));
  float factor = 0.0f;
  if (!queries || !keys || !values || !read_float(scale, factor)) return {};
  return wrap_array(mx::fast::scaled_dot_product_attention(*queries, *keys, *values, factor));
}

}  // namespace

void bind_attention(nb::module_& m) {
  nb::module_ fast = m.def_submodule("fast");
  fast.def(
      "scaled_dot_product_attention", &attention, "q"_a, "k"_a, "v"_a, nb::kw_only(), "scale"_a,
      "mask"_a = nb::none(), "sinks"_a = nb::none(), "force_fused"_a = false,
      "stream"_a = nb::none(),
      nb::sig("def scaled_dot_product_attention(q: array, k: array, v: array, *, scale: float, "
              "mask: None | str | array = None, sinks: array | None = None, force_fused: bool = "
              "False, stream: StreamOrDevice = None) -> array"),
      "Attention, ``softmax(scale * q @ k.T + mask) @ v`` for each head, without ever holding all "
      "scores.\n\n"
      "``q`` is ``[batch, heads, queries, depth]``; ``k`` and ``v`` may have fewer heads, each "
      "shared by a group of query heads. ``mask`` is ``\"causal\"`` (the last query sees the last "
      "key), a boolean array, true where visible, or an array added to the scores; it broadcasts "
      "to "
      "``[batch, heads, queries, keys]``. ``sinks`` holds one more score for each head, without a "
      "value.");
  quicken<quick_attention>(fast.attr("scaled_dot_product_attention"));
}
