// Import of foreign memory: a description of strided data and its conversion to an array.
#pragma once

#include <vector>

#include "convert.h"

/** Strided data owned by someone else. Strides are in bytes. */
struct ForeignData {
  enum class Type { boolean, signed_int, unsigned_int, real, bfloat, complex };

  const char* data = nullptr;
  Type type = Type::real;
  int itemsize = 0;
  mx::Shape shape;
  std::vector<int64_t> strides;
};

/** Copies foreign data. 64-bit floats become float32 unless `dtype` asks for float64; complex
 * numbers become complex64. */
mx::array copy_foreign(const ForeignData& source, std::optional<mx::Dtype> dtype);

/** The array behind a `__dlpack__` object; copies. */
mx::array array_from_dlpack(nb::handle object, std::optional<mx::Dtype> dtype);

void bind_dlpack(nb::module_& m, nb::class_<mx::array>& array_class);

/** The slots of the buffer protocol. */
int get_buffer(PyObject* object, Py_buffer* view, int flags);
void release_buffer(PyObject* object, Py_buffer* view);
