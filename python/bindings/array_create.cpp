// Arrays from Python scalars, nested sequences and array-like objects.
#include <string>

#include "convert.h"
#include "elements.h"
#include "mlx/ops.h"

namespace {

constexpr size_t kMaxDepth = 64;  // also ends the walk of a list that contains itself

/** Which elements a nested sequence holds: the later, the wider. */
enum class Kind { boolean, int32, int64, uint64, real, complex };

bool is_sequence(PyObject* object) { return PyList_Check(object) || PyTuple_Check(object); }

[[noreturn]] void throw_bad_type(PyObject* object) {
  throw std::invalid_argument("[array] cannot make an array of a value of type " +
                              std::string(nb::inst_name(nb::handle(object)).c_str()) + ".");
}

/** Reads nested lists and tuples of one shape: first their shape and kind, then their elements. */
class SequenceReader {
 public:
  explicit SequenceReader(PyObject* root) { measure(root, 0); }

  /** Arrays among the elements make the result a stack of arrays. */
  bool has_arrays() const { return has_arrays_; }

  mx::array read(PyObject* root, std::optional<mx::Dtype> dtype) const {
    if (size() == 0)
      return mx::array(static_cast<float*>(nullptr), shape_, dtype.value_or(mx::float32));
    switch (kind_) {
      case Kind::boolean:
        return read_as<bool>(root, dtype.value_or(mx::bool_));
      case Kind::int32:
        return read_as<int64_t>(root, dtype.value_or(mx::int32));
      case Kind::int64:
        if (dtype == mx::int32) {
          throw std::invalid_argument("[array] an integer of the sequence does not fit int32.");
        }
        return read_as<int64_t>(root, dtype.value_or(mx::int64));
      case Kind::uint64:
        return read_as<uint64_t>(root, dtype.value_or(mx::uint64));
      case Kind::real:
        if (dtype == mx::float64) return read_as<double>(root, mx::float64);
        return read_as<float>(root, dtype.value_or(mx::float32));
      case Kind::complex:
        break;
    }
    return read_as<mx::complex64_t>(root, dtype.value_or(mx::complex64));
  }

 private:
  size_t size() const {
    size_t count = 1;
    for (auto length : shape_) count *= length;
    return count;
  }

  void measure(PyObject* object, size_t depth) {
    if (depth >= kMaxDepth) {
      throw std::invalid_argument("[array] the sequence is nested too deeply.");
    }
    auto length = PySequence_Fast_GET_SIZE(object);
    if (depth == shape_.size()) {
      if (leaf_depth_ >= 0) throw_ragged();
      shape_.push_back(mx::safe_cast(length, "array"));
    } else if (length != shape_[static_cast<int>(depth)]) {
      throw_ragged();
    }
    PyObject** items = PySequence_Fast_ITEMS(object);
    for (Py_ssize_t i = 0; i < length; ++i) {
      if (is_sequence(items[i])) {
        if (leaf_depth_ >= 0 && static_cast<int>(depth) + 1 >= leaf_depth_) throw_ragged();
        measure(items[i], depth + 1);
      } else {
        see_leaf(items[i], depth + 1);
        if (has_arrays_) return;
      }
    }
  }

  void see_leaf(PyObject* item, size_t depth) {
    if (leaf_depth_ < 0) {
      if (!is_number(item)) {
        has_arrays_ = true;
        return;
      }
      if (depth != shape_.size()) throw_ragged();
      leaf_depth_ = static_cast<int>(depth);
    }
    if (static_cast<int>(depth) != leaf_depth_) throw_ragged();
    Kind kind = kind_of(item);
    // Unsigned 64-bit numbers beside negative ones have no integer type in common.
    has_negative_ |= kind != Kind::uint64 && kind != Kind::boolean && is_negative_int(item);
    kind_ = std::max(kind_, kind);
    if (kind_ == Kind::uint64 && has_negative_) {
      throw std::invalid_argument(
          "[array] no integer dtype holds all the numbers of the sequence.");
    }
  }

  static bool is_number(PyObject* item) {
    return PyFloat_Check(item) || PyLong_Check(item) || PyComplex_Check(item);
  }

  static bool is_negative_int(PyObject* item) {
    if (!PyLong_Check(item)) return false;
    int overflow = 0;
    return PyLong_AsLongLongAndOverflow(item, &overflow) < 0;
  }

  Kind kind_of(PyObject* item) {
    if (PyFloat_Check(item)) return Kind::real;
    if (PyBool_Check(item)) return Kind::boolean;
    if (PyLong_Check(item)) {
      int overflow = 0;
      long long value = PyLong_AsLongLongAndOverflow(item, &overflow);
      if (overflow == 0) return value == static_cast<int32_t>(value) ? Kind::int32 : Kind::int64;
      if (overflow > 0) {
        PyLong_AsUnsignedLongLong(item);
        if (!PyErr_Occurred()) return Kind::uint64;
        PyErr_Clear();
      }
      throw std::overflow_error("[array] an integer of the sequence does not fit 64 bits.");
    }
    if (PyComplex_Check(item)) return Kind::complex;
    has_arrays_ = true;
    return kind_;
  }

  [[noreturn]] static void throw_ragged() {
    throw std::invalid_argument(
        "[array] the nested sequences do not have the same lengths and depth.");
  }

  template <typename T>
  static T read_leaf(PyObject* item) {
    if (PyFloat_Check(item)) return static_cast<T>(PyFloat_AS_DOUBLE(item));
    if (PyLong_Check(item)) {
      if constexpr (std::is_same_v<T, uint64_t>) {
        return PyLong_AsUnsignedLongLong(item);
      } else if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, bool>) {
        return static_cast<T>(PyLong_AsLongLong(item));
      } else {
        return static_cast<T>(PyLong_AsDouble(item));
      }
    }
    Py_complex value = PyComplex_AsCComplex(item);
    if constexpr (std::is_same_v<T, mx::complex64_t>) {
      return {static_cast<float>(value.real), static_cast<float>(value.imag)};
    } else {
      return static_cast<T>(value.real);
    }
  }

  template <typename T>
  void append(PyObject* object, size_t depth, T*& to) const {
    Py_ssize_t length = PySequence_Fast_GET_SIZE(object);
    PyObject** items = PySequence_Fast_ITEMS(object);
    for (Py_ssize_t i = 0; i < length; ++i) {
      if (depth + 1 < shape_.size()) {
        append(items[i], depth + 1, to);
      } else {
        *to++ = read_leaf<T>(items[i]);
      }
    }
  }

  template <typename T>
  mx::array read_as(PyObject* root, mx::Dtype dtype) const {
    std::unique_ptr<T[]> values(new T[size()]);
    T* to = values.get();
    append(root, 0, to);
    if (PyErr_Occurred()) throw nb::python_error();
    return mx::array(values.get(), shape_, dtype);
  }

  mx::Shape shape_;
  Kind kind_ = Kind::boolean;
  int leaf_depth_ = -1;
  bool has_arrays_ = false;
  bool has_negative_ = false;
};

/** A stack of the items of a sequence that holds arrays; stays in the graph of those arrays. */
mx::array stack_items(PyObject* sequence, size_t depth) {
  if (depth >= kMaxDepth) {
    throw std::invalid_argument("[array] the sequence is nested too deeply.");
  }
  std::vector<mx::array> items;
  Py_ssize_t length = PySequence_Fast_GET_SIZE(sequence);
  for (Py_ssize_t i = 0; i < length; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(sequence, i);
    items.push_back(is_sequence(item) && PySequence_Fast_GET_SIZE(item) > 0
                        ? stack_items(item, depth + 1)
                        : array_from_python(item, std::nullopt));
  }
  for (const auto& item : items) {
    if (item.shape() != items[0].shape()) {
      throw std::invalid_argument(
          "[array] the nested sequences do not have the same lengths and depth.");
    }
  }
  return mx::stack(items);
}

/** A Python number as `dtype`, by C++'s conversions: integers wrap, fractions are cut off. */
std::optional<mx::array> array_from_number(PyObject* object, mx::Dtype dtype) {
  if (PyLong_Check(object) && !PyBool_Check(object)) {
    if (mx::issubdtype(dtype, mx::inexact)) {
      double value = PyLong_AsDouble(object);
      if (value == -1.0 && PyErr_Occurred()) throw nb::python_error();
      return mx::array(value, dtype);
    }
    uint64_t value = PyLong_AsUnsignedLongLongMask(object);
    return mx::array(value, dtype);
  }
  if (PyComplex_Check(object) && dtype != mx::complex64) {
    return mx::array(PyComplex_RealAsDouble(object), dtype);
  }
  if (PyFloat_Check(object)) return mx::array(PyFloat_AS_DOUBLE(object), dtype);
  return std::nullopt;
}

}  // namespace

mx::array array_from_python(nb::handle value, std::optional<mx::Dtype> dtype) {
  PyObject* object = value.ptr();
  if (auto* a = as_array(value)) return dtype ? mx::astype(*a, *dtype) : *a;
  if (is_sequence(object)) {
    SequenceReader reader(object);
    if (!reader.has_arrays()) return reader.read(object, dtype);
    mx::array stacked = stack_items(object, 0);
    return dtype ? mx::astype(stacked, *dtype) : stacked;
  }
  if (PyFloat_Check(object) || PyLong_Check(object) || PyComplex_Check(object)) {
    if (dtype) {
      if (auto a = array_from_number(object, *dtype)) return *a;
    }
    mx::array a = to_array(Operand{value});
    return dtype ? mx::astype(a, *dtype) : a;
  }
  if (nb::hasattr(value, "__mlx_array__")) {
    mx::array a = to_array(Operand{value});
    return dtype ? mx::astype(a, *dtype) : a;
  }
  if (auto a = array_from_foreign(value, dtype)) return *a;
  throw_bad_type(object);
}
