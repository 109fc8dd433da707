// Element-wise operations.
#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"

namespace {

using UnaryFn = mx::array (*)(const mx::array&, mx::StreamOrDevice);
using BinaryFn = mx::array (*)(const mx::array&, const mx::array&, mx::StreamOrDevice);

/** A function of one operand that may be a Python scalar. */
template <UnaryFn Fn>
void def_unary(nb::module_& m, const char* name, const char* doc) {
  m.def(name, [](Operand a, mx::StreamOrDevice s) { return wrap_array(Fn(to_array(a), s)); },
        nb::arg(), nb::kw_only(), "stream"_a = nb::none(), doc);
}

/** A function of two operands that may be Python scalars. */
template <BinaryFn Fn>
void def_binary(nb::module_& m, const char* name, const char* doc) {
  m.def(name,
        [](Operand a, Operand b, mx::StreamOrDevice s) {
          auto [x, y] = to_arrays(a, b);
          return wrap_array(Fn(x, y, s));
        },
        nb::arg(), nb::arg(), nb::kw_only(), "stream"_a = nb::none(), doc);
}

}  // namespace

void bind_elementwise(nb::module_& m, ArrayClass& array_class) {
  def_unary<mx::negative>(m, "negative", "The elements with the sign changed.");
  def_unary<mx::sin>(m, "sin", "The sine of each element.");
  def_binary<mx::add>(m, "add", "The sum of two operands.");
  def_binary<mx::subtract>(m, "subtract", "The difference of two operands.");
  def_binary<mx::multiply>(m, "multiply", "The product of two operands.");
}
