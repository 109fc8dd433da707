// The example's Python module.
#include <nanobind/nanobind.h>
#include <nanobind/stl/variant.h>

#include "scaled_sum.h"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_ext, m) {
  m.def("scaled_sum", &example::scaled_sum, "x"_a, "y"_a, "alpha"_a, "beta"_a, nb::kw_only(),
        "stream"_a = nb::none());
}
