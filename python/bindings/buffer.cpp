// The buffer protocol, NumPy and other foreign memory: copies in, views out.
#include <cstring>
#include <string>

#include "bindings.h"
#include "elements.h"
#include "interop.h"
#include "mlx/ops.h"

namespace {

using Type = ForeignData::Type;

template <typename From, typename To>
void copy_elements(const ForeignData& source, size_t axis, const char* from, To*& to) {
  if (axis == source.shape.size()) {
    From value;
    std::memcpy(&value, from, sizeof(From));
    *to++ = static_cast<To>(value);
    return;
  }
  int64_t stride = source.strides[axis];
  int length = source.shape[axis];
  if (axis + 1 == source.shape.size()) {
    if (std::is_same_v<From, To> && stride == static_cast<int64_t>(sizeof(From))) {
      std::memcpy(static_cast<void*>(to), from, length * sizeof(From));
      to += length;
      return;
    }
    for (int i = 0; i < length; ++i, from += stride) {
      From value;
      std::memcpy(&value, from, sizeof(From));
      *to++ = static_cast<To>(value);
    }
    return;
  }
  for (int i = 0; i < length; ++i, from += stride) copy_elements<From>(source, axis + 1, from, to);
}

/** Rows that follow one another in memory are copied as one. */
ForeignData merge_rows(ForeignData source) {
  while (source.shape.size() >= 2) {
    size_t last = source.shape.size() - 1;
    int64_t length = static_cast<int64_t>(source.shape[last]) * source.shape[last - 1];
    if (source.strides[last - 1] != source.strides[last] * source.shape[last] ||
        length != static_cast<mx::ShapeElem>(length)) {
      break;
    }
    source.shape[last - 1] = static_cast<mx::ShapeElem>(length);
    source.strides[last - 1] = source.strides[last];
    source.shape.pop_back();
    source.strides.pop_back();
  }
  return source;
}

template <typename From, typename To = From>
mx::array copy_as(const ForeignData& source, mx::Dtype dtype) {
  size_t size = 1;
  for (auto length : source.shape) size *= length;
  mx::array result(mx::allocator::malloc(size * sizeof(To)), source.shape, dtype);
  To* to = result.data<To>();
  if (size > 0) copy_elements<From>(merge_rows(source), 0, source.data, to);
  return result;
}

mx::array copy_native(const ForeignData& source, std::optional<mx::Dtype> dtype) {
  switch (source.type) {
    case Type::boolean:
      return copy_as<bool>(source, mx::bool_);
    case Type::bfloat:
      return copy_as<uint16_t>(source, mx::bfloat16);
    case Type::complex:
      if (source.itemsize == 8) return copy_as<mx::complex64_t>(source, mx::complex64);
      return copy_as<std::complex<double>, std::complex<float>>(source, mx::complex64);
    case Type::real:
      if (source.itemsize == 2) return copy_as<uint16_t>(source, mx::float16);
      if (source.itemsize == 4) return copy_as<float>(source, mx::float32);
      if (dtype == mx::float64) return copy_as<double>(source, mx::float64);
      return copy_as<double, float>(source, mx::float32);
    case Type::signed_int:
      if (source.itemsize == 1) return copy_as<int8_t>(source, mx::int8);
      if (source.itemsize == 2) return copy_as<int16_t>(source, mx::int16);
      if (source.itemsize == 4) return copy_as<int32_t>(source, mx::int32);
      return copy_as<int64_t>(source, mx::int64);
    case Type::unsigned_int:
      break;
  }
  if (source.itemsize == 1) return copy_as<uint8_t>(source, mx::uint8);
  if (source.itemsize == 2) return copy_as<uint16_t>(source, mx::uint16);
  if (source.itemsize == 4) return copy_as<uint32_t>(source, mx::uint32);
  return copy_as<uint64_t>(source, mx::uint64);
}

[[noreturn]] void throw_bad_format(const std::string& format) {
  throw std::invalid_argument("[array] no dtype holds elements of buffer format '" + format + "'.");
}

/** Reads a struct-module format of one element. */
std::pair<Type, int> parse_format(std::string format, Py_ssize_t itemsize) {
  std::string letter = format;
  if (!letter.empty() && std::string("@=<").find(letter[0]) != std::string::npos) {
    letter = letter.substr(1);
  }
  auto size = static_cast<int>(itemsize);
  bool is_power = size == 1 || size == 2 || size == 4 || size == 8;
  if (letter == "?") return {Type::boolean, 1};
  if (letter == "Zf" || letter == "Zd") return {Type::complex, letter == "Zf" ? 8 : 16};
  if (letter == "bfloat16") return {Type::bfloat, 2};
  if (letter == "e" || letter == "f" || letter == "d") return {Type::real, size};
  if (is_power && letter.size() == 1) {
    if (std::string("bhilqn").find(letter) != std::string::npos) return {Type::signed_int, size};
    if (std::string("BHILQNc").find(letter) != std::string::npos) return {Type::unsigned_int, size};
  }
  throw_bad_format(format);
}

/** NumPy has no bfloat16 of its own: arrays of ml_dtypes' bfloat16 are read as 16-bit integers. */
bool is_numpy_bfloat16(nb::handle value) {
  if (!nb::hasattr(value, "__array_interface__") || !nb::hasattr(value, "dtype")) return false;
  nb::object name = nb::getattr(value.attr("dtype"), "name", nb::none());
  return PyUnicode_Check(name.ptr()) && nb::cast<std::string>(name) == "bfloat16";
}

class BufferView {
 public:
  explicit BufferView(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_FULL_RO) != 0) throw nb::python_error();
  }
  ~BufferView() { PyBuffer_Release(&view_); }
  BufferView(const BufferView&) = delete;
  BufferView& operator=(const BufferView&) = delete;

  ForeignData describe() const {
    ForeignData data;
    data.data = static_cast<const char*>(view_.buf);
    if (view_.suboffsets) throw_bad_format("indirect");
    std::tie(data.type, data.itemsize) =
        parse_format(view_.format ? view_.format : "B", view_.itemsize);
    // An exporter of plain bytes may leave out the shape, one of rows in order the strides.
    for (int i = 0; i < view_.ndim; ++i) {
      Py_ssize_t length = view_.shape ? view_.shape[i] : view_.len / view_.itemsize;
      data.shape.push_back(mx::safe_cast(length, "array"));
    }
    int64_t stride = view_.itemsize;
    data.strides.resize(view_.ndim);
    for (int i = view_.ndim - 1; i >= 0; --i) {
      data.strides[i] = view_.strides ? view_.strides[i] : stride;
      stride *= data.shape[i];
    }
    return data;
  }

 private:
  Py_buffer view_;
};

/** What a buffer export keeps alive: the array, and its shape and strides in the protocol's types.
 */
struct BufferExport {
  mx::array source;
  std::vector<Py_ssize_t> shape;
  std::vector<Py_ssize_t> strides;
};

const char* buffer_format(mx::Dtype dtype) {
  using Val = mx::Dtype::Val;
  switch (dtype.val()) {
    case Val::bool_:
      return "?";
    case Val::uint8:
      return "B";
    case Val::uint16:
      return "H";
    case Val::uint32:
      return "I";
    case Val::uint64:
      return "Q";
    case Val::int8:
      return "b";
    case Val::int16:
      return "h";
    case Val::int32:
      return "i";
    case Val::int64:
      return "q";
    case Val::float16:
      return "e";
    case Val::float32:
      return "f";
    case Val::float64:
      return "d";
    case Val::bfloat16:
      return "bfloat16";
    case Val::complex64:
      return "Zf";
  }
  return "";
}

nb::object to_numpy(nb::handle self, nb::handle dtype, nb::handle copy) {
  auto* a = as_array(self);
  nb::module_ numpy = nb::module_::import_("numpy");
  nb::object result;
  if (a->dtype() == mx::bfloat16) {
    nb::object ml_dtypes;
    try {
      ml_dtypes = nb::module_::import_("ml_dtypes");
    } catch (nb::python_error&) {
      throw nb::type_error(
          "bfloat16 arrays need the package ml_dtypes to become NumPy arrays; or convert them "
          "first: a.astype(mx.float32).");
    }
    mx::array bits = reinterpret_array(*a, mx::uint16);
    result = numpy.attr("asarray")(wrap_array(bits)).attr("view")(ml_dtypes.attr("bfloat16"));
  } else {
    result = numpy.attr("asarray")(nb::steal(PyMemoryView_FromObject(self.ptr())));
  }
  if (!dtype.is_none()) result = result.attr("astype")(dtype, "copy"_a = false);
  if (!copy.is_none() && nb::cast<bool>(copy)) result = result.attr("copy")();
  return result;
}

}  // namespace

mx::array copy_foreign(const ForeignData& source, std::optional<mx::Dtype> dtype) {
  mx::array a = copy_native(source, dtype);
  return dtype ? mx::astype(a, *dtype) : a;
}

std::optional<mx::array> array_from_foreign(nb::handle value, std::optional<mx::Dtype> dtype) {
  if (is_numpy_bfloat16(value)) {
    BufferView view(value.attr("view")("uint16"));
    ForeignData data = view.describe();
    data.type = Type::bfloat;
    return copy_foreign(data, dtype);
  }
  if (PyObject_CheckBuffer(value.ptr())) return copy_foreign(BufferView(value).describe(), dtype);
  if (nb::hasattr(value, "__dlpack__")) return array_from_dlpack(value, dtype);
  return std::nullopt;
}

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  std::memset(view, 0, sizeof(*view));
  if (!as_array(nb::handle(object))) {
    PyErr_SetString(PyExc_BufferError, "the array is not initialised");
    return -1;
  }
  try {
    mx::array held = *as_array(nb::handle(object));
    read_released(held);
    mx::array* a = &held;
    auto exported = std::make_unique<BufferExport>(BufferExport{*a, {}, {}});
    auto itemsize = static_cast<Py_ssize_t>(a->itemsize());
    exported->shape.assign(a->shape().begin(), a->shape().end());
    exported->strides.assign(a->strides().begin(), a->strides().end());
    if (a->flags().row_contiguous) {
      // Axes of length 1 may have any stride; consumers expect the one of rows in order.
      Py_ssize_t stride = 1;
      for (size_t i = a->ndim(); i-- > 0; stride *= exported->shape[i]) {
        exported->strides[i] = stride;
      }
    }
    for (auto& stride : exported->strides) stride *= itemsize;
    bool wants_rows = (flags & PyBUF_STRIDES) != PyBUF_STRIDES ||
                      (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS;
    bool wants_columns = (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS;
    if ((wants_rows && !a->flags().row_contiguous) ||
        (wants_columns && !a->flags().col_contiguous)) {
      PyErr_SetString(PyExc_BufferError, "the array is not contiguous in the order asked for");
      return -1;
    }
    view->buf = a->data<void>();
    view->len = static_cast<Py_ssize_t>(a->nbytes());
    view->itemsize = itemsize;
    view->readonly = 0;
    view->ndim = static_cast<int>(a->ndim());
    if (flags & PyBUF_FORMAT) view->format = const_cast<char*>(buffer_format(a->dtype()));
    if (flags & PyBUF_ND) view->shape = exported->shape.data();
    if ((flags & PyBUF_STRIDES) == PyBUF_STRIDES) view->strides = exported->strides.data();
    view->internal = exported.release();
    view->obj = object;
    Py_INCREF(object);
    return 0;
  } catch (nb::python_error& error) {
    error.restore();
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::bad_alloc& error) {
    PyErr_SetString(PyExc_MemoryError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return -1;
}

void release_buffer(PyObject*, Py_buffer* view) {
  delete static_cast<BufferExport*>(view->internal);
}

void bind_interop(nb::module_& m, ArrayClass& array_class) {
  bind_dlpack(m, array_class);
  array_class.def("__array__", &to_numpy, "dtype"_a = nb::none(), "copy"_a = nb::none(),
                  "The array as a NumPy array over the same memory.");
}
