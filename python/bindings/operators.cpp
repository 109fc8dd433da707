// The operators of the array class.
#include <string>
#include <vector>

#include "convert.h"
#include "errors.h"
#include "interop.h"
#include "mlx/ops.h"
#include "operators.h"

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

/** True when the operand is of a foreign type: its own operator may know what to do. */
[[noreturn]] void throw_bad_operand(const char* what, PyObject* a, PyObject* b) {
  PyObject* other = as_array(nb::handle(a)) ? b : a;
  throw std::invalid_argument(std::string("Cannot perform ") + what + " on an mlx.core.array and " +
                              nb::inst_name(nb::handle(other)).c_str() + ".");
}

/** A foreign number type may know how to combine itself with an array. */
bool has_number_slots(PyObject* object) {
  auto* number = Py_TYPE(object)->tp_as_number;
  return number && number->nb_add && !PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_UNICODE_SUBCLASS);
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
    auto* a = as_array(nb::handle(object));
    if (a->size() != 1) {
      throw std::invalid_argument("[bool] only arrays of size 1 have a truth value.");
    }
    eval_released(*a);
    return PyObject_IsTrue(to_scalar(*a).ptr());
  } catch (...) {
    set_python_error();
    return -1;
  }
}

template <typename F>
void* slot(F function) {
  return reinterpret_cast<void*>(function);
}

std::vector<PyType_Slot> make_slots() {
  return {
      {Py_nb_add, slot(binary<mx::add, "addition">)},
      {Py_nb_inplace_add, slot(inplace<mx::add, "in-place addition">)},
      {Py_nb_subtract, slot(binary<mx::subtract, "subtraction">)},
      {Py_nb_inplace_subtract, slot(inplace<mx::subtract, "in-place subtraction">)},
      {Py_nb_multiply, slot(binary<mx::multiply, "multiplication">)},
      {Py_nb_inplace_multiply, slot(inplace<mx::multiply, "in-place multiplication">)},
      {Py_nb_negative, slot(unary<mx::negative>)},
      {Py_nb_positive, slot(positive)},
      {Py_nb_bool, slot(truth)},
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
