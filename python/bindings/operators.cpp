// The operators of the array class.
#include "operators.h"

#include <string>
#include <vector>

#include "convert.h"
#include "errors.h"
#include "interop.h"
#include "mlx/ops.h"

namespace {

/** A name as a template argument. */
template <size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&name)[N]) { std::copy_n(name, N, text); }
};

using BinaryFn = mx::array (*)(const mx::array&, const mx::array&, mx::StreamOrDevice);
using UnaryFn = mx::array (*)(const mx::array&, mx::StreamOrDevice);

PyObject* not_implemented() {
  Py_INCREF(Py_NotImplemented);
  return Py_NotImplemented;
}

[[noreturn]] void throw_bad_operand(const char* what, PyObject* a, PyObject* b) {
  PyObject* other = as_array(nb::handle(a)) ? b : a;
  throw std::invalid_argument(std::string("Cannot perform ") + what + " on an mlx.core.array and " +
                              nb::inst_name(nb::handle(other)).c_str() + ".");
}

/** A foreign number type may know how to combine itself with an array. */
bool has_number_slots(PyObject* object) {
  auto* number = Py_TYPE(object)->tp_as_number;
  return number && number->nb_add &&
         !PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_UNICODE_SUBCLASS);
}

template <BinaryFn Fn, Name What>
PyObject* binary(PyObject* a, PyObject* b) noexcept {
  try {
    auto* left = as_array(nb::handle(a));
    auto* right = as_array(nb::handle(b));
    if (left && right) return wrap_array(Fn(*left, *right, {})).release().ptr();
    PyObject* other = left ? b : a;
    if (other == Py_None) return not_implemented();
    if (!is_operand(nb::handle(other))) {
      if (has_number_slots(other)) return not_implemented();
      throw_bad_operand(What.text, a, b);
    }
    if (left) {
      return wrap_array(Fn(*left, to_array(Operand{b}, left->dtype()), {})).release().ptr();
    }
    return wrap_array(Fn(to_array(Operand{a}, right->dtype()), *right, {})).release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

/** `a op= b`: every reference to the Python object sees the new value. */
template <BinaryFn Fn, Name What>
PyObject* inplace(PyObject* a, PyObject* b) noexcept {
  try {
    auto* left = as_array(nb::handle(a));
    if (!left || b == Py_None) return not_implemented();
    if (!is_operand(nb::handle(b))) throw_bad_operand(What.text, a, b);
    *left = Fn(*left, to_array(Operand{b}, left->dtype()), {});
    Py_INCREF(a);
    return a;
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

template <UnaryFn Fn>
PyObject* unary(PyObject* a) noexcept {
  try {
    return wrap_array(Fn(*as_array(nb::handle(a)), {})).release().ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

PyObject* positive(PyObject* a) noexcept {
  Py_INCREF(a);
  return a;
}

int truth(PyObject* object) noexcept {
  try {
    mx::array a = *as_array(nb::handle(object));  // others may assign to the object meanwhile
    if (a.size() != 1) {
      throw std::invalid_argument("[bool] only arrays of size 1 have a truth value.");
    }
    read_released(a);
    return PyObject_IsTrue(to_scalar(a).ptr());
  } catch (...) {
    set_python_error();
    return -1;
  }
}

template <typename F>
void* slot(F function) {
  return reinterpret_cast<void*>(function);
}

/** `a ** b`; the third argument of pow() has no meaning here. */
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) noexcept {
  if (modulus != Py_None) return not_implemented();
  return binary<mx::power, "power">(a, b);
}

PyObject* inplace_power(PyObject* a, PyObject* b, PyObject*) noexcept {
  return inplace<mx::power, "in-place power">(a, b);
}

/** `a @ b` takes arrays only. */
PyObject* matmul(PyObject* a, PyObject* b) noexcept {
  if (!as_array(nb::handle(a)) || !as_array(nb::handle(b))) return not_implemented();
  return binary<mx::matmul, "matrix multiplication">(a, b);
}

PyObject* inplace_matmul(PyObject* a, PyObject* b) noexcept {
  if (!as_array(nb::handle(b))) {
    // Not "not implemented": NumPy would take over and make a NumPy array of the left side.
    PyErr_SetString(PyExc_TypeError, "in-place matrix multiplication takes arrays only");
    return nullptr;
  }
  return inplace<mx::matmul, "in-place matrix multiplication">(a, b);
}

void reject_floats(const mx::array& a, const char* what) {
  if (mx::issubdtype(a.dtype(), mx::inexact)) {
    throw std::invalid_argument("Floating point types not allowed with " + std::string(what) + ".");
  }
}

/** Bit operators reject floating-point operands before anything is converted. */
template <BinaryFn Fn, Name What, bool InPlace>
PyObject* bitwise(PyObject* a, PyObject* b) noexcept {
  try {
    if (!as_array(nb::handle(a))) return not_implemented();
    reject_floats(*as_array(nb::handle(a)), What.text);
    auto* other = as_array(nb::handle(b));
    if (other) reject_floats(*other, What.text);
    if (PyFloat_Check(b) || PyComplex_Check(b)) {
      reject_floats(to_array(Operand{b}), What.text);
    }
  } catch (...) {
    set_python_error();
    return nullptr;
  }
  return InPlace ? inplace<Fn, What>(a, b) : binary<Fn, What>(a, b);
}

PyObject* invert(PyObject* object) noexcept {
  try {
    auto* a = as_array(nb::handle(object));
    reject_floats(*a, "bitwise inversion");
    return wrap_array(a->dtype() == mx::bool_ ? mx::logical_not(*a) : mx::bitwise_invert(*a))
        .release()
        .ptr();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

PyObject* inplace_divide(PyObject* a, PyObject* b) noexcept {
  auto* left = as_array(nb::handle(a));
  if (left && !mx::issubdtype(left->dtype(), mx::inexact)) {
    PyErr_SetString(PyExc_ValueError,
                    "[divide] in-place division cannot turn an integer array into floats.");
    return nullptr;
  }
  return inplace<mx::divide, "in-place division">(a, b);
}

template <BinaryFn Fn, Name What>
PyObject* compare_with(PyObject* a, PyObject* b) noexcept {
  return binary<Fn, What>(a, b);
}

PyObject* compare(PyObject* a, PyObject* b, int op) noexcept {
  if (op == Py_EQ || op == Py_NE) {
    // Nothing that is no operand equals an array.
    bool is_number_like = as_array(nb::handle(b)) || (b != Py_None && is_operand(nb::handle(b)));
    if (!is_number_like) {
      PyObject* result = op == Py_EQ ? Py_False : Py_True;
      Py_INCREF(result);
      return result;
    }
  }
  switch (op) {
    case Py_EQ:
      return compare_with<mx::equal, "equality">(a, b);
    case Py_NE:
      return compare_with<mx::not_equal, "inequality">(a, b);
    case Py_LT:
      return compare_with<mx::less, "less than">(a, b);
    case Py_LE:
      return compare_with<mx::less_equal, "less than or equal">(a, b);
    case Py_GT:
      return compare_with<mx::greater, "greater than">(a, b);
    default:
      return compare_with<mx::greater_equal, "greater than or equal">(a, b);
  }
}

std::vector<PyType_Slot> make_slots() {
  return {
      {Py_nb_add, slot(binary<mx::add, "addition">)},
      {Py_nb_inplace_add, slot(inplace<mx::add, "in-place addition">)},
      {Py_nb_subtract, slot(binary<mx::subtract, "subtraction">)},
      {Py_nb_inplace_subtract, slot(inplace<mx::subtract, "in-place subtraction">)},
      {Py_nb_multiply, slot(binary<mx::multiply, "multiplication">)},
      {Py_nb_inplace_multiply, slot(inplace<mx::multiply, "in-place multiplication">)},
      {Py_nb_true_divide, slot(binary<mx::divide, "division">)},
      {Py_nb_inplace_true_divide, slot(inplace_divide)},
      {Py_nb_floor_divide, slot(binary<mx::floor_divide, "floor division">)},
      {Py_nb_inplace_floor_divide, slot(inplace<mx::floor_divide, "in-place floor division">)},
      {Py_nb_remainder, slot(binary<mx::remainder, "modulus">)},
      {Py_nb_inplace_remainder, slot(inplace<mx::remainder, "in-place modulus">)},
      {Py_nb_power, slot(power)},
      {Py_nb_inplace_power, slot(inplace_power)},
      {Py_nb_matrix_multiply, slot(matmul)},
      {Py_nb_inplace_matrix_multiply, slot(inplace_matmul)},
      {Py_nb_and, slot(bitwise<mx::bitwise_and, "bitwise and", false>)},
      {Py_nb_inplace_and, slot(bitwise<mx::bitwise_and, "bitwise and", true>)},
      {Py_nb_or, slot(bitwise<mx::bitwise_or, "bitwise or", false>)},
      {Py_nb_inplace_or, slot(bitwise<mx::bitwise_or, "bitwise or", true>)},
      {Py_nb_xor, slot(bitwise<mx::bitwise_xor, "bitwise xor", false>)},
      {Py_nb_inplace_xor, slot(bitwise<mx::bitwise_xor, "bitwise xor", true>)},
      {Py_nb_lshift, slot(bitwise<mx::left_shift, "left shift", false>)},
      {Py_nb_inplace_lshift, slot(bitwise<mx::left_shift, "left shift", true>)},
      {Py_nb_rshift, slot(bitwise<mx::right_shift, "right shift", false>)},
      {Py_nb_inplace_rshift, slot(bitwise<mx::right_shift, "right shift", true>)},
      {Py_nb_negative, slot(unary<mx::negative>)},
      {Py_nb_positive, slot(positive)},
      {Py_nb_absolute, slot(unary<mx::abs>)},
      {Py_nb_invert, slot(invert)},
      {Py_nb_bool, slot(truth)},
      {Py_tp_richcompare, slot(compare)},
      {Py_tp_hash, slot(PyBaseObject_Type.tp_hash)},
      {Py_bf_getbuffer, slot(get_buffer)},
      {Py_bf_releasebuffer, slot(release_buffer)},
      {0, nullptr},
  };
}

}  // namespace

PyType_Slot* array_operator_slots() {
  static std::vector<PyType_Slot> slots = make_slots();
  return slots.data();
}

void bind_operator_methods(nb::class_<mx::array>& array_class) {
  auto divide = [](const mx::array& a, Operand other) {
    return mx::divide(a, to_array(other, a.dtype()));
  };
  auto divide_by = [](const mx::array& a, Operand other) {
    return mx::divide(to_array(other, a.dtype()), a);
  };
  array_class.def("__div__", divide, "other"_a).def("__rdiv__", divide_by, "other"_a);
}
