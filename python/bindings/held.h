// Python objects that C++ closures keep alive, and functions made by transformations.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>
#include <memory>

namespace nb = nanobind;

/** A reference that may be dropped on any thread and under any lock: the object is released later,
 * by the interpreter, with its lock held. */
class Held {
 public:
  Held() = default;
  explicit Held(nb::handle object);
  nb::handle get() const { return object_.get(); }

 private:
  std::shared_ptr<PyObject> object_;
};

/** A Python function made from another one. It takes part in cycle collection. */
struct TransformedFunction {
  using Call =
      std::function<nb::object(TransformedFunction& self, const nb::args&, const nb::kwargs&)>;

  nb::object function;
  nb::object inputs;  // what `compile` captures; may be empty
  nb::object outputs;
  Call call;
  std::shared_ptr<void> extra;  // what lives and dies with the function
};

/** A Python object for a transformed function, named and documented as the original. */
nb::object make_function(TransformedFunction function);

void bind_transformed_function(nb::module_& m);
