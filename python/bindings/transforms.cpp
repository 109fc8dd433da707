// Evaluation and derivatives: eval, async_eval, depends, grad, value_and_grad, vjp, jvp,
// checkpoint.
#include "mlx/transforms.h"

#include <nanobind/stl/variant.h>

#include <algorithm>

#include "bindings.h"
#include "convert.h"
#include "held.h"
#include "mlx/ops.h"
#include "trees.h"

namespace {

using IntOrInts = std::variant<int, std::vector<int>>;
using NameOrNames = std::variant<std::string, std::vector<std::string>>;

/** Which arguments a gradient is taken of. */
struct WithRespectTo {
  std::vector<int> positions;      // sorted, distinct
  std::vector<std::string> names;  // in the order given, distinct
};

WithRespectTo parse_selection(const std::optional<IntOrInts>& argnums, const NameOrNames& argnames,
                              const std::string& op) {
  WithRespectTo wrt;
  if (auto* name = std::get_if<std::string>(&argnames)) {
    wrt.names.push_back(*name);
  } else {
    for (const auto& n : std::get<std::vector<std::string>>(argnames)) {
      if (std::find(wrt.names.begin(), wrt.names.end(), n) == wrt.names.end()) {
        wrt.names.push_back(n);
      }
    }
  }
  if (!argnums) {
    if (wrt.names.empty()) wrt.positions.push_back(0);
  } else if (auto* position = std::get_if<int>(&*argnums)) {
    wrt.positions.push_back(*position);
  } else {
    wrt.positions = std::get<std::vector<int>>(*argnums);
  }
  std::sort(wrt.positions.begin(), wrt.positions.end());
  if (wrt.positions.empty() && wrt.names.empty()) {
    throw std::invalid_argument("[" + op + "] no argument to take the gradient of was named.");
  }
  if (!wrt.positions.empty() && wrt.positions[0] < 0) {
    throw std::invalid_argument("[" + op + "] argnums must not be negative: got " +
                                std::to_string(wrt.positions[0]) + ".");
  }
  for (size_t i = 1; i < wrt.positions.size(); ++i) {
    if (wrt.positions[i] == wrt.positions[i - 1]) {
      throw std::invalid_argument("[" + op + "] argument " + std::to_string(wrt.positions[i]) +
                                  " is named twice.");
    }
  }
  return wrt;
}

/** The selected arguments as a tuple of trees: those by position, then those by name. */
nb::tuple select(const WithRespectTo& wrt, const nb::args& args, const nb::kwargs& kwargs,
                 const std::string& op) {
  nb::list chosen;
  for (int position : wrt.positions) {
    if (position >= static_cast<int>(args.size())) {
      throw std::invalid_argument("[" + op + "] the gradient of argument " +
                                  std::to_string(position) + " was asked for, but only " +
                                  std::to_string(args.size()) +
                                  " positional arguments were passed.");
    }
    chosen.append(args[position]);
  }
  for (const auto& name : wrt.names) {
    if (!kwargs.contains(name.c_str())) {
      throw std::invalid_argument("[" + op + "] the gradient of keyword argument '" + name +
                                  "' was asked for, but it was not passed.");
    }
    chosen.append(kwargs[name.c_str()]);
  }
  return nb::tuple(chosen);
}

/** Calls `function` with the selected arguments replaced. */
nb::object call_with(nb::handle function, const WithRespectTo& wrt, const nb::args& args,
                     const nb::kwargs& kwargs, nb::handle chosen) {
  nb::list new_args(args);
  nb::dict new_kwargs;
  new_kwargs.update(kwargs);
  size_t next = 0;
  for (int position : wrt.positions) new_args[position] = chosen[next++];
  for (const auto& name : wrt.names) new_kwargs[name.c_str()] = chosen[next++];
  return function(*new_args, **new_kwargs);
}

/** Checks that a function returned a scalar, or also a tuple that begins with one. */
void check_value(nb::handle value, bool allow_tuple, const std::string& op) {
  std::string expected =
      allow_tuple ? "a scalar array or a tuple that begins with one" : "a scalar array";
  bool is_tuple = PyTuple_Check(value.ptr());
  if (!as_array(value) && !(allow_tuple && is_tuple)) {
    throw std::invalid_argument("[" + op + "] the function must return " + expected + ": got " +
                                nb::inst_name(value).c_str() + ".");
  }
  if (is_tuple && (nb::len(value) == 0 || !as_array(nb::object(value[0])))) {
    throw std::invalid_argument("[" + op + "] the function must return " + expected +
                                ": the tuple does not begin with an array.");
  }
}

/** The gradients in the form of the selection. */
nb::object shape_gradients(const WithRespectTo& wrt, nb::handle gradients) {
  nb::object positional = nb::none();
  size_t count = wrt.positions.size();
  if (count == 1) {
    positional = gradients[0];
  } else if (count > 1) {
    positional = nb::steal(PyTuple_GetSlice(gradients.ptr(), 0, static_cast<Py_ssize_t>(count)));
  }
  if (wrt.names.empty()) return positional;
  nb::dict named;
  for (size_t i = 0; i < wrt.names.size(); ++i) named[wrt.names[i].c_str()] = gradients[count + i];
  return nb::make_tuple(positional, named);
}

/** Value and gradients of one call. */
std::pair<nb::object, nb::object> differentiate(nb::handle function, const WithRespectTo& wrt,
                                                const nb::args& args, const nb::kwargs& kwargs,
                                                bool allow_tuple, const std::string& op) {
  nb::tuple chosen = select(wrt, args, kwargs, op);
  std::vector<mx::array> inputs = tree_arrays(chosen);
  nb::object value;
  auto traced = [&](const std::vector<mx::array>& arrays) {
    nb::object replaced = tree_replace_arrays(chosen, arrays);
    value = call_with(function, wrt, args, kwargs, replaced);
    check_value(value, allow_tuple, op);
    return tree_arrays(value, false);
  };
  std::vector<int> all(inputs.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  auto [values, gradients] = mx::value_and_grad(traced, all)(inputs);
  return {tree_replace_arrays(value, values),
          shape_gradients(wrt, tree_replace_arrays(chosen, gradients))};
}

nb::object value_and_grad(nb::callable fun, std::optional<IntOrInts> argnums,
                          NameOrNames argnames) {
  auto wrt = parse_selection(argnums, argnames, "value_and_grad");
  return make_function({fun,
                        {},
                        {},
                        [wrt](TransformedFunction& self, const nb::args& args,
                              const nb::kwargs& kwargs) -> nb::object {
                          auto [value, gradients] = differentiate(self.function, wrt, args, kwargs,
                                                                  true, "value_and_grad");
                          return nb::make_tuple(value, gradients);
                        },
                        {}});
}

nb::object grad(nb::callable fun, std::optional<IntOrInts> argnums, NameOrNames argnames) {
  auto wrt = parse_selection(argnums, argnames, "grad");
  return make_function(
      {fun,
       {},
       {},
       [wrt](TransformedFunction& self, const nb::args& args, const nb::kwargs& kwargs) {
         return differentiate(self.function, wrt, args, kwargs, false, "grad").second;
       },
       {}});
}

/** Arrays from a list or tuple of them; a single array is not taken. */
std::vector<mx::array> read_arrays(nb::handle sequence, const char* op) {
  std::vector<mx::array> arrays;
  if (!PyList_Check(sequence.ptr()) && !PyTuple_Check(sequence.ptr())) {
    throw nb::type_error(
        (std::string(op) + "(): expected a list of arrays, got " + nb::inst_name(sequence).c_str())
            .c_str());
  }
  for (nb::handle item : sequence) {
    auto* a = as_array(item);
    if (!a) {
      throw nb::type_error((std::string(op) + "(): expected a list of arrays, got a list with " +
                            nb::inst_name(item).c_str())
                               .c_str());
    }
    arrays.push_back(*a);
  }
  return arrays;
}

/** A Python function of arrays that returns an array or a list or tuple of arrays. */
mx::VectorFunction vector_function(nb::callable fun, std::string op) {
  return [fun = std::move(fun), op = std::move(op)](const std::vector<mx::array>& inputs) {
    nb::object args = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(inputs.size())));
    for (size_t i = 0; i < inputs.size(); ++i) {
      PyTuple_SET_ITEM(args.ptr(), static_cast<Py_ssize_t>(i),
                       wrap_array(inputs[i]).release().ptr());
    }
    nb::object result = fun(*nb::borrow<nb::tuple>(args));
    if (auto* a = as_array(result)) return std::vector<mx::array>{*a};
    if (!PyList_Check(result.ptr()) && !PyTuple_Check(result.ptr())) {
      throw std::invalid_argument("[" + op + "] the function must return arrays: got " +
                                  nb::inst_name(result).c_str() + ".");
    }
    std::vector<mx::array> outputs;
    for (nb::handle item : result) {
      auto* a = as_array(item);
      if (!a) {
        throw std::invalid_argument("[" + op + "] the function must return arrays: got " +
                                    nb::inst_name(item).c_str() + ".");
      }
      outputs.push_back(*a);
    }
    return outputs;
  };
}

/** `fun` on trees, recomputed in the backward pass. */
nb::object checkpoint(nb::callable fun) {
  auto call = [](TransformedFunction& self, const nb::args& args, const nb::kwargs& kwargs) {
    nb::tuple arguments = nb::make_tuple(args, kwargs);
    Held held_arguments(arguments);
    Held held_function(self.function);
    auto structure = std::make_shared<Held>();
    auto flat = [held_arguments, held_function, structure](const std::vector<mx::array>& arrays) {
      nb::object rebuilt = tree_replace_arrays(held_arguments.get(), arrays);
      nb::object result = held_function.get()(*nb::borrow<nb::tuple>(nb::object(rebuilt[0])),
                                              **nb::borrow<nb::dict>(nb::object(rebuilt[1])));
      auto outputs = tree_arrays(result, false);
      // The structure only: its arrays would keep the graph alive.
      *structure = Held(tree_map(result, [](nb::handle leaf) -> nb::object {
        if (as_array(leaf)) return wrap_array(mx::array(0));
        return nb::borrow(leaf);
      }));
      return outputs;
    };
    auto outputs = mx::checkpoint(flat)(tree_arrays(arguments, false));
    return tree_replace_arrays(structure->get(), outputs);
  };
  return make_function({fun, {}, {}, call, {}});
}

std::vector<mx::array> arrays_of_args(const nb::args& args) { return tree_arrays(args, false); }

nb::object depends(nb::object inputs, nb::object dependencies) {
  auto as_list = [](nb::handle value) {
    if (auto* a = as_array(value)) return std::vector<mx::array>{*a};
    return read_arrays(value, "depends");
  };
  auto outputs = mx::depends(as_list(inputs), as_list(dependencies));
  if (as_array(inputs)) return wrap_array(outputs.at(0));
  return nb::cast(outputs);
}

}  // namespace

void bind_transforms(nb::module_& m) {
  bind_transformed_function(m);
  m.def(
      "eval",
      [](const nb::args& args) {
        auto arrays = arrays_of_args(args);
        nb::gil_scoped_release release;
        mx::eval(std::move(arrays));
      },
      nb::arg(), nb::sig("def eval(*args) -> None"),
      "Computes the arrays in trees and returns once they are available.");
  m.def(
      "async_eval",
      [](const nb::args& args) {
        auto arrays = arrays_of_args(args);
        nb::gil_scoped_release release;
        mx::async_eval(std::move(arrays));
      },
      nb::arg(), nb::sig("def async_eval(*args)"),
      "Starts the computation of the arrays in trees and returns at once.");
  m.def("depends", &depends, "inputs"_a, "dependencies"_a,
        nb::sig("def depends(inputs: array | Sequence[array], dependencies: array | "
                "Sequence[array])"),
        "The inputs, available only after the dependencies have been computed.");
  m.def(
      "vjp",
      [](nb::callable fun, nb::handle primals, nb::handle cotangents) {
        return mx::vjp(vector_function(fun, "vjp"), read_arrays(primals, "vjp"),
                       read_arrays(cotangents, "vjp"));
      },
      "fun"_a, "primals"_a, "cotangents"_a,
      nb::sig("def vjp(fun: Callable, primals: list[array], cotangents: list[array]) -> "
              "tuple[list[array], list[array]]"),
      R"(
        The outputs of a function and the products of cotangents with its Jacobian.

        Args:
            fun (Callable): A function of the primals that returns an array or several.
            primals (list of array): Where it is evaluated.
            cotangents (list of array): One for each output, of its shape.

        Returns:
            tuple(list(array), list(array)): The outputs, and one product for each primal.
        )");
  m.def(
      "jvp",
      [](nb::callable fun, nb::handle primals, nb::handle tangents) {
        return mx::jvp(vector_function(fun, "jvp"), read_arrays(primals, "jvp"),
                       read_arrays(tangents, "jvp"));
      },
      "fun"_a, "primals"_a, "tangents"_a,
      nb::sig("def jvp(fun: Callable, primals: list[array], tangents: list[array]) -> "
              "tuple[list[array], list[array]]"),
      R"(
        The outputs of a function and the products of its Jacobian with tangents.

        Args:
            fun (Callable): A function of the primals that returns an array or several.
            primals (list of array): Where it is evaluated.
            tangents (list of array): One for each primal, of its shape.

        Returns:
            tuple(list(array), list(array)): The outputs, and one product for each output.
        )");
  m.def("value_and_grad", &value_and_grad, "fun"_a, "argnums"_a = nb::none(),
        "argnames"_a = std::vector<std::string>{},
        nb::sig("def value_and_grad(fun: Callable[P, R], argnums: int | Sequence[int] | None = "
                "None, argnames: str | Sequence[str] = []) -> Callable[P, tuple[R, Any]]"),
        R"(
        A function that returns what ``fun`` returns together with its gradient.

        Args:
            fun (Callable): Returns a scalar array, or a tuple that begins with one; what follows it is
              passed on and not differentiated.
            argnums (int or sequence of int, optional): The positional arguments to differentiate for,
              by default the first unless ``argnames`` is given. Arguments are arrays or trees of them.
            argnames (str or sequence of str): The keyword arguments to differentiate for.

        Returns:
            Callable: Takes the arguments of ``fun`` and returns ``(value, gradient)``. The gradient has
            the structure of the argument; with several it is a tuple, and with ``argnames`` a pair of
            that and a dictionary by name. A function whose value is no scalar raises ``ValueError``.
        )");
  m.def("grad", &grad, "fun"_a, "argnums"_a = nb::none(), "argnames"_a = std::vector<std::string>{},
        nb::sig("def grad(fun: Callable[P, R], argnums: int | Sequence[int] | None = None, "
                "argnames: str | Sequence[str] = []) -> Callable[P, Any]"),
        R"(
        A function that returns the gradient of ``fun``, which must return a scalar array.

        Args:
            fun (Callable): The function.
            argnums (int or sequence of int, optional): As in :func:`value_and_grad`.
            argnames (str or sequence of str): As in :func:`value_and_grad`.

        Returns:
            Callable: Takes the arguments of ``fun`` and returns the gradient alone.
        )");
  m.def("checkpoint", &checkpoint, "fun"_a,
        nb::sig("def checkpoint(fun: Callable[P, R]) -> Callable[P, R]"),
        "The function, whose intermediate results are computed again in the backward pass instead "
        "of being kept.");
}
