// Conversions between Python and C++ that every family of bindings uses.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace nb = nanobind;
namespace mx = mlx::core;
using namespace nb::literals;

/** An operand as Python gave it: an array, a Python scalar, a NumPy array or scalar, or an object
 * with
 * `__mlx_array__`. Anything but None is taken; to_array() raises for the rest. */
struct Operand {
  nb::handle handle;
};

/** An axis argument: None, one axis or a sequence of axes. */
struct Axes {
  std::optional<std::vector<int>> values;
  bool is_int = false;

  /** The axes of an array of rank `ndim`; None means all. */
  std::vector<int> or_all(size_t ndim) const;
};

/** A shape argument: one length or a sequence of lengths. */
struct ShapeArg {
  mx::Shape shape;
  bool is_int = false;
};

/** The array behind a Python object, or nullptr when it is none. */
mx::array* as_array(nb::handle handle);

/** A Python object for an array, without a look-up of its type. */
nb::object wrap_array(mx::array a);

/** The operand as an array. `weak` is the dtype that Python scalars and NumPy operands adapt to. */
mx::array to_array(Operand operand, std::optional<mx::Dtype> weak = std::nullopt);

/** Two operands; if just one is an array, the other adapts to its dtype. */
std::pair<mx::array, mx::array> to_arrays(Operand a, Operand b);

/** True for what to_array() takes (None, lists, strings and foreign objects are not). */
bool is_operand(nb::handle handle);

/** An array from any Python value that `mx.array(value, dtype)` accepts. */
mx::array array_from_python(nb::handle value, std::optional<mx::Dtype> dtype);

/** An array with a copy of the data behind the buffer protocol, NumPy or DLPack; nothing when
 * `value` offers none of them. */
std::optional<mx::array> array_from_foreign(nb::handle value, std::optional<mx::Dtype> dtype);

/** Evaluates with the interpreter's lock released; cheap when there is nothing to do. */
void eval_released(mx::array& a);

/** Evaluates for reading here; of a view of a device's buffer only the part seen is moved. */
void read_released(mx::array& a);

/** The Python scalar of an evaluated array of size 1. */
nb::object to_scalar(mx::array& a);

/** An array of another dtype with elements of the same size, over the same memory; evaluates. */
mx::array reinterpret_array(mx::array a, mx::Dtype dtype);

/** The shape as a Python tuple. */
nb::object to_tuple(const mx::Shape& shape);

NAMESPACE_BEGIN(NB_NAMESPACE)
NAMESPACE_BEGIN(detail)

template <>
struct type_caster<Operand> {
  NB_TYPE_CASTER(Operand, const_name("scalar | array"))
  bool from_python(handle source, uint8_t, cleanup_list*) noexcept {
    value = Operand{source};
    return !source.is_none();
  }
  static handle from_cpp(const Operand& operand, rv_policy, cleanup_list*) noexcept {
    return operand.handle.inc_ref();
  }
};

/** Reads a sequence of integers that fit 64 bits; false when `source` is no such sequence. */
bool read_ints(handle source, std::vector<int64_t>& out) noexcept;
bool read_int(handle source, int64_t& out) noexcept;

/** A length in the integers that shapes hold; Python sees OverflowError for a larger one. */
template <typename T>
T checked_length(int64_t length) {
  if (length != static_cast<T>(length)) {
    throw std::overflow_error("[shape] dimension " + std::to_string(length) +
                              " does not fit the 32-bit integers that shapes hold.");
  }
  return static_cast<T>(length);
}

// The casters of shapes may throw, so nanobind's optional and variant, which are noexcept, must not
// hold one: hence the caster of optional shapes below.
template <typename T, size_t N>
struct type_caster<mx::SmallVector<T, N>> {
  using Vector = mx::SmallVector<T, N>;
  NB_TYPE_CASTER(Vector, const_name("Sequence[int]"))
  bool from_python(handle source, uint8_t, cleanup_list*) {
    std::vector<int64_t> values;
    if (!read_ints(source, values)) return false;
    value.clear();
    for (int64_t v : values) value.push_back(checked_length<T>(v));
    return true;
  }
  static handle from_cpp(const Vector& values, rv_policy, cleanup_list*) noexcept {
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(values.size()));
    for (size_t i = 0; tuple && i < values.size(); ++i) {
      PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), PyLong_FromLongLong(values[i]));
    }
    return tuple;
  }
};

template <typename T, size_t N>
struct type_caster<std::optional<mx::SmallVector<T, N>>> {
  using Vector = mx::SmallVector<T, N>;
  using Optional = std::optional<Vector>;
  NB_TYPE_CASTER(Optional, const_name("Sequence[int] | None"))
  bool from_python(handle source, uint8_t flags, cleanup_list* cleanup) {
    value.reset();
    if (source.is_none()) return true;
    type_caster<Vector> vector;
    if (!vector.from_python(source, flags, cleanup)) return false;
    value = std::move(vector.value);
    return true;
  }
  static handle from_cpp(const Optional& values, rv_policy policy, cleanup_list* list) noexcept {
    return values ? type_caster<Vector>::from_cpp(*values, policy, list) : none().release();
  }
};

template <>
struct type_caster<ShapeArg> {
  NB_TYPE_CASTER(ShapeArg, const_name("int | Sequence[int]"))
  bool from_python(handle source, uint8_t flags, cleanup_list* cleanup);
  static handle from_cpp(const ShapeArg& arg, rv_policy policy, cleanup_list* cleanup) noexcept {
    return type_caster<mx::Shape>::from_cpp(arg.shape, policy, cleanup);
  }
};

template <>
struct type_caster<Axes> {
  NB_TYPE_CASTER(Axes, const_name("None | int | Sequence[int]"))
  bool from_python(handle source, uint8_t flags, cleanup_list* cleanup) noexcept;
  static handle from_cpp(const Axes&, rv_policy, cleanup_list*) noexcept {
    return none().release();
  }
};

/** None, a stream, a device or a device type. */
template <>
struct type_caster<mx::StreamOrDevice> {
  NB_TYPE_CASTER(mx::StreamOrDevice, const_name("StreamOrDevice"))
  bool from_python(handle source, uint8_t flags, cleanup_list* cleanup) noexcept;
  static handle from_cpp(const mx::StreamOrDevice&, rv_policy, cleanup_list*) noexcept {
    return none().release();
  }
};

NAMESPACE_END(detail)
NAMESPACE_END(NB_NAMESPACE)
