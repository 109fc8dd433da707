// The list of binding functions: one per family, each in the file of its name.
#pragma once

#include <nanobind/nanobind.h>

#include "mlx/array.h"

namespace nb = nanobind;

using ArrayClass = nb::class_<mlx::core::array>;

// Types and state of the process.
void bind_dtype(nb::module_& m);
void bind_device(nb::module_& m);
void bind_memory(nb::module_& m);
void bind_module_base(nb::module_& m);
void bind_printing(nb::module_& m);

// The array class, then the families: functions of the module and methods of the class.
ArrayClass bind_array(nb::module_& m);
void bind_interop(nb::module_& m, ArrayClass& array_class);
void bind_creation(nb::module_& m);
void bind_elementwise(nb::module_& m, ArrayClass& array_class);
void bind_indexing(nb::module_& m, ArrayClass& array_class);
void bind_shape(nb::module_& m, ArrayClass& array_class);
void bind_sort(nb::module_& m, ArrayClass& array_class);
void bind_random(nb::module_& m);
void bind_assemble(nb::module_& m, ArrayClass& array_class);
void bind_reduce(nb::module_& m, ArrayClass& array_class);
void bind_fast_norm(nb::module_& fast);
void bind_io(nb::module_& m);
void bind_distributed(nb::module_& m);

// Names that raise until their family is there; `fast` is the submodule of that name.
void bind_later(nb::module_& m, nb::module_& fast);

void bind_matmul(nb::module_& m);
void bind_quantized(nb::module_& m);
void bind_attention(nb::module_& m);

// Transformations of functions.
void bind_transforms(nb::module_& m);
void bind_vmap(nb::module_& m);
void bind_compile(nb::module_& m);
void bind_custom_function(nb::module_& m);
