// The operators of the array class, as type slots: Python calls them without nanobind's dispatch.
#pragma once

#include <nanobind/nanobind.h>

#include "mlx/array.h"

/** The slots to make the array type with; ends with a zero entry. */
PyType_Slot* array_operator_slots();

/** Operators that Python has no slot for. */
void bind_operator_methods(nanobind::class_<mlx::core::array>& array_class);
