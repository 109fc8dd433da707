// Conversions between Python and C++: operands, shapes, axes, streams and scalars.
#include "convert.h"

#include <array>
#include <bit>
#include <limits>
#include <string>

#include "elements.h"
#include "mlx/backend/cuda/cuda.h"
#include "mlx/ops.h"
#include "mlx/stream.h"

namespace {

/** The Python type `array`, once it exists. */
PyTypeObject* array_type() {
  static auto* type = reinterpret_cast<PyTypeObject*>(nb::type<mx::array>().ptr());
  return type;
}

[[noreturn]] void throw_overflow(PyObject* value, mx::Dtype dtype) {
  throw std::invalid_argument("[array] converting " +
                              std::string(nb::str(nb::handle(value)).c_str()) + " to " +
                              std::string(mx::dtype_name(dtype)) + " would overflow.");
}

/** The arrays of the Python numbers that were operands last: programs use the same few again and
 * again. Each thread has its own. */
template <typename T>
mx::array recent_constant(T value, mx::Dtype dtype) {
  struct Entry {
    uint64_t bits = 0;
    std::optional<mx::array> constant;
  };
  constexpr size_t kNumEntries = 16;
  thread_local std::array<Entry, kNumEntries> recent;
  auto bits = std::bit_cast<uint64_t>(value);
  uint64_t mixed = (bits ^ static_cast<uint64_t>(dtype.val())) * 0x9e3779b97f4a7c15;
  Entry& entry = recent[mixed >> 60];
  if (!entry.constant || entry.bits != bits || entry.constant->dtype() != dtype) {
    entry.bits = bits;
    entry.constant = mx::array(value, dtype);
  }
  return *entry.constant;
}

/** A Python int as the dtype of the array it is combined with; raises when it does not fit. */
mx::array int_operand(PyObject* object, std::optional<mx::Dtype> weak) {
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (value == -1 && PyErr_Occurred()) throw nb::python_error();
  if (overflow != 0) {
    unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(object) : 0;
    if (overflow < 0 || PyErr_Occurred()) {
      PyErr_Clear();
      if (weak && mx::issubdtype(*weak, mx::inexact)) {
        double real = PyLong_AsDouble(object);
        if (PyErr_Occurred()) throw nb::python_error();
        return mx::array(real, *weak);
      }
      throw_overflow(object, weak.value_or(mx::int64));
    }
    mx::Dtype dtype = weak && *weak != mx::bool_ ? *weak : mx::uint64;
    if (mx::issubdtype(dtype, mx::integer) && dtype != mx::uint64) throw_overflow(object, dtype);
    return mx::array(static_cast<uint64_t>(large), dtype);
  }
  bool is_small = value == static_cast<int32_t>(value);
  if (!weak || *weak == mx::bool_) {
    return recent_constant(static_cast<int64_t>(value), is_small ? mx::int32 : mx::int64);
  }
  return visit_dtype(*weak, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      // Negative numbers wrap around in uint64, as they do in C.
      bool fits = std::is_same_v<T, uint64_t> ||
                  (value >= static_cast<long long>(std::numeric_limits<T>::min()) &&
                   value <= static_cast<long long>(std::numeric_limits<T>::max()));
      if (!fits) throw_overflow(object, *weak);
    }
    return recent_constant(static_cast<int64_t>(value), *weak);
  });
}

/** A foreign array takes part as the dtype of the array it is combined with, as a number would. */
mx::array adapt(mx::array a, std::optional<mx::Dtype> weak) {
  return !weak || *weak == a.dtype() ? a : mx::astype(a, *weak);
}

/** An array for anything that is one or stands for one, but no Python scalar. */
std::optional<mx::array> array_like(nb::handle handle) {
  if (auto* a = as_array(handle)) return *a;
  if (PyFloat_Check(handle.ptr()) || PyLong_Check(handle.ptr()) || PyComplex_Check(handle.ptr())) {
    return std::nullopt;
  }
  if (nb::hasattr(handle, "__mlx_array__")) {
    nb::object made = handle.attr("__mlx_array__")();
    if (auto* a = as_array(made)) return *a;
    throw std::invalid_argument("[array] __mlx_array__ returned no array.");
  }
  return array_from_foreign(handle, std::nullopt);
}

}  // namespace

std::vector<int> Axes::or_all(size_t ndim) const {
  if (values) return *values;
  std::vector<int> all(ndim);
  for (size_t i = 0; i < ndim; ++i) all[i] = static_cast<int>(i);
  return all;
}

mx::array* as_array(nb::handle handle) {
  PyTypeObject* type = Py_TYPE(handle.ptr());
  if (type != array_type() && !PyType_IsSubtype(type, array_type())) return nullptr;
  if (!nb::inst_ready(handle)) return nullptr;
  return nb::inst_ptr<mx::array>(handle);
}

nb::object wrap_array(mx::array a) {
  nb::object object = nb::inst_alloc(nb::handle(reinterpret_cast<PyObject*>(array_type())));
  new (nb::inst_ptr<mx::array>(object)) mx::array(std::move(a));
  nb::inst_mark_ready(object);
  return object;
}

mx::array to_array(Operand operand, std::optional<mx::Dtype> weak) {
  PyObject* object = operand.handle.ptr();
  if (auto* a = as_array(operand.handle)) return *a;
  if (PyFloat_Check(object)) {
    mx::Dtype dtype = weak && mx::issubdtype(*weak, mx::inexact) ? *weak : mx::float32;
    return recent_constant(PyFloat_AS_DOUBLE(object), dtype);
  }
  if (PyBool_Check(object)) return mx::array(object == Py_True, weak.value_or(mx::bool_));
  if (PyLong_Check(object)) return int_operand(object, weak);
  if (PyComplex_Check(object)) {
    Py_complex value = PyComplex_AsCComplex(object);
    return mx::array(
        std::complex<float>(static_cast<float>(value.real), static_cast<float>(value.imag)));
  }
  if (auto a = array_like(operand.handle)) return adapt(std::move(*a), weak);
  throw std::invalid_argument("[array] expected an array or a number: got " +
                              std::string(nb::inst_name(operand.handle).c_str()) + ".");
}

std::pair<mx::array, mx::array> to_arrays(Operand a, Operand b) {
  auto* left = as_array(a.handle);
  auto* right = as_array(b.handle);
  if (left && right) return {*left, *right};
  if (left) return {*left, to_array(b, left->dtype())};
  if (right) return {to_array(a, right->dtype()), *right};
  auto foreign_left = array_like(a.handle);
  auto foreign_right = array_like(b.handle);
  if (foreign_left && foreign_right) return {*foreign_left, *foreign_right};
  if (foreign_left) return {*foreign_left, to_array(b, foreign_left->dtype())};
  if (foreign_right) return {to_array(a, foreign_right->dtype()), *foreign_right};
  return {to_array(a), to_array(b)};
}

bool is_operand(nb::handle handle) {
  PyObject* object = handle.ptr();
  return as_array(handle) || PyFloat_Check(object) || PyLong_Check(object) ||
         PyComplex_Check(object) || PyObject_CheckBuffer(object) ||
         nb::hasattr(handle, "__mlx_array__") || nb::hasattr(handle, "__dlpack__");
}

// `a` must be the caller's own: another thread may assign to a Python object while this one waits.
void eval_released(mx::array& a) {
  if (a.is_available()) return;
  nb::gil_scoped_release release;
  a.eval();
}

void read_released(mx::array& a) {
  if (a.is_available() && !mx::cu::is_on_device(a)) return;
  nb::gil_scoped_release release;
  a = mx::to_host(std::move(a));
}

nb::object to_scalar(mx::array& a) {
  return visit_dtype(a.dtype(), [&](auto tag) -> nb::object {
    using T = typename decltype(tag)::type;
    T value = *a.data<T>();
    if constexpr (std::is_same_v<T, bool>) {
      return nb::bool_(value);
    } else if constexpr (std::is_integral_v<T>) {
      return nb::int_(value);
    } else if constexpr (std::is_same_v<T, mx::complex64_t>) {
      return nb::steal(PyComplex_FromDoubles(value.real(), value.imag()));
    } else {
      return nb::float_(static_cast<double>(value));
    }
  });
}

mx::array reinterpret_array(mx::array a, mx::Dtype dtype) {
  eval_released(a);
  mx::array view = mx::array::placeholder(a.shape(), dtype);
  view.copy_shared_buffer(a);
  view.set_status(mx::array::available);
  return view;
}

nb::object to_tuple(const mx::Shape& shape) { return nb::cast(shape); }

NAMESPACE_BEGIN(NB_NAMESPACE)
NAMESPACE_BEGIN(detail)

bool read_int(handle source, int64_t& out) noexcept {
  PyObject* object = source.ptr();
  if (!PyIndex_Check(object)) return false;
  PyObject* index = PyLong_Check(object) ? (Py_INCREF(object), object) : PyNumber_Index(object);
  if (index) {
    int overflow = 0;
    out = PyLong_AsLongLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    if (overflow == 0 && !PyErr_Occurred()) return true;
  }
  PyErr_Clear();
  return false;
}

bool read_ints(handle source, std::vector<int64_t>& out) noexcept {
  PyObject* object = source.ptr();
  if (PyUnicode_Check(object) || PyBytes_Check(object)) return false;
  PyObject* items = PySequence_Fast(object, "expected a sequence");
  if (!items) {
    PyErr_Clear();
    return false;
  }
  bool ok = true;
  Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  for (Py_ssize_t i = 0; ok && i < count; ++i) {
    int64_t value = 0;
    ok = read_int(PySequence_Fast_GET_ITEM(items, i), value);
    out.push_back(value);
  }
  Py_DECREF(items);
  return ok;
}

bool type_caster<ShapeArg>::from_python(handle source, uint8_t flags, cleanup_list* cleanup) {
  int64_t length = 0;
  value.is_int = PyIndex_Check(source.ptr()) && read_int(source, length);
  if (value.is_int) {
    value.shape = mx::Shape{checked_length<mx::ShapeElem>(length)};
    return true;
  }
  type_caster<mx::Shape> shape;
  if (!shape.from_python(source, flags, cleanup)) return false;
  value.shape = std::move(shape.value);
  return true;
}

bool type_caster<Axes>::from_python(handle source, uint8_t, cleanup_list*) noexcept {
  value = Axes{};
  if (source.is_none()) return true;
  std::vector<int64_t> axes;
  int64_t axis = 0;
  if (PyIndex_Check(source.ptr()) && read_int(source, axis)) {
    axes.push_back(axis);
    value.is_int = true;
  } else if (!read_ints(source, axes)) {
    return false;
  }
  value.values.emplace();
  for (int64_t a : axes) {
    if (a != static_cast<int>(a)) return false;
    value.values->push_back(static_cast<int>(a));
  }
  return true;
}

bool type_caster<mx::StreamOrDevice>::from_python(handle source, uint8_t flags,
                                                  cleanup_list*) noexcept {
  if (source.is_none()) {
    value = std::monostate{};
    return true;
  }
  if (nb::isinstance<mx::Stream>(source)) {
    value = *nb::inst_ptr<mx::Stream>(source);
  } else if (nb::isinstance<mx::ThreadLocalStream>(source)) {
    value = *nb::inst_ptr<mx::ThreadLocalStream>(source);
  } else if (nb::isinstance<mx::Device>(source)) {
    value = *nb::inst_ptr<mx::Device>(source);
  } else {
    // A plain integer is no device: isinstance allows no conversions.
    if (!nb::isinstance<mx::Device::DeviceType>(source)) return false;
    value = nb::cast<mx::Device::DeviceType>(source);
  }
  return true;
}

NAMESPACE_END(detail)
NAMESPACE_END(NB_NAMESPACE)
