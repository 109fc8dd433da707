// The module mlx.core: binds every family.
#include <cmath>
#include <limits>
#include <numbers>

#include "bindings.h"
#include "mlx/version.h"

namespace {

void bind_constants(nb::module_& m) {
  m.attr("pi") = std::numbers::pi;
  m.attr("e") = std::numbers::e;
  m.attr("euler_gamma") = std::numbers::egamma;
  m.attr("inf") = std::numeric_limits<double>::infinity();
  m.attr("nan") = std::numeric_limits<double>::quiet_NaN();
  m.attr("newaxis") = nb::none();
  m.attr("__version__") = mlx::core::version();
}

/** What the array API standard asks about this library; the class is Python's. */
nb::object array_namespace_info() {
  return nb::module_::import_("mlx.__array_api_info").attr("ArrayNamespaceInfo")();
}

}  // namespace

NB_MODULE(core, m) {
  m.doc() = "Arrays, operations on them and transformations of functions of them.";
  nb::set_leak_warnings(false);
  bind_constants(m);
  m.def("__array_namespace_info__", &array_namespace_info,
        "Answers to the array API standard's questions about dtypes, devices and abilities.");
  bind_dtype(m);
  bind_device(m);
  bind_memory(m);
  bind_module_base(m);
  bind_printing(m);
  ArrayClass array_class = bind_array(m);
  bind_interop(m, array_class);
  bind_creation(m);
  bind_elementwise(m, array_class);
  bind_indexing(m, array_class);
  bind_shape(m, array_class);
  bind_sort(m, array_class);
  bind_random(m);
  bind_assemble(m, array_class);
  bind_reduce(m, array_class);
  bind_io(m);
  bind_distributed(m);
  nb::module_ fast = m.def_submodule("fast", "Fused operations of neural networks.");
  bind_fast_norm(fast);
  bind_later(m, fast);
  bind_matmul(m);
  bind_quantized(m);
  bind_attention(m);
  bind_transforms(m);
  bind_vmap(m);
  bind_compile(m);
  bind_custom_function(m);
}
