// Options of the text of arrays.
#include "bindings.h"
#include "convert.h"

namespace {

/** `with mx.printoptions(...)`: the options hold inside the block. */
struct PrintOptionsContext {
  mx::PrintOptions inside;
  mx::PrintOptions before;
};

}  // namespace

void bind_printing(nb::module_& m) {
  nb::class_<mx::PrintOptions>(m, "PrintOptions", "How the elements of arrays are printed.")
      .def(
          "__init__",
          [](mx::PrintOptions* self, int precision) { new (self) mx::PrintOptions{precision}; },
          "precision"_a = -1)
      .def_rw("precision", &mx::PrintOptions::precision,
              "Digits after the point; -1 for up to six significant digits.");
  m.def(
      "set_printoptions", [](int precision) { mx::set_printoptions(mx::PrintOptions{precision}); },
      "precision"_a = -1, "Sets how arrays are printed.");
  m.def("get_printoptions", &mx::get_printoptions, "How arrays are printed now.");
  nb::class_<PrintOptionsContext>(m, "_PrintOptionsContext")
      .def("__enter__",
           [](PrintOptionsContext& context) -> PrintOptionsContext& {
             context.before = mx::get_printoptions();
             mx::set_printoptions(context.inside);
             return context;
           })
      .def("__exit__",
           [](PrintOptionsContext& context, nb::args) { mx::set_printoptions(context.before); });
  m.def(
      "printoptions",
      [](int precision) {
        return PrintOptionsContext{{precision}, {}};
      },
      "precision"_a = -1, "A context with its own print options.");
}
