// custom_function: Python functions with derivatives and vectorisation of their own.
#include <string>

#include "bindings.h"
#include "convert.h"
#include "held.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "trees.h"

namespace {

using Arrays = std::vector<mx::array>;

/** The function and what its decorators registered. */
struct CustomFunction {
  nb::object function;
  nb::object vjp;
  nb::object jvp;
  nb::object vmap;
};

/** One call: the arguments as given, and the structure of what the function returned. */
struct Call {
  Held args;
  Held kwargs;
  Held result;

  /** Callbacks see the argument itself if there is just one, else the tuple of arguments. */
  nb::object unwrap(nb::object tree) const {
    return nb::len(tree) == 1 ? nb::object(tree[0]) : tree;
  }
  nb::object args_with(const Arrays& arrays) const {
    return tree_replace_arrays(args.get(), arrays);
  }
  nb::object kwargs_with(const Arrays& arrays) const {
    return tree_replace_arrays(kwargs.get(), arrays, tree_arrays(args.get(), false).size());
  }
};

/** Collects a gradient for each array of `tree` from what a vjp returned; None and what is left out
 * mean zero. */
void match_gradients(nb::handle tree, nb::handle gradients, Arrays& out) {
  PyObject* object = tree.ptr();
  if (auto* a = as_array(tree)) {
    auto* gradient = gradients.is_valid() ? as_array(gradients) : nullptr;
    if (!gradient && gradients.is_valid() && !gradients.is_none()) {
      throw std::invalid_argument(
          "[custom_function] vjp must return an array or None for each "
          "array: got " +
          std::string(nb::inst_name(gradients).c_str()) + ".");
    }
    out.push_back(gradient ? *gradient : mx::broadcast_to(mx::array(0.0f, a->dtype()), a->shape()));
    return;
  }
  bool is_sequence = PyList_Check(object) || PyTuple_Check(object);
  bool has_sequence =
      gradients.is_valid() && (PyList_Check(gradients.ptr()) || PyTuple_Check(gradients.ptr()));
  if (is_sequence) {
    for (size_t i = 0; i < nb::len(tree); ++i) {
      nb::object gradient =
          has_sequence && i < nb::len(gradients) ? nb::object(gradients[i]) : nb::object();
      match_gradients(nb::object(tree[i]), gradient, out);
    }
  } else if (PyDict_Check(object)) {
    bool has_dict = gradients.is_valid() && PyDict_Check(gradients.ptr());
    for (auto [key, value] : nb::borrow<nb::dict>(tree)) {
      nb::handle gradient =
          has_dict ? PyDict_GetItemWithError(gradients.ptr(), key.ptr()) : nullptr;
      match_gradients(value, gradient, out);
    }
  }
}

Arrays call_vjp(const Call& call, nb::handle vjp, const Arrays& primals, const Arrays& cotangents,
                const Arrays& outputs) {
  nb::object args = call.args_with(primals);
  nb::object kwargs = call.kwargs_with(primals);
  nb::object result =
      vjp(call.unwrap(args), tree_replace_arrays(call.result.get(), cotangents),
          tree_replace_arrays(call.result.get(), outputs), **nb::borrow<nb::dict>(kwargs));
  // The gradient of a single argument may come alone or in a tuple or list of one.
  bool is_wrapped = PyTuple_Check(result.ptr()) || PyList_Check(result.ptr());
  bool wraps_argument =
      is_wrapped && nb::len(result) == 1 && nb::len(args) == 1 && as_array(nb::object(args[0]));
  bool is_single = as_array(result) || (nb::len(args) == 1 && !wraps_argument);
  nb::object gradients = is_single ? nb::object(nb::make_tuple(result)) : result;
  Arrays matched;
  match_gradients(args, gradients, matched);
  match_gradients(kwargs, nb::handle(), matched);
  return matched;
}

Arrays call_jvp(const Call& call, nb::handle jvp, const Arrays& primals, const Arrays& tangents,
                const std::vector<int>& argnums) {
  nb::object args = call.args_with(primals);
  nb::object kwargs = call.kwargs_with(primals);
  int position = 0;
  nb::object tangent_tree = tree_map(args, [&](nb::handle leaf) -> nb::object {
    if (!as_array(leaf)) return nb::none();
    auto found = std::find(argnums.begin(), argnums.end(), position++);
    return found == argnums.end() ? nb::none() : wrap_array(tangents[found - argnums.begin()]);
  });
  return tree_arrays(
      jvp(call.unwrap(args), call.unwrap(tangent_tree), **nb::borrow<nb::dict>(kwargs)));
}

std::pair<Arrays, std::vector<int>> call_vmap(const Call& call, nb::handle vmap,
                                              const Arrays& inputs, const std::vector<int>& axes) {
  nb::object args = call.args_with(inputs);
  nb::object kwargs = call.kwargs_with(inputs);
  size_t next = 0;
  nb::object axis_tree = tree_map(args, [&](nb::handle leaf) -> nb::object {
    if (!as_array(leaf)) return nb::none();
    int axis = axes[next++];
    return axis < 0 ? nb::none() : nb::object(nb::int_(axis));
  });
  nb::object result =
      vmap(call.unwrap(args), call.unwrap(axis_tree), **nb::borrow<nb::dict>(kwargs));
  if (!PyTuple_Check(result.ptr()) || nb::len(result) != 2) {
    throw std::invalid_argument(
        "[custom_function] vmap must return a tuple of the outputs and their axes.");
  }
  Arrays outputs = tree_arrays(nb::object(result[0]));
  std::vector<int> out_axes;
  tree_visit_prefix(nb::object(result[0]), nb::object(result[1]), [&](nb::handle, nb::handle axis) {
    out_axes.push_back(axis.is_none() ? -1 : nb::cast<int>(axis));
  });
  return {outputs, out_axes};
}

nb::object call_custom(CustomFunction& self, const nb::args& args, const nb::kwargs& kwargs) {
  if (!self.vjp.is_valid() && !self.jvp.is_valid() && !self.vmap.is_valid()) {
    return self.function(*args, **kwargs);
  }
  auto call = std::make_shared<Call>(Call{Held(args), Held(kwargs), {}});
  auto flat = [call, function = Held(self.function)](const Arrays& arrays) {
    nb::object new_args = call->args_with(arrays);
    nb::object new_kwargs = call->kwargs_with(arrays);
    nb::object result =
        function.get()(*nb::borrow<nb::tuple>(new_args), **nb::borrow<nb::dict>(new_kwargs));
    Arrays outputs = tree_arrays(result);
    call->result = Held(tree_map(result, [](nb::handle) { return wrap_array(mx::array(0)); }));
    return outputs;
  };
  std::optional<std::function<Arrays(const Arrays&, const Arrays&, const Arrays&)>> vjp;
  std::optional<std::function<Arrays(const Arrays&, const Arrays&, const std::vector<int>&)>> jvp;
  std::optional<
      std::function<std::pair<Arrays, std::vector<int>>(const Arrays&, const std::vector<int>&)>>
      vmap;
  if (self.vjp.is_valid()) {
    vjp = [call, f = Held(self.vjp)](const Arrays& primals, const Arrays& cotangents,
                                     const Arrays& outputs) {
      return call_vjp(*call, f.get(), primals, cotangents, outputs);
    };
  }
  if (self.jvp.is_valid()) {
    jvp = [call, f = Held(self.jvp)](const Arrays& primals, const Arrays& tangents,
                                     const std::vector<int>& argnums) {
      return call_jvp(*call, f.get(), primals, tangents, argnums);
    };
  }
  if (self.vmap.is_valid()) {
    vmap = [call, f = Held(self.vmap)](const Arrays& inputs, const std::vector<int>& axes) {
      return call_vmap(*call, f.get(), inputs, axes);
    };
  }
  Arrays inputs = tree_arrays(nb::make_tuple(args, kwargs), false);
  Arrays outputs = mx::custom_function(flat, vjp, jvp, vmap)(inputs);
  return tree_replace_arrays(call->result.get(), outputs);
}

CustomFunction* as_custom(PyObject* self) {
  return nb::inst_ready(nb::handle(self)) ? nb::inst_ptr<CustomFunction>(nb::handle(self))
                                          : nullptr;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (PyObject** attributes = _PyObject_GetDictPtr(self)) Py_VISIT(*attributes);
  if (auto* f = as_custom(self)) {
    Py_VISIT(f->function.ptr());
    Py_VISIT(f->vjp.ptr());
    Py_VISIT(f->jvp.ptr());
    Py_VISIT(f->vmap.ptr());
  }
  return 0;
}

int clear(PyObject* self) {
  if (PyObject** attributes = _PyObject_GetDictPtr(self)) Py_CLEAR(*attributes);
  if (auto* f = as_custom(self)) CustomFunction dropped = std::move(*f);
  return 0;
}

PyType_Slot slots[] = {
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {0, nullptr},
};

/** A decorator: stores the function and returns the custom function. */
template <nb::object CustomFunction::*Member>
nb::object set_member(nb::object self, nb::callable f) {
  nb::inst_ptr<CustomFunction>(self)->*Member = f;
  return self;
}

}  // namespace

void bind_custom_function(nb::module_& m) {
  nb::class_<CustomFunction>(m, "custom_function", nb::type_slots(slots), nb::dynamic_attr(),
                             nb::is_weak_referenceable(),
                             "A decorator for functions with derivatives or a vectorisation of "
                             "their own, given with `.vjp`, `.jvp` and `.vmap`.")
      .def(
          "__init__",
          [](CustomFunction* self, nb::callable f) {
            new (self) CustomFunction{f, {}, {}, {}};
          },
          "f"_a, nb::sig("def __init__(self, f: Callable)"))
      .def("__call__", &call_custom, "args"_a, "kwargs"_a,
           nb::sig("def __call__(self, *args, **kwargs)"))
      .def("vjp", &set_member<&CustomFunction::vjp>, "f"_a, nb::sig("def vjp(self, f: Callable)"),
           "Sets `f(primals, cotangents, outputs)`, which returns the gradients of the arguments.")
      .def("jvp", &set_member<&CustomFunction::jvp>, "f"_a, nb::sig("def jvp(self, f: Callable)"),
           "Sets `f(primals, tangents)`, which returns the tangents of the outputs.")
      .def("vmap", &set_member<&CustomFunction::vmap>, "f"_a,
           nb::sig("def vmap(self, f: Callable)"),
           "Sets `f(inputs, axes)`, which returns the outputs and their batch axes.");
}
