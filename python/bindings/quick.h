// Quick ways to call the functions that programs call most, beside nanobind's general one.
#pragma once

#include <array>
#include <limits>

#include "convert.h"
#include "errors.h"

/** The arguments of a call, by place in the signature; null where none was given. */
template <size_t N>
using Arguments = std::array<PyObject*, N>;

/** Names of parameters; all but the first few can be given by name. */
template <size_t N>
class Parameters {
 public:
  /** The first `num_unnamed` go by position only, those from `num_positional` on by name only. */
  Parameters(const char* const (&names)[N], Py_ssize_t num_positional, size_t num_unnamed = 0)
      : num_positional_(num_positional), num_unnamed_(num_unnamed) {
    for (size_t i = 0; i < N; ++i) names_[i] = PyUnicode_InternFromString(names[i]);
  }

  /** False when the call needs a closer look: nanobind has it then. */
  bool read(PyObject* const* args, Py_ssize_t count, PyObject* keywords,
            Arguments<N>& out) const noexcept {
    if (count > num_positional_) return false;
    out.fill(nullptr);
    for (Py_ssize_t i = 0; i < count; ++i) out[i] = args[i];
    const Py_ssize_t num_named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
    size_t next = static_cast<size_t>(count);  // mostly they come in order
    for (Py_ssize_t k = 0; k < num_named; ++k) {
      PyObject* name = PyTuple_GET_ITEM(keywords, k);
      size_t at = next < N && names_[next] == name ? next : 0;
      while (at < N && names_[at] != name) ++at;
      if (at == N || at < num_unnamed_ || out[at] != nullptr) return false;
      out[at] = args[count + k];
      next = at + 1;
    }
    return true;
  }

 private:
  std::array<PyObject*, N> names_;  // interned, so equal names are the same object
  Py_ssize_t num_positional_;
  size_t num_unnamed_;
};

inline bool is_missing(PyObject* argument) { return argument == nullptr || argument == Py_None; }

/** An int of 32 bits; false for anything else. */
inline bool read_small_int(PyObject* argument, int& out) noexcept {
  if (argument == nullptr || !PyLong_CheckExact(argument)) return false;
  int overflow = 0;
  long value = PyLong_AsLongAndOverflow(argument, &overflow);
  if (overflow != 0 || value != static_cast<int>(value)) return false;
  out = static_cast<int>(value);
  return true;
}

inline bool read_float(PyObject* argument, float& out) noexcept {
  if (argument == nullptr || !PyFloat_CheckExact(argument)) return false;
  out = static_cast<float>(PyFloat_AS_DOUBLE(argument));
  return true;
}

/** An array, or nothing for None or a missing argument; false for anything else. */
inline bool read_optional(PyObject* argument, std::optional<mx::array>& out) noexcept {
  if (is_missing(argument)) return true;
  const mx::array* a = as_array(nb::handle(argument));
  if (a == nullptr) return false;
  out = *a;
  return true;
}

/** Lets `Quick(args, count, keywords)` try each call of a nanobind function first. It returns an
 * empty object when the call is not of the form it knows. */
template <auto Quick>
void quicken(nb::handle function) {
  static vectorcallfunc general;
  auto* address =
      reinterpret_cast<char*>(function.ptr()) + Py_TYPE(function.ptr())->tp_vectorcall_offset;
  auto& entry = *reinterpret_cast<vectorcallfunc*>(address);
  general = entry;
  entry = [](PyObject* self, PyObject* const* args, size_t count, PyObject* keywords) -> PyObject* {
    try {
      nb::object result = Quick(args, PyVectorcall_NARGS(count), keywords);
      if (result.is_valid()) return result.release().ptr();
    } catch (...) {
      set_python_error();
      return nullptr;
    }
    return general(self, args, count, keywords);
  };
}
