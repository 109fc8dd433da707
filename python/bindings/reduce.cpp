// Reductions, running reductions and softmax.
#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"

namespace {

using StreamArg = mx::StreamOrDevice;

// A reduction is bound twice, as a function and as a method; both take None, one axis or several.
#define MLX_REDUCE_CALL(name)                                                               \
  [](const mx::array& a, const Axes& axis, bool keepdims, StreamArg s) {                    \
    return axis.values ? mx::name(a, *axis.values, keepdims, s) : mx::name(a, keepdims, s); \
  }

#define MLX_BIND_REDUCE(name, doc)                                                            \
  m.def(#name, MLX_REDUCE_CALL(name), nb::arg(), "axis"_a = nb::none(), "keepdims"_a = false, \
        nb::kw_only(), "stream"_a = nb::none(),                                               \
        nb::sig("def " #name                                                                  \
                "(a: array, /, axis: None | int | Sequence[int] = None, keepdims: bool = "    \
                "False, *, stream: StreamOrDevice = None) -> array"),                         \
        doc);

#define MLX_BIND_REDUCE_METHOD(name)                                                         \
  array_class.def(#name, MLX_REDUCE_CALL(name), "axis"_a = nb::none(), "keepdims"_a = false, \
                  nb::kw_only(), "stream"_a = nb::none(), "See :func:`mlx.core." #name "`.");

#define MLX_SPREAD_CALL(name)                                                                      \
  [](const mx::array& a, const Axes& axis, bool keepdims, int ddof, std::optional<int> correction, \
     StreamArg s) {                                                                                \
    int removed = correction.value_or(ddof);                                                       \
    return axis.values ? mx::name(a, *axis.values, keepdims, removed, s)                           \
                       : mx::name(a, keepdims, removed, s);                                        \
  }

#define MLX_BIND_SPREAD(name, doc)                                                            \
  m.def(#name, MLX_SPREAD_CALL(name), nb::arg(), "axis"_a = nb::none(), "keepdims"_a = false, \
        "ddof"_a = 0, nb::kw_only(), "correction"_a = nb::none(), "stream"_a = nb::none(),    \
        nb::sig("def " #name                                                                  \
                "(a: array, /, axis: None | int | Sequence[int] = None, keepdims: bool = "    \
                "False, ddof: int = 0, *, correction: int | None = None, stream: "            \
                "StreamOrDevice = None) -> array"),                                           \
        doc);                                                                                 \
  array_class.def(#name, MLX_SPREAD_CALL(name), "axis"_a = nb::none(), "keepdims"_a = false,  \
                  "ddof"_a = 0, nb::kw_only(), "correction"_a = nb::none(),                   \
                  "stream"_a = nb::none(), "See :func:`mlx.core." #name "`.");

#define MLX_ARG_CALL(name)                                                      \
  [](const mx::array& a, std::optional<int> axis, bool keepdims, StreamArg s) { \
    return axis ? mx::name(a, *axis, keepdims, s) : mx::name(a, keepdims, s);   \
  }

#define MLX_BIND_ARG_REDUCE(name, doc)                                                       \
  m.def(#name, MLX_ARG_CALL(name), nb::arg(), "axis"_a = nb::none(), "keepdims"_a = false,   \
        nb::kw_only(), "stream"_a = nb::none(),                                              \
        nb::sig("def " #name                                                                 \
                "(a: array, /, axis: None | int = None, keepdims: bool = False, *, stream: " \
                "StreamOrDevice = None) -> array"),                                          \
        doc);                                                                                \
  array_class.def(#name, MLX_ARG_CALL(name), "axis"_a = nb::none(), "keepdims"_a = false,    \
                  nb::kw_only(), "stream"_a = nb::none(), "See :func:`mlx.core." #name "`.");

#define MLX_SCAN_CALL(name)                                                                       \
  [](const mx::array& a, std::optional<int> axis, bool reverse, bool inclusive, StreamArg s) {    \
    return axis ? mx::name(a, *axis, reverse, inclusive, s) : mx::name(a, reverse, inclusive, s); \
  }

#define MLX_BIND_SCAN_METHOD(name)                                                    \
  array_class.def(#name, MLX_SCAN_CALL(name), "axis"_a = nb::none(), nb::kw_only(),   \
                  "reverse"_a = false, "inclusive"_a = true, "stream"_a = nb::none(), \
                  "See :func:`mlx.core." #name "`.");

#define MLX_BIND_SCAN(name, doc)                                                               \
  m.def(#name, MLX_SCAN_CALL(name), nb::arg(), "axis"_a = nb::none(), nb::kw_only(),           \
        "reverse"_a = false, "inclusive"_a = true, "stream"_a = nb::none(),                    \
        nb::sig("def " #name                                                                   \
                "(a: array, /, axis: int | None = None, *, reverse: bool = False, inclusive: " \
                "bool = True, stream: StreamOrDevice = None) -> array"),                       \
        doc);                                                                                  \
  MLX_BIND_SCAN_METHOD(name)

#define MLX_BIND_TYPED_SCAN(name, doc)                                                            \
  m.def(                                                                                          \
      #name,                                                                                      \
      [](const mx::array& a, std::optional<int> axis, bool reverse, bool inclusive,               \
         std::optional<mx::Dtype> dtype, StreamArg s) {                                           \
        return axis ? mx::name(a, *axis, reverse, inclusive, dtype, s)                            \
                    : mx::name(a, reverse, inclusive, dtype, s);                                  \
      },                                                                                          \
      nb::arg(), "axis"_a = nb::none(), nb::kw_only(), "reverse"_a = false, "inclusive"_a = true, \
      "dtype"_a = nb::none(), "stream"_a = nb::none(),                                            \
      nb::sig("def " #name                                                                        \
              "(a: array, /, axis: int | None = None, *, reverse: bool = False, inclusive: "      \
              "bool = True, dtype: Dtype | None = None, stream: StreamOrDevice = None) -> "       \
              "array"),                                                                           \
      doc);                                                                                       \
  MLX_BIND_SCAN_METHOD(name)

void bind_reductions(nb::module_& m, ArrayClass& array_class) {
  MLX_BIND_REDUCE(all, "Whether all elements along the axes are non-zero.")
  MLX_BIND_REDUCE(any, "Whether some element along the axes is non-zero.")
  MLX_BIND_REDUCE(
      sum,
      "The sum along the axes. Small integers and bool are summed in 32 bits; the order of the\n"
      "additions depends on the shape only, so results are the same on any number of threads.")
  MLX_BIND_REDUCE(prod, "The product along the axes.")
  MLX_BIND_REDUCE(min, "The smallest element along the axes; NaN if there is one.")
  MLX_BIND_REDUCE(max, "The largest element along the axes; NaN if there is one.")
  MLX_BIND_REDUCE(mean, "The mean along the axes; integers give float32.")
  MLX_BIND_REDUCE(median, "The median along the axes; integers give float32.")
  MLX_BIND_REDUCE(logsumexp, "log(sum(exp(a))) along the axes, without overflow.")
  // median has no method.
  MLX_BIND_REDUCE_METHOD(all)
  MLX_BIND_REDUCE_METHOD(any)
  MLX_BIND_REDUCE_METHOD(sum)
  MLX_BIND_REDUCE_METHOD(prod)
  MLX_BIND_REDUCE_METHOD(min)
  MLX_BIND_REDUCE_METHOD(max)
  MLX_BIND_REDUCE_METHOD(mean)
  MLX_BIND_REDUCE_METHOD(logsumexp)
  MLX_BIND_SPREAD(var, "The variance along the axes, with the divisor N - ddof.")
  MLX_BIND_SPREAD(std, "The standard deviation along the axes, with the divisor N - ddof.")
  MLX_BIND_ARG_REDUCE(
      argmin,
      "The position of the first smallest element, along an axis or of the flattened array.")
  MLX_BIND_ARG_REDUCE(
      argmax, "The position of the first largest element, along an axis or of the flattened array.")
  m.def(
      "minmax",
      [](const mx::array& a, const Axes& axis, bool keepdims, StreamArg s) {
        return axis.values ? mx::minmax(a, *axis.values, keepdims, s) : mx::minmax(a, keepdims, s);
      },
      nb::arg(), "axis"_a = nb::none(), "keepdims"_a = false, nb::kw_only(),
      "stream"_a = nb::none(), "The smallest and the largest element along the axes.");
  m.def(
      "count_nonzero",
      [](const mx::array& a, const Axes& axis, bool keepdims, StreamArg s) {
        return axis.values ? mx::count_nonzero(a, *axis.values, keepdims, s)
                           : mx::count_nonzero(a, keepdims, s);
      },
      nb::arg(), nb::kw_only(), "axis"_a = nb::none(), "keepdims"_a = false,
      "stream"_a = nb::none(),
      nb::sig("def count_nonzero(a: array, /, *, axis: None | int | Sequence[int] = None, "
              "keepdims: bool = False, stream: StreamOrDevice = None) -> array"),
      "How many elements along the axes are not zero.");
}

/** The array API's forms, which may put the neutral element first. */
template <class Scan>
void def_cumulative(nb::module_& m, const char* name, int neutral, Scan scan, const char* doc) {
  m.def(
      name,
      [neutral, scan](const mx::array& a, std::optional<int> axis, bool reverse, bool inclusive,
                      std::optional<mx::Dtype> dtype, bool include_initial, StreamArg s) {
        mx::array x = axis ? a : mx::flatten(a, s);
        int along = axis.value_or(0);
        mx::array out = scan(x, along, reverse, inclusive, dtype, s);
        if (!include_initial) return out;
        mx::Shape edge = out.shape();
        edge[along < 0 ? along + static_cast<int>(edge.size()) : along] = 1;
        mx::array first = mx::full(edge, mx::array(neutral), out.dtype(), s);
        return reverse ? mx::concatenate({out, first}, along, s)
                       : mx::concatenate({first, out}, along, s);
      },
      nb::arg(), "axis"_a = nb::none(), nb::kw_only(), "reverse"_a = false, "inclusive"_a = true,
      "dtype"_a = nb::none(), "include_initial"_a = false, "stream"_a = nb::none(), doc);
}

void bind_scans(nb::module_& m, ArrayClass& array_class) {
  MLX_BIND_TYPED_SCAN(cumsum, "The running sum along an axis, or of the flattened array.")
  MLX_BIND_TYPED_SCAN(cumprod, "The running product along an axis, or of the flattened array.")
  MLX_BIND_SCAN(cummax, "The running maximum along an axis, or of the flattened array.")
  MLX_BIND_SCAN(cummin, "The running minimum along an axis, or of the flattened array.")
  MLX_BIND_SCAN(logcumsumexp, "The running logsumexp along an axis, or of the flattened array.")
  def_cumulative(
      m, "cumulative_sum", 0,
      [](const mx::array& a, int axis, bool reverse, bool inclusive, std::optional<mx::Dtype> dtype,
         StreamArg s) { return mx::cumsum(a, axis, reverse, inclusive, dtype, s); },
      "The running sum, as :func:`cumsum`; with `include_initial` it starts with zero.");
  def_cumulative(
      m, "cumulative_prod", 1,
      [](const mx::array& a, int axis, bool reverse, bool inclusive, std::optional<mx::Dtype> dtype,
         StreamArg s) { return mx::cumprod(a, axis, reverse, inclusive, dtype, s); },
      "The running product, as :func:`cumprod`; with `include_initial` it starts with one.");
  m.def(
      "diff",
      [](const mx::array& a, int n, int axis, StreamArg s) { return mx::diff(a, n, axis, s); },
      nb::arg(), "n"_a = 1, "axis"_a = -1, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def diff(a: array, /, n: int = 1, axis: int = -1, *, stream: StreamOrDevice = "
              "None) -> array"),
      "The n-th differences of neighbours along an axis.");
  m.def(
      "softmax",
      [](const mx::array& a, const Axes& axis, bool precise, StreamArg s) {
        return axis.values ? mx::softmax(a, *axis.values, precise, s) : mx::softmax(a, precise, s);
      },
      nb::arg(), "axis"_a = nb::none(), nb::kw_only(), "precise"_a = false, "stream"_a = nb::none(),
      nb::sig("def softmax(a: array, /, axis: None | int | Sequence[int] = None, *, precise: "
              "bool = False, stream: StreamOrDevice = None) -> array"),
      "exp(a) / sum(exp(a)) along the axes, without overflow. Sums are kept in float32 or better,\n"
      "also when `precise` is false.");
}

}  // namespace

void bind_reduce(nb::module_& m, ArrayClass& array_class) {
  bind_reductions(m, array_class);
  bind_scans(m, array_class);
}
