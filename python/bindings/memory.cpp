// Memory statistics and limits; the submodules `metal` and `cuda`.
#include "mlx/memory.h"

#include <nanobind/stl/unordered_map.h>
#include <nanobind/stl/variant.h>

#include "bindings.h"
#include "convert.h"
#include "trees.h"

namespace {

/** The functions that older programs call as `mx.metal.…`. */
void bind_memory_functions(nb::module_& m) {
  m.def("get_active_memory", &mx::get_active_memory, "Bytes held by live arrays.");
  m.def("get_peak_memory", &mx::get_peak_memory,
        "The most bytes that were active at once since the start or the last reset.");
  m.def("reset_peak_memory", &mx::reset_peak_memory, "Starts the peak anew.");
  m.def("get_cache_memory", &mx::get_cache_memory, "Bytes kept for reuse.");
  m.def("set_memory_limit", &mx::set_memory_limit, "limit"_a,
        "Sets how many bytes may be active before caches are freed and work is waited for. Returns "
        "the previous limit.");
  m.def("set_cache_limit", &mx::set_cache_limit, "limit"_a,
        "Sets how many bytes are kept for reuse (0: none). Returns the previous limit.");
  m.def("set_wired_limit", &mx::set_wired_limit, "limit"_a,
        "Kept for compatibility: memory is never wired. Returns the previous value.");
  m.def(
      "clear_cache",
      [] {
        nb::gil_scoped_release release;
        mx::clear_cache();
      },
      "Frees the bytes kept for reuse.");
}

}  // namespace

void bind_memory(nb::module_& m) {
  bind_memory_functions(m);
  m.def(
      "get_array_buffer_size",
      [](const nb::args& args) { return mx::get_array_buffer_size(tree_arrays(args, false)); },
      "args"_a, nb::sig("def get_array_buffer_size(*args) -> int"),
      "Bytes of the buffers behind the evaluated arrays in trees, each counted once.");
  m.def("get_memory_limit", &mx::get_memory_limit, "The memory limit in bytes.");

  nb::module_ metal = m.def_submodule("metal", "Metal exists on Apple's systems only.");
  metal.def(
      "is_available", [] { return false; }, "True on Apple's systems only: False here.");
  bind_memory_functions(metal);
  metal.def(
      "start_capture", [](const std::string&) {}, "path"_a, "Does nothing without Metal.");
  metal.def(
      "stop_capture", [] {}, "Does nothing without Metal.");
  metal.def(
      "device_info",
      [] {
        return mx::is_available(mx::Device::gpu) ? mx::device_info(mx::Device::gpu)
                                                 : mx::device_info(mx::Device::cpu);
      },
      "An older name of `mlx.core.device_info`.");

  nb::module_ cuda = m.def_submodule("cuda", "The NVIDIA GPU backend.");
  cuda.def(
      "is_available", [] { return mx::is_available(mx::Device::gpu); },
      "True when an NVIDIA GPU can be used.");
}
