// The array class: construction, properties, conversions to Python, copies and pickling.
#include <sstream>
#include <string>

#include "bindings.h"
#include "convert.h"
#include "elements.h"
#include "interop.h"
#include "mlx/ops.h"
#include "operators.h"

namespace {

/** Any object with `__mlx_array__`; named in signatures. */
struct ArrayLike {
  nb::object object;
};

/** Walks over the first axis. */
struct ArrayIterator {
  explicit ArrayIterator(const mx::array& a) : source(a), length(a.shape(0)) {}

  mx::array source;
  int length;
  int next = 0;
};

void require_scalar(const mx::array& a, const char* op) {
  if (a.size() != 1) {
    throw std::invalid_argument(std::string("[") + op +
                                "] only arrays of size 1 can become a Python scalar: got size " +
                                std::to_string(a.size()) + ".");
  }
}

nb::object item(const mx::array& self) {
  mx::array a = self;
  require_scalar(a, "item");
  read_released(a);
  return to_scalar(a);
}

template <typename T>
nb::object list_of(const mx::array& a, const T* data, size_t axis, int64_t offset) {
  int length = a.shape(static_cast<int>(axis));
  int64_t stride = a.strides()[axis];
  nb::object list = nb::steal(PyList_New(length));
  if (!list.is_valid()) throw nb::python_error();
  for (int i = 0; i < length; ++i, offset += stride) {
    nb::object element;
    if (axis + 1 < a.ndim()) {
      element = list_of(a, data, axis + 1, offset);
    } else if constexpr (std::is_same_v<T, bool>) {
      element = nb::bool_(data[offset]);
    } else if constexpr (std::is_integral_v<T>) {
      element = nb::int_(data[offset]);
    } else if constexpr (std::is_same_v<T, mx::complex64_t>) {
      element = nb::steal(PyComplex_FromDoubles(data[offset].real(), data[offset].imag()));
    } else {
      element = nb::float_(static_cast<double>(data[offset]));
    }
    PyList_SET_ITEM(list.ptr(), i, element.release().ptr());
  }
  return list;
}

nb::object tolist(const mx::array& self) {
  mx::array a = self;
  read_released(a);
  if (a.ndim() == 0) return to_scalar(a);
  return visit_dtype(a.dtype(), [&](auto tag) -> nb::object {
    using T = typename decltype(tag)::type;
    return list_of<T>(a, a.data<T>(), 0, 0);
  });
}

std::string to_text(const mx::array& a) {
  mx::array source = a;
  read_released(source);
  std::ostringstream os;
  os << source;
  return os.str();
}

nb::object format(mx::array& a, nb::str spec) {
  if (a.ndim() == 0) {
    return nb::steal(PyObject_Format(item(a).ptr(), spec.ptr()));
  }
  if (nb::len(spec) > 0) {
    throw nb::type_error("unsupported format string passed to mx.array.__format__");
  }
  std::string text = to_text(a);
  return nb::str(text.c_str(), text.size());
}

nb::object as_python_number(mx::array& a, PyTypeObject* type) {
  nb::object number = item(a);
  return nb::steal(PyObject_CallOneArg(reinterpret_cast<PyObject*>(type), number.ptr()));
}

nb::object as_index(mx::array& a) {
  if (a.ndim() != 0 || !mx::issubdtype(a.dtype(), mx::integer)) {
    throw nb::type_error("Only 0-dimensional integer arrays can be converted to an index.");
  }
  return item(a);
}

nb::bytes to_bytes(mx::array& a) {
  mx::array rows = mx::contiguous(a);
  read_released(rows);
  return nb::bytes(rows.data<char>(), rows.nbytes());
}

/** NumPy's array of the elements (bfloat16 as 16-bit integers), and the dtype's number. */
nb::tuple get_state(mx::array& a) {
  mx::array source = a.dtype() == mx::bfloat16 ? reinterpret_array(a, mx::uint16) : a;
  nb::object numpy = nb::module_::import_("numpy");
  nb::object elements = numpy.attr("array")(wrap_array(source));
  return nb::make_tuple(elements, static_cast<int>(a.dtype().val()));
}

void set_state(mx::array* self, nb::tuple state) {
  if (nb::len(state) != 2) throw std::invalid_argument("[array] a pickled array has two parts.");
  auto val = nb::cast<int>(state[1]);
  if (val < 0 || val >= mx::kNumDtypes) {
    throw std::invalid_argument("[array] the pickled array has an unknown dtype.");
  }
  bool is_double = static_cast<mx::Dtype::Val>(val) == mx::Dtype::Val::float64;
  auto elements = array_from_foreign(nb::object(state[0]),
                                     is_double ? std::optional(mx::float64) : std::nullopt);
  if (!elements) throw std::invalid_argument("[array] the pickled array has no elements.");
  if (static_cast<mx::Dtype::Val>(val) == mx::Dtype::Val::bfloat16 &&
      elements->dtype() == mx::uint16) {
    new (self) mx::array(reinterpret_array(*elements, mx::bfloat16));
  } else {
    new (self) mx::array(*elements);
  }
}

nb::object namespace_of(const mx::array&, const std::optional<std::string>& api_version) {
  if (api_version) {
    throw std::invalid_argument(
        "[__array_namespace__] no particular api_version can be asked for.");
  }
  return nb::module_::import_("mlx.core");
}

void bind_conversions(ArrayClass& array_class) {
  array_class.def("item", &item, "The value of an array of size 1 as a Python scalar.")
      .def("tolist", &tolist, "The elements as nested Python lists, or as a scalar if 0-d.")
      .def("__repr__", &to_text)
      .def("__str__", &to_text)
      .def("__format__", &format, "spec"_a)
      .def("__int__", [](mx::array& a) { return as_python_number(a, &PyLong_Type); })
      .def("__float__", [](mx::array& a) { return as_python_number(a, &PyFloat_Type); })
      .def("__complex__", [](mx::array& a) { return as_python_number(a, &PyComplex_Type); })
      .def("__index__", &as_index)
      .def("__bytes__", &to_bytes)
      .def("__len__",
           [](const mx::array& a) {
             if (a.ndim() == 0) throw nb::type_error("len() of a 0-dimensional array.");
             return a.shape(0);
           })
      .def("__iter__",
           [](const mx::array& a) {
             if (a.ndim() == 0) throw nb::type_error("iter() of a 0-dimensional array.");
             return ArrayIterator(a);
           })
      .def("__copy__", [](const mx::array& a) { return mx::array(a); })
      .def(
          "__deepcopy__", [](const mx::array& a, nb::handle) { return mx::array(a); }, "memo"_a)
      .def("__getstate__", &get_state)
      .def("__setstate__", &set_state)
      .def("__array_namespace__", &namespace_of, "api_version"_a = nb::none(),
           "The module with the functions of the array API standard.");
}

}  // namespace

ArrayClass bind_array(nb::module_& m) {
  nb::class_<ArrayLike>(m, "ArrayLike", "Any object whose method __mlx_array__ returns an array.")
      .def(
          "__init__", [](ArrayLike* self, nb::object object) { new (self) ArrayLike{object}; },
          nb::arg());
  nb::class_<ArrayIterator>(m, "ArrayIterator", "Goes over the first axis of an array.")
      .def("__next__",
           [](ArrayIterator& it) {
             if (it.next >= it.length) throw nb::stop_iteration();
             return *mx::array::ArrayIterator(it.source, it.next++);
           })
      .def("__iter__", [](nb::object self) { return self; });

  ArrayClass array_class(m, "array", "An array of any rank, computed when its values are needed.",
                         nb::type_slots(array_operator_slots()), nb::is_weak_referenceable(),
                         nb::pooled(1024));
  array_class
      .def(
          "__init__",
          [](mx::array* self, nb::object val, std::optional<mx::Dtype> dtype) {
            new (self) mx::array(array_from_python(val, dtype));
          },
          "val"_a, "dtype"_a = nb::none(),
          nb::sig(
              "def __init__(self: array, val: scalar | list | tuple | DLPackCompatible | array, "
              "dtype: Dtype | None = None)"))
      .def_prop_ro("size", &mx::array::size, "The number of elements.")
      .def_prop_ro("ndim", &mx::array::ndim, "The number of dimensions.")
      .def_prop_ro("itemsize", &mx::array::itemsize, "Bytes of one element.")
      .def_prop_ro("nbytes", &mx::array::nbytes, "Bytes of all elements.")
      .def_prop_ro(
          "shape", [](const mx::array& a) { return to_tuple(a.shape()); },
          nb::sig("def shape(self) -> tuple[int, ...]"),
          "The lengths of the dimensions, as a tuple.")
      .def_prop_ro("dtype", &mx::array::dtype, "The type of the elements.")
      .def(
          "astype",
          [](const mx::array& a, mx::Dtype dtype, mx::StreamOrDevice s) {
            return mx::astype(a, dtype, s);
          },
          "dtype"_a, "stream"_a = nb::none(), "The array converted to another dtype.");
  bind_conversions(array_class);
  bind_operator_methods(array_class);
  return array_class;
}
