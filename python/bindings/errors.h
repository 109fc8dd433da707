// Python exceptions for C++ ones, in type slots, which nanobind does not wrap.
#pragma once

#include <nanobind/nanobind.h>

/** Sets the Python error for the exception being handled; for use in `catch (...)`. */
void set_python_error() noexcept;
