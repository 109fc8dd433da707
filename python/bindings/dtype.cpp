// Dtype, its categories, promotion queries, finfo and iinfo.
#include <nanobind/stl/variant.h>

#include <map>
#include <sstream>

#include "bindings.h"
#include "convert.h"

namespace {

using Category = mx::Dtype::Category;

constexpr mx::Dtype kAllDtypes[] = {
    mx::bool_, mx::uint8, mx::uint16,  mx::uint32,  mx::uint64,  mx::int8,     mx::int16,
    mx::int32, mx::int64, mx::float16, mx::float32, mx::float64, mx::bfloat16, mx::complex64};

bool is_dtype(nb::handle h) { return nb::isinstance<mx::Dtype>(h); }

using DtypeOrCategory = std::variant<mx::Dtype, Category>;

DtypeOrCategory dtype_or_category(nb::handle h, const char* which) {
  if (is_dtype(h)) return nb::cast<mx::Dtype>(h);
  if (nb::isinstance<Category>(h)) return nb::cast<Category>(h);
  throw std::invalid_argument(std::string("[issubdtype] the ") + which +
                              " argument is no dtype or category: got " + nb::inst_name(h).c_str() +
                              ".");
}

bool issubdtype(nb::object a, nb::object b) {
  return std::visit([](auto x, auto y) { return mx::issubdtype(x, y); },
                    dtype_or_category(a, "first"), dtype_or_category(b, "second"));
}

mx::Dtype dtype_of(nb::handle h, const char* op) {
  if (auto* a = as_array(h)) return a->dtype();
  if (is_dtype(h)) return nb::cast<mx::Dtype>(h);
  throw std::invalid_argument(std::string("[") + op + "] expected arrays or dtypes: got " +
                              nb::inst_name(h).c_str() + ".");
}

mx::Dtype result_type(nb::args inputs) {
  if (inputs.size() == 0) {
    throw std::invalid_argument("[result_type] needs at least one array or dtype.");
  }
  mx::Dtype result = dtype_of(inputs[0], "result_type");
  for (nb::handle input : inputs) {
    result = mx::promote_types(result, dtype_of(input, "result_type"));
  }
  return result;
}

bool is_dtype_of_kind(mx::Dtype dtype, const std::string& kind) {
  if (kind == "bool") return dtype == mx::bool_;
  if (kind == "signed integer") return mx::issubdtype(dtype, mx::signedinteger);
  if (kind == "unsigned integer") return mx::issubdtype(dtype, mx::unsignedinteger);
  if (kind == "integral") return mx::issubdtype(dtype, mx::integer);
  if (kind == "real floating") return mx::issubdtype(dtype, mx::floating);
  if (kind == "complex floating") return mx::issubdtype(dtype, mx::complexfloating);
  if (kind == "numeric") return mx::issubdtype(dtype, mx::number);
  throw std::invalid_argument("[isdtype] unknown kind of dtype: got '" + kind + "'.");
}

bool isdtype(mx::Dtype dtype, nb::object kind) {
  if (is_dtype(kind)) return dtype == nb::cast<mx::Dtype>(kind);
  if (PyUnicode_Check(kind.ptr())) return is_dtype_of_kind(dtype, nb::cast<std::string>(kind));
  if (PyTuple_Check(kind.ptr())) {
    bool found = false;
    for (nb::handle item : nb::borrow<nb::tuple>(kind)) {
      found |= isdtype(dtype, nb::borrow<nb::object>(item));
    }
    return found;
  }
  throw std::invalid_argument("[isdtype] kind must be a dtype, a string or a tuple of them: got " +
                              std::string(nb::inst_name(kind).c_str()) + ".");
}

void bind_limits(nb::module_& m) {
  nb::class_<mx::finfo>(m, "finfo", "The limits of a floating-point dtype.")
      .def(nb::init<mx::Dtype>())
      .def_ro("bits", &mx::finfo::bits, "Bits of one number.")
      .def_ro("min", &mx::finfo::min, "The lowest finite number.")
      .def_ro("max", &mx::finfo::max, "The highest finite number.")
      .def_ro("eps", &mx::finfo::eps, "The distance from 1 to the next higher number.")
      .def_ro("smallest_normal", &mx::finfo::smallest_normal, "The least positive normal number.")
      .def_ro("dtype", &mx::finfo::dtype, "The dtype (of the parts, for complex numbers).")
      .def("__repr__", [](const mx::finfo& f) {
        std::ostringstream os;
        os << "finfo(min=" << f.min << ", max=" << f.max << ", dtype=" << f.dtype << ")";
        return os.str();
      });
  nb::class_<mx::iinfo>(m, "iinfo", "The limits of an integer dtype.")
      .def(nb::init<mx::Dtype>())
      .def_ro("min", &mx::iinfo::min, "The lowest number.")
      .def_ro("max", &mx::iinfo::max, "The highest number.")
      .def_ro("dtype", &mx::iinfo::dtype, "The dtype.")
      .def("__repr__", [](const mx::iinfo& i) {
        std::ostringstream os;
        os << "iinfo(min=" << i.min << ", max=" << i.max << ", dtype=" << i.dtype << ")";
        return os.str();
      });
}

}  // namespace

void bind_dtype(nb::module_& m) {
  nb::class_<mx::Dtype>(m, "Dtype", "The type of an array's elements.")
      .def_prop_ro("size", &mx::Dtype::size, "Bytes of one element.")
      .def("__repr__",
           [](const mx::Dtype& t) { return "mlx.core." + std::string(mx::dtype_name(t)); })
      .def(
          "__eq__",
          [](const mx::Dtype& t, nb::object other) {
            return is_dtype(other) && t == nb::cast<mx::Dtype>(other);
          },
          nb::arg().none())
      .def("__hash__", [](const mx::Dtype& t) { return static_cast<int64_t>(t.val()); })
      .def("__reduce__",
           [](const mx::Dtype& t) {
             // The name of the module's constant: pickling gives back the same object.
             std::string name(mx::dtype_name(t));
             return name == "bool" ? "bool_" : name;
           })
      .def("__copy__", [](nb::object self) { return self; })
      .def(
          "__deepcopy__", [](nb::object self, nb::handle) { return self; }, "memo"_a);
  for (mx::Dtype dtype : kAllDtypes) {
    std::string name(mx::dtype_name(dtype));
    m.attr(dtype == mx::bool_ ? "bool_" : name.c_str()) = nb::cast(dtype);
  }

  nb::enum_<Category>(m, "DtypeCategory", "Groups of dtypes, from `generic` (all) downwards.")
      .value("complexfloating", mx::complexfloating)
      .value("floating", mx::floating)
      .value("inexact", mx::inexact)
      .value("signedinteger", mx::signedinteger)
      .value("unsignedinteger", mx::unsignedinteger)
      .value("integer", mx::integer)
      .value("number", mx::number)
      .value("generic", mx::generic)
      .export_values();

  bind_limits(m);

  m.def("issubdtype", &issubdtype, "arg1"_a, "arg2"_a,
        "True when the first dtype or category lies within the second.");
  m.def("result_type", &result_type,
        nb::sig("def result_type(*arrays_and_dtypes: array | Dtype) -> Dtype"),
        "The dtype that arrays and dtypes promote to.");
  m.def(
      "can_cast",
      [](nb::object from, mx::Dtype to) {
        mx::Dtype source = dtype_of(from, "can_cast");
        return mx::promote_types(source, to) == to;
      },
      "from_"_a, "to"_a, nb::sig("def can_cast(from_: array | Dtype, to: Dtype) -> bool"),
      "True when promotion turns the first dtype into the second.");
  m.def("isdtype", &isdtype, "dtype"_a, "kind"_a,
        nb::sig("def isdtype(dtype: Dtype, kind: Dtype | str | tuple[Dtype | str, ...]) -> bool"),
        "True when a dtype is, or is of the kind, that is named (as the array API standard does).");
}
