// Element-wise operations, as functions and as array methods.
#include <string>

#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"

namespace {

using UnaryFn = mx::array (*)(const mx::array&, mx::StreamOrDevice);
using BinaryFn = mx::array (*)(const mx::array&, const mx::array&, mx::StreamOrDevice);

/** How a function takes its operands: by position only, or as its signature says also by name. */
enum class Form { positional, named };

std::string unary_signature(const char* name, Form form) {
  std::string args = form == Form::positional ? "(a: array, /, *, stream: " : "(a: array, stream: ";
  return "def " + std::string(name) + args + "StreamOrDevice = None) -> array";
}

std::string binary_signature(const char* name, Form form) {
  std::string args = form == Form::positional
                         ? "(a: scalar | array, b: scalar | array, /, *, stream: "
                         : "(a: scalar | array, b: scalar | array, stream: ";
  return "def " + std::string(name) + args + "StreamOrDevice = None) -> array";
}

/** A function of one operand that may be a Python scalar. */
template <UnaryFn Fn>
void def_unary(nb::module_& m, const char* name, const char* doc, Form form = Form::positional) {
  auto call = [](Operand a, mx::StreamOrDevice s) { return wrap_array(Fn(to_array(a), s)); };
  std::string signature = unary_signature(name, form);
  if (form == Form::named) {
    m.def(name, call, "a"_a, "stream"_a = nb::none(), nb::sig(signature.c_str()), doc);
  } else {
    m.def(name, call, nb::arg(), nb::kw_only(), "stream"_a = nb::none(), nb::sig(signature.c_str()),
          doc);
  }
}

/** A function of two operands that may be Python scalars. */
template <BinaryFn Fn>
void def_binary(nb::module_& m, const char* name, const char* doc, Form form = Form::positional) {
  auto call = [](Operand a, Operand b, mx::StreamOrDevice s) {
    auto [x, y] = to_arrays(a, b);
    return wrap_array(Fn(x, y, s));
  };
  std::string signature = binary_signature(name, form);
  if (form == Form::named) {
    m.def(name, call, "a"_a, "b"_a, "stream"_a = nb::none(), nb::sig(signature.c_str()), doc);
  } else {
    m.def(name, call, nb::arg(), nb::arg(), nb::kw_only(), "stream"_a = nb::none(),
          nb::sig(signature.c_str()), doc);
  }
}

/** The method of the same name. */
template <UnaryFn Fn>
void def_method(ArrayClass& array_class, const char* name) {
  std::string doc = "See `" + std::string(name) + "`.";
  array_class.def(
      name, [](const mx::array& a, mx::StreamOrDevice s) { return wrap_array(Fn(a, s)); },
      nb::kw_only(), "stream"_a = nb::none(), doc.c_str());
}

void bind_functions_of_one(nb::module_& m) {
  def_unary<mx::abs>(m, "abs", "The absolute value of each element.");
  def_unary<mx::sign>(m, "sign", "-1, 0 or 1 by the sign of each element.");
  def_unary<mx::positive>(m, "positive", "The elements as they are.");
  def_unary<mx::negative>(m, "negative", "The elements with the sign changed.");
  def_unary<mx::square>(m, "square", "The square of each element.");
  def_unary<mx::sqrt>(m, "sqrt", "The square root of each element.");
  def_unary<mx::rsqrt>(m, "rsqrt", "The reciprocal of the square root of each element.");
  def_unary<mx::reciprocal>(m, "reciprocal", "One divided by each element.");
  def_unary<mx::logical_not>(m, "logical_not", "True where an element is zero or False.");
  def_unary<mx::exp>(m, "exp", "e to the power of each element.");
  def_unary<mx::expm1>(m, "expm1", "exp(x) - 1, exact for small x.");
  def_unary<mx::erf>(m, "erf", "The error function.");
  def_unary<mx::erfinv>(m, "erfinv", "The inverse of the error function.");
  def_unary<mx::sin>(m, "sin", "The sine of each element.");
  def_unary<mx::cos>(m, "cos", "The cosine of each element.");
  def_unary<mx::tan>(m, "tan", "The tangent of each element.");
  def_unary<mx::arcsin>(m, "arcsin", "The inverse sine.");
  def_unary<mx::arccos>(m, "arccos", "The inverse cosine.");
  def_unary<mx::arctan>(m, "arctan", "The inverse tangent.");
  def_unary<mx::sinh>(m, "sinh", "The hyperbolic sine.");
  def_unary<mx::cosh>(m, "cosh", "The hyperbolic cosine.");
  def_unary<mx::tanh>(m, "tanh", "The hyperbolic tangent.");
  def_unary<mx::arcsinh>(m, "arcsinh", "The inverse hyperbolic sine.");
  def_unary<mx::arccosh>(m, "arccosh", "The inverse hyperbolic cosine.");
  def_unary<mx::arctanh>(m, "arctanh", "The inverse hyperbolic tangent.");
  def_unary<mx::degrees>(m, "degrees", "Angles in radians as degrees.");
  def_unary<mx::radians>(m, "radians", "Angles in degrees as radians.");
  def_unary<mx::log>(m, "log", "The natural logarithm.");
  def_unary<mx::log2>(m, "log2", "The logarithm to base 2.");
  def_unary<mx::log10>(m, "log10", "The logarithm to base 10.");
  def_unary<mx::log1p>(m, "log1p", "log(1 + x), exact for small x.");
  def_unary<mx::sigmoid>(m, "sigmoid", "The logistic function 1 / (1 + exp(-x)).");
  def_unary<mx::floor>(m, "floor", "The next integer below or at each element.");
  def_unary<mx::ceil>(m, "ceil", "The next integer above or at each element.");
  def_unary<mx::real>(m, "real", "The real part of each element.");
  def_unary<mx::imag>(m, "imag", "The imaginary part of each element.");
  def_unary<mx::isnan>(m, "isnan", "True where an element is not a number.", Form::named);
  def_unary<mx::isinf>(m, "isinf", "True where an element is infinite.", Form::named);
  def_unary<mx::isfinite>(m, "isfinite", "True where an element is neither NaN nor infinite.",
                          Form::named);
  def_unary<mx::isposinf>(m, "isposinf", "True where an element is positive infinity.",
                          Form::named);
  def_unary<mx::isneginf>(m, "isneginf", "True where an element is negative infinity.",
                          Form::named);
  def_unary<mx::bitwise_invert>(m, "bitwise_invert", "The bits of each element inverted.",
                                Form::named);
  for (const char* name : {"conj", "conjugate"}) {
    std::string signature =
        "def " + std::string(name) + "(a: array, *, stream: StreamOrDevice = None) -> array";
    m.def(
        name, [](Operand a, mx::StreamOrDevice s) { return mx::conjugate(to_array(a), s); }, "a"_a,
        nb::kw_only(), "stream"_a = nb::none(), nb::sig(signature.c_str()),
        "The complex conjugate of each element.");
  }
}

void bind_functions_of_two(nb::module_& m) {
  def_binary<mx::add>(m, "add", "The sum of two operands.", Form::named);
  def_binary<mx::subtract>(m, "subtract", "The difference of two operands.", Form::named);
  def_binary<mx::multiply>(m, "multiply", "The product of two operands.", Form::named);
  def_binary<mx::divide>(m, "divide", "The quotient of two operands.", Form::named);
  def_binary<mx::floor_divide>(m, "floor_divide", "The quotient, rounded down.", Form::named);
  def_binary<mx::remainder>(m, "remainder", "The remainder, with the sign of the divisor.",
                            Form::named);
  def_binary<mx::equal>(m, "equal", "True where the operands are equal.", Form::named);
  def_binary<mx::not_equal>(m, "not_equal", "True where the operands differ.", Form::named);
  def_binary<mx::less>(m, "less", "True where a < b.", Form::named);
  def_binary<mx::less_equal>(m, "less_equal", "True where a <= b.", Form::named);
  def_binary<mx::greater>(m, "greater", "True where a > b.", Form::named);
  def_binary<mx::greater_equal>(m, "greater_equal", "True where a >= b.", Form::named);
  def_binary<mx::bitwise_and>(m, "bitwise_and", "The bits that both operands have.", Form::named);
  def_binary<mx::bitwise_or>(m, "bitwise_or", "The bits that either operand has.", Form::named);
  def_binary<mx::bitwise_xor>(m, "bitwise_xor", "The bits that just one operand has.", Form::named);
  def_binary<mx::left_shift>(m, "left_shift", "The bits of a, moved up by b.", Form::named);
  def_binary<mx::right_shift>(m, "right_shift", "The bits of a, moved down by b.", Form::named);
  def_binary<mx::logical_and>(m, "logical_and", "True where both operands are true.");
  def_binary<mx::logical_or>(m, "logical_or", "True where either operand is true.");
  def_binary<mx::logical_xor>(m, "logical_xor", "True where just one operand is true.");
  def_binary<mx::logaddexp>(m, "logaddexp", "log(exp(a) + exp(b)) without overflow.");
  def_binary<mx::arctan2>(m, "arctan2", "The angle of the point (b, a).");
  def_binary<mx::power>(m, "power", "a to the power of b.");
  def_binary<mx::maximum>(m, "maximum", "The larger operand; NaN if either is NaN.");
  def_binary<mx::minimum>(m, "minimum", "The smaller operand; NaN if either is NaN.");
  m.def(
      "divmod",
      [](Operand a, Operand b, mx::StreamOrDevice s) {
        auto [x, y] = to_arrays(a, b);
        return mx::divmod(x, y, s);
      },
      "a"_a, "b"_a, "stream"_a = nb::none(),
      nb::sig("def divmod(a: scalar | array, b: scalar | array, stream: StreamOrDevice = None) "
              "-> array"),
      "The floored quotient and the remainder.");
}

void bind_aliases(nb::module_& m) {
  constexpr std::pair<const char*, const char*> aliases[] = {
      {"acos", "arccos"},
      {"acosh", "arccosh"},
      {"asin", "arcsin"},
      {"asinh", "arcsinh"},
      {"atan", "arctan"},
      {"atanh", "arctanh"},
      {"atan2", "arctan2"},
      {"pow", "power"},
      {"bitwise_left_shift", "left_shift"},
      {"bitwise_right_shift", "right_shift"},
  };
  for (auto [alias, name] : aliases) m.attr(alias) = m.attr(name);
}

mx::array round(const mx::array& a, int decimals, mx::StreamOrDevice s) {
  return mx::round(a, decimals, s);
}

void bind_choices(nb::module_& m) {
  m.def(
      "where",
      [](Operand condition, Operand x, Operand y, mx::StreamOrDevice s) {
        auto [first, second] = to_arrays(x, y);
        return mx::where(to_array(condition), first, second, s);
      },
      nb::arg(), nb::arg(), nb::arg(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def where(condition: scalar | array, x: scalar | array, y: scalar | array, /, *, "
              "stream: StreamOrDevice = None) -> array"),
      "x where the condition is true, else y.");
  m.def(
      "clip",
      [](const mx::array& a, std::optional<Operand> a_min, std::optional<Operand> a_max,
         mx::StreamOrDevice s) {
        std::optional<mx::array> low, high;
        if (a_min) low = to_array(*a_min, a.dtype());
        if (a_max) high = to_array(*a_max, a.dtype());
        return mx::clip(a, low, high, s);
      },
      nb::arg(), "a_min"_a.none(), "a_max"_a.none(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def clip(a: array, /, a_min: scalar | array | None, a_max: scalar | array | None, "
              "*, stream: StreamOrDevice = None) -> array"),
      "The elements limited to the range from a_min to a_max; one of them may be None.");
  m.def(
      "nan_to_num",
      [](Operand a, float nan, std::optional<float> posinf, std::optional<float> neginf,
         mx::StreamOrDevice s) { return mx::nan_to_num(to_array(a), nan, posinf, neginf, s); },
      "a"_a, "nan"_a = 0.0f, "posinf"_a = nb::none(), "neginf"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def nan_to_num(a: scalar | array, nan: float = 0, posinf: float | None = None, "
              "neginf: float | None = None, *, stream: StreamOrDevice = None) -> array"),
      "The elements with NaN and the infinities replaced.");
  m.def(
      "round",
      [](Operand a, int decimals, mx::StreamOrDevice s) {
        return mx::round(to_array(a), decimals, s);
      },
      nb::arg(), "decimals"_a = 0, "stream"_a = nb::none(),
      nb::sig("def round(a: array, /, decimals: int = 0, stream: StreamOrDevice = None) -> "
              "array"),
      "The elements rounded to a number of decimals.");
  m.def(
      "trunc", [](Operand a, mx::StreamOrDevice s) { return mx::trunc(to_array(a), s); }, nb::arg(),
      nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def trunc(a: array, /, *, stream: StreamOrDevice = None) -> array"),
      "The elements without their fraction.");
}

void bind_comparisons(nb::module_& m) {
  m.def("isclose", &mx::isclose, nb::arg(), nb::arg(), "rtol"_a = 1e-5, "atol"_a = 1e-8,
        nb::kw_only(), "equal_nan"_a = false, "stream"_a = nb::none(),
        nb::sig("def isclose(a: array, b: array, /, rtol: float = 1e-05, atol: float = 1e-08, *, "
                "equal_nan: bool = False, stream: StreamOrDevice = None) -> array"),
        "True where |a - b| <= atol + rtol |b|.");
  m.def("allclose", &mx::allclose, nb::arg(), nb::arg(), "rtol"_a = 1e-5, "atol"_a = 1e-8,
        nb::kw_only(), "equal_nan"_a = false, "stream"_a = nb::none(),
        nb::sig("def allclose(a: array, b: array, /, rtol: float = 1e-05, atol: float = 1e-08, *, "
                "equal_nan: bool = False, stream: StreamOrDevice = None) -> array"),
        "True when all elements are close, see isclose.");
  m.def(
      "array_equal",
      [](Operand a, Operand b, bool equal_nan, mx::StreamOrDevice s) {
        auto [x, y] = to_arrays(a, b);
        return mx::array_equal(x, y, equal_nan, s);
      },
      "a"_a, "b"_a, "equal_nan"_a = false, "stream"_a = nb::none(),
      nb::sig("def array_equal(a: scalar | array, b: scalar | array, equal_nan: bool = False, "
              "stream: StreamOrDevice = None) -> array"),
      "True when shapes and elements are the same.");
}

void bind_casts(nb::module_& m) {
  m.def(
      "astype",
      [](const mx::array& a, mx::Dtype dtype, mx::StreamOrDevice s) {
        return mx::astype(a, dtype, s);
      },
      nb::arg(), "dtype"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def astype(a: array, dtype: Dtype, /, *, stream: StreamOrDevice = None) -> array"),
      "The array converted to another dtype.");
  m.def(
      "view",
      [](Operand a, mx::Dtype dtype, mx::StreamOrDevice s) {
        return mx::view(to_array(a), dtype, s);
      },
      "a"_a, "dtype"_a, "stream"_a = nb::none(),
      nb::sig("def view(a: scalar | array, dtype: Dtype, stream: StreamOrDevice = None) -> "
              "array"),
      "The same bytes read as another dtype.");
}

void bind_methods(ArrayClass& array_class) {
  def_method<mx::abs>(array_class, "abs");
  def_method<mx::square>(array_class, "square");
  def_method<mx::sqrt>(array_class, "sqrt");
  def_method<mx::rsqrt>(array_class, "rsqrt");
  def_method<mx::reciprocal>(array_class, "reciprocal");
  def_method<mx::exp>(array_class, "exp");
  def_method<mx::log>(array_class, "log");
  def_method<mx::log2>(array_class, "log2");
  def_method<mx::log10>(array_class, "log10");
  def_method<mx::log1p>(array_class, "log1p");
  def_method<mx::sin>(array_class, "sin");
  def_method<mx::cos>(array_class, "cos");
  def_method<mx::conjugate>(array_class, "conj");
  array_class
      .def("round", &round, "decimals"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
           "See `round`.")
      .def(
          "view",
          [](const mx::array& a, mx::Dtype dtype, mx::StreamOrDevice s) {
            return mx::view(a, dtype, s);
          },
          "dtype"_a, nb::kw_only(), "stream"_a = nb::none(), "See `view`.")
      .def_prop_ro(
          "real", [](const mx::array& a) { return mx::real(a); }, "The real parts.")
      .def_prop_ro(
          "imag", [](const mx::array& a) { return mx::imag(a); }, "The imaginary parts.");
}

}  // namespace

void bind_elementwise(nb::module_& m, ArrayClass& array_class) {
  bind_functions_of_one(m);
  bind_functions_of_two(m);
  bind_aliases(m);
  bind_choices(m);
  bind_comparisons(m);
  bind_casts(m);
  bind_methods(array_class);
}
