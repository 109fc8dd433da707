// Arrays made from numbers and shapes: ranges, constants, diagonals, windows; asarray.
#include <nanobind/stl/variant.h>

#include <string>

#include "bindings.h"
#include "convert.h"
#include "interop.h"
#include "mlx/ops.h"

namespace {

/** An argument that is a Python int or float, as given. */
using Number = std::variant<int64_t, double>;

double to_double(const Number& n) {
  return std::holds_alternative<int64_t>(n) ? static_cast<double>(std::get<int64_t>(n))
                                            : std::get<double>(n);
}

/** Integers make an integer range, 64 bits wide when a bound needs it. */
mx::Dtype range_dtype(std::initializer_list<const Number*> numbers) {
  mx::Dtype dtype = mx::int32;
  for (const Number* n : numbers) {
    if (std::holds_alternative<double>(*n)) return mx::float32;
    auto value = std::get<int64_t>(*n);
    if (value != static_cast<int32_t>(value)) dtype = mx::int64;
  }
  return dtype;
}

Number read_number(nb::handle h) {
  PyObject* object = h.ptr();
  if (PyLong_Check(object)) {
    auto value = PyLong_AsLongLong(object);
    if (value == -1 && PyErr_Occurred()) throw nb::python_error();
    return static_cast<int64_t>(value);
  }
  if (PyFloat_Check(object)) return PyFloat_AS_DOUBLE(object);
  throw nb::next_overload();
}

mx::array arange(nb::handle start, nb::handle stop, nb::handle step, std::optional<mx::Dtype> dtype,
                 mx::StreamOrDevice s) {
  Number first = stop.is_none() ? Number(int64_t{0}) : read_number(start);
  Number last = stop.is_none() ? read_number(start) : read_number(stop);
  Number increment = step.is_none() ? Number(int64_t{1}) : read_number(step);
  mx::Dtype result = dtype.value_or(range_dtype({&first, &last, &increment}));
  return mx::arange(to_double(first), to_double(last), to_double(increment), result, s);
}

void bind_ranges(nb::module_& m) {
  m.def("arange", &arange, "start"_a, "stop"_a.none(), "step"_a.none() = nb::none(),
        "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def arange(start : int | float, stop : None | int | float, step : None | int | "
                "float, dtype: Dtype | None = None, *, stream: StreamOrDevice = None) -> array"),
        "The numbers from start up to but without stop, step apart.");
  m.def(
      "arange",
      [](nb::handle stop, nb::handle step, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return arange(stop, nb::none(), step, dtype, s);
      },
      "stop"_a, "step"_a.none() = nb::none(), "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def arange(stop : int | float, step : None | int | float = None, dtype: Dtype | "
              "None = None, *, stream: StreamOrDevice = None) -> array"));
  m.def(
      "linspace",
      [](double start, double stop, std::optional<int> num, bool endpoint,
         std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return mx::linspace(start, stop, num.value_or(50), endpoint, dtype.value_or(mx::float32),
                            s);
      },
      "start"_a, "stop"_a, "num"_a.none() = 50, "endpoint"_a = true,
      "dtype"_a.none() = std::optional<mx::Dtype>(mx::float32), "stream"_a = nb::none(),
      nb::sig("def linspace(start: scalar, stop: scalar, num: int | None = 50, endpoint: bool = "
              "True, dtype: Dtype | None = float32, stream: StreamOrDevice = None) -> array"),
      "Evenly spaced numbers from start to stop.");
}

void bind_constants_of_shape(nb::module_& m) {
  m.def(
      "full",
      [](const ShapeArg& shape, Operand vals, std::optional<mx::Dtype> dtype,
         mx::StreamOrDevice s) { return mx::full(shape.shape, to_array(vals, dtype), s); },
      "shape"_a, "vals"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def full(shape: int | Sequence[int], vals: scalar | array, dtype: Dtype | None = "
              "None, *, stream: StreamOrDevice = None) -> array"),
      "An array of a shape, filled with a value or with an array broadcast to it.");
  m.def(
      "full_like",
      [](const mx::array& a, Operand vals, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        mx::Dtype result = dtype.value_or(a.dtype());
        return mx::full_like(a, to_array(vals, result), result, s);
      },
      "a"_a, "vals"_a, "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def full_like(a: array, vals: scalar | array, dtype: Dtype | None = None, *, "
              "stream: StreamOrDevice = None) -> array"),
      "An array of the shape of another, filled with a value.");
  m.def(
      "zeros",
      [](const ShapeArg& shape, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return mx::zeros(shape.shape, dtype.value_or(mx::float32), s);
      },
      "shape"_a, "dtype"_a.none() = std::optional<mx::Dtype>(mx::float32), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def zeros(shape: int | Sequence[int], dtype: Dtype | None = float32, *, stream: "
              "StreamOrDevice = None) -> array"),
      "An array of zeros.");
  m.def(
      "ones",
      [](const ShapeArg& shape, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return mx::ones(shape.shape, dtype.value_or(mx::float32), s);
      },
      "shape"_a, "dtype"_a.none() = std::optional<mx::Dtype>(mx::float32), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def ones(shape: int | Sequence[int], dtype: Dtype | None = float32, *, stream: "
              "StreamOrDevice = None) -> array"),
      "An array of ones.");
  m.def(
      "zeros_like",
      [](const mx::array& a, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return mx::zeros_like(a, dtype.value_or(a.dtype()), s);
      },
      nb::arg(), "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def zeros_like(a: array, /, dtype: Dtype | None = None, *, stream: "
              "StreamOrDevice = None) -> array"),
      "Zeros in the shape of another array.");
  m.def(
      "ones_like",
      [](const mx::array& a, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return mx::ones_like(a, dtype.value_or(a.dtype()), s);
      },
      nb::arg(), "dtype"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def ones_like(a: array, /, dtype: Dtype | None = None, *, stream: StreamOrDevice "
              "= None) -> array"),
      "Ones in the shape of another array.");
  m.attr("empty") = m.attr("zeros");
  m.attr("empty_like") = m.attr("zeros_like");
}

void bind_triangles(nb::module_& m) {
  m.def(
      "eye",
      [](int n, std::optional<int> columns, int k, std::optional<mx::Dtype> dtype,
         mx::StreamOrDevice s) {
        return mx::eye(n, columns.value_or(n), k, dtype.value_or(mx::float32), s);
      },
      "n"_a, "m"_a = nb::none(), "k"_a = 0,
      "dtype"_a.none() = std::optional<mx::Dtype>(mx::float32), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def eye(n: int, m: int | None = None, k: int = 0, dtype: Dtype | None = float32, "
              "*, stream: StreamOrDevice = None) -> array"),
      "A matrix with ones on the k-th diagonal.");
  m.def(
      "identity",
      [](int n, std::optional<mx::Dtype> dtype, mx::StreamOrDevice s) {
        return mx::identity(n, dtype.value_or(mx::float32), s);
      },
      "n"_a, "dtype"_a.none() = std::optional<mx::Dtype>(mx::float32), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def identity(n: int, dtype: Dtype | None = float32, *, stream: StreamOrDevice = "
              "None) -> array"),
      "The square matrix with ones on the diagonal.");
  m.def(
      "tri",
      [](int n, std::optional<int> columns, int k, std::optional<mx::Dtype> dtype,
         mx::StreamOrDevice s) {
        return mx::tri(n, columns.value_or(n), k, dtype.value_or(mx::float32), s);
      },
      "n"_a, "m"_a = nb::none(), "k"_a = 0, "dtype"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def tri(n: int, m: int | None = None, k: int = 0, dtype: Dtype | None = None, *, "
              "stream: StreamOrDevice = None) -> array"),
      "A matrix with ones on and below the k-th diagonal.");
  m.def("tril", &mx::tril, "x"_a, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def tril(x: array, k: int = 0, *, stream: StreamOrDevice = None) -> array"),
        "Matrices with zeros above the k-th diagonal.");
  m.def("triu", &mx::triu, "x"_a, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def triu(x: array, k: int = 0, *, stream: StreamOrDevice = None) -> array"),
        "Matrices with zeros below the k-th diagonal.");
}

using WindowFn = mx::array (*)(int, mx::StreamOrDevice);

void def_window(nb::module_& m, const char* name, WindowFn window, const char* doc) {
  std::string signature =
      "def " + std::string(name) + "(M: int, *, stream: StreamOrDevice = None) -> array";
  m.def(name, window, "M"_a, nb::kw_only(), "stream"_a = nb::none(), nb::sig(signature.c_str()),
        doc);
}

void bind_windows(nb::module_& m) {
  def_window(m, "bartlett", &mx::bartlett, "The triangular window of M points.");
  def_window(m, "hanning", &mx::hanning, "The Hann window of M points.");
  def_window(m, "hamming", &mx::hamming, "The Hamming window of M points.");
  def_window(m, "blackman", &mx::blackman, "The Blackman window of M points.");
}

[[noreturn]] void throw_copy_needed(const char* op) {
  throw std::invalid_argument(std::string("[") + op +
                              "] the array cannot be made without a copy, as copy=False asks.");
}

mx::array asarray(nb::object a, std::optional<mx::Dtype> dtype, std::optional<bool> copy) {
  if (copy == false) throw_copy_needed("asarray");
  mx::array result = array_from_python(a, dtype);
  auto* source = as_array(a);
  bool is_same = source && source->id() == result.id();
  return copy == true && is_same ? mx::copy(result) : result;
}

void bind_conversions(nb::module_& m) {
  m.def("asarray", &asarray, "a"_a, "dtype"_a = nb::none(), nb::kw_only(), "copy"_a = nb::none(),
        nb::sig("def asarray(a: scalar | array | Sequence | DLPackCompatible, dtype: Dtype | None "
                "= None, *, copy: bool | None = None) -> array"),
        "An array of what array() takes; arrays are returned as they are.");
  m.def(
      "from_dlpack",
      [](nb::object x, std::optional<bool> copy) {
        if (auto* a = as_array(x)) return copy == true ? mx::copy(*a) : *a;
        if (!nb::hasattr(x, "__dlpack__")) {
          throw nb::type_error(("from_dlpack(): expected an object with __dlpack__, got " +
                                std::string(nb::inst_name(x).c_str()))
                                   .c_str());
        }
        if (copy == false) throw_copy_needed("from_dlpack");
        return array_from_dlpack(x, std::nullopt);
      },
      nb::arg(), nb::kw_only(), "copy"_a = nb::none(),
      nb::sig("def from_dlpack(x: DLPackCompatible, /, *, copy: bool | None = None) -> array"),
      "An array with the data of another library's tensor.");
}

}  // namespace

void bind_creation(nb::module_& m) {
  bind_ranges(m);
  bind_constants_of_shape(m);
  bind_triangles(m);
  bind_windows(m);
  bind_conversions(m);
}
