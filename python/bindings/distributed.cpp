// mlx.core.distributed for a single process: a group of one; messages between processes come later.
#include <string>

#include "bindings.h"
#include "convert.h"

namespace {

/** The processes that work together: this one. */
struct Group {};

[[noreturn]] void raise_later(const std::string& name) {
  throw std::runtime_error("[distributed." + name +
                           "] is not available in this version of mlx-compute yet.");
}

Group init(bool strict, const std::string& backend, nb::handle) {
  if (strict) {
    throw std::runtime_error("[distributed.init] no backend is available: got backend '" + backend +
                             "' with strict=True.");
  }
  return {};
}

/** A collective over one process leaves the array as it is. */
void bind_collective(nb::module_& m, const char* name, const char* signature) {
  m.def(
      name, [](const mx::array& x, const std::optional<Group>&, mx::StreamOrDevice) { return x; },
      nb::arg(), nb::kw_only(), "group"_a = nb::none(), "stream"_a = nb::none(), nb::sig(signature),
      "Over a group of one process: the array itself.");
}

void bind_message(nb::module_& m, const char* name, const char* signature) {
  m.def(
      name,
      [name = std::string(name)](const nb::args&, const nb::kwargs&) -> nb::object {
        raise_later(name);
      },
      "args"_a, "kwargs"_a, nb::sig(signature), "Not implemented yet: raises RuntimeError.");
}

}  // namespace

void bind_distributed(nb::module_& core) {
  nb::module_ m = core.def_submodule("distributed", "Work on several processes.");
  nb::class_<Group>(m, "Group", "The processes that work together.")
      .def(
          "rank", [](const Group&) { return 0; }, "The number of this process.")
      .def(
          "size", [](const Group&) { return 1; }, "The number of processes.")
      .def(
          "split", [](const Group&, int, int) -> Group { raise_later("Group.split"); }, "color"_a,
          "key"_a = -1, nb::sig("def split(self, color: int, key: int = -1) -> Group"),
          "Not implemented yet: raises RuntimeError.");
  m.def(
      "is_available", [](const std::string&) { return false; }, "backend"_a = "any",
      "True when processes can be connected: not yet.");
  m.def("init", &init, "strict"_a = false, "backend"_a = "any", nb::kw_only(),
        "all_gather_factory"_a = nb::none(),
        nb::sig("def init(strict: bool = False, backend: str = 'any', *, all_gather_factory: "
                "Callable[[int, int], Callable[[bytes, int], bytes]] | None = None) -> Group"),
        "The group of all processes: this one. With `strict`, raises instead.");
  bind_collective(m, "all_sum",
                  "def all_sum(x: array, *, group: Group | None = None, stream: StreamOrDevice = "
                  "None) -> array");
  bind_collective(m, "all_max",
                  "def all_max(x: array, *, group: Group | None = None, stream: StreamOrDevice = "
                  "None) -> array");
  bind_collective(m, "all_min",
                  "def all_min(x: array, *, group: Group | None = None, stream: StreamOrDevice = "
                  "None) -> array");
  bind_collective(m, "all_gather",
                  "def all_gather(x: array, *, group: Group | None = None, stream: StreamOrDevice "
                  "= None) -> array");
  bind_collective(m, "sum_scatter",
                  "def sum_scatter(x: array, *, group: Group | None = None, stream: "
                  "StreamOrDevice = None) -> array");
  bind_message(m, "send",
               "def send(x: array, dst: int, *, group: Group | None = None, stream: "
               "StreamOrDevice = None) -> array");
  bind_message(m, "recv",
               "def recv(shape: Sequence[int], dtype: Dtype, src: int, *, group: Group | None = "
               "None, stream: StreamOrDevice = None) -> array");
  bind_message(m, "recv_like",
               "def recv_like(x: array, src: int, *, group: Group | None = None, stream: "
               "StreamOrDevice = None) -> array");
}
