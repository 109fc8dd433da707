// vmap over functions of trees.
#include <string>

#include "bindings.h"
#include "convert.h"
#include "held.h"
#include "mlx/transforms.h"
#include "mlx/transforms_impl.h"
#include "trees.h"

namespace {

/** An axis of a tree of axes: None is -1, "not batched". */
int read_axis(nb::handle axis, size_t ndim, const mx::Shape& shape) {
  if (axis.is_none()) return -1;
  if (!PyLong_Check(axis.ptr())) {
    throw std::invalid_argument("[vmap] an axis must be an integer or None: got " +
                                std::string(nb::inst_name(axis).c_str()) + ".");
  }
  auto value = nb::cast<int>(axis);
  int length = static_cast<int>(ndim);
  if (value < -length || value >= length) {
    std::string text = nb::str(to_tuple(shape)).c_str();
    throw std::out_of_range("[vmap] axis " + std::to_string(value) +
                            " is out of range for an array of shape " + text + ".");
  }
  return value < 0 ? value + length : value;
}

/** With one argument the axes are those of the argument itself, else of the tuple of arguments. */
nb::object argument_tree(const nb::args& args) {
  return args.size() == 1 ? nb::object(args[0]) : nb::object(args);
}

/** For a single array, a tuple of one axis means that axis. */
nb::handle unwrap_axis(nb::handle axes) {
  if (!PyTuple_Check(axes.ptr()) || PyTuple_GET_SIZE(axes.ptr()) != 1) return axes;
  nb::handle only(PyTuple_GET_ITEM(axes.ptr(), 0));
  return only.is_none() || PyLong_Check(only.ptr()) ? only : axes;
}

std::vector<int> input_axes(nb::handle tree, nb::handle axes) {
  std::vector<int> result;
  if (as_array(tree)) axes = unwrap_axis(axes);
  tree_visit_prefix(tree, axes, [&](nb::handle leaf, nb::handle axis) {
    auto* a = as_array(leaf);
    result.push_back(read_axis(axis, a->ndim(), a->shape()));
  });
  return result;
}

/** The batch axis counts among the axes of the result, so there is one more place for it. */
std::vector<int> output_axes(nb::handle tree, nb::handle axes) {
  std::vector<int> result;
  if (as_array(tree)) axes = unwrap_axis(axes);
  tree_visit_prefix(tree, axes, [&](nb::handle leaf, nb::handle axis) {
    auto* a = as_array(leaf);
    result.push_back(read_axis(axis, a->ndim() + 1, a->shape()));
    if (result.back() < 0) {
      throw std::invalid_argument("[vmap] out_axes must not be None: every output is batched.");
    }
  });
  return result;
}

nb::object call_vmap(TransformedFunction& self, const nb::args& args, const nb::kwargs& kwargs) {
  if (kwargs.size() > 0) throw nb::type_error("[vmap] keyword arguments are not supported.");
  nb::object tree = argument_tree(args);
  std::vector<mx::array> inputs = tree_arrays(tree);
  std::vector<int> in_axes = input_axes(tree, self.inputs);
  nb::object result;
  auto traced = [&](const std::vector<mx::array>& arrays) {
    nb::object replaced = tree_replace_arrays(tree, arrays);
    result = args.size() == 1 ? self.function(replaced)
                              : self.function(*nb::borrow<nb::tuple>(replaced));
    return tree_arrays(result);
  };
  auto [traced_inputs, traced_outputs] = mx::detail::vmap_trace(traced, inputs, in_axes);
  std::vector<int> out_axes = output_axes(result, self.outputs);
  auto outputs = mx::detail::vmap_replace(inputs, traced_inputs, traced_outputs, in_axes, out_axes);
  return tree_replace_arrays(result, outputs);
}

}  // namespace

void bind_vmap(nb::module_& m) {
  m.def(
      "vmap",
      [](nb::callable fun, nb::object in_axes, nb::object out_axes) {
        return make_function({fun, in_axes, out_axes, &call_vmap, {}});
      },
      "fun"_a, "in_axes"_a.none() = 0, "out_axes"_a.none() = 0,
      nb::sig("def vmap(fun: Callable[P, R], in_axes: object = 0, out_axes: object = 0) -> "
              "Callable[P, R]"),
      R"(
        A function that applies ``fun`` to every slice of its arguments at once.

        Args:
            fun (Callable): A function of arrays or trees of them that returns such.
            in_axes: Along which axis each argument is sliced: an integer for all, or a tree that is a
              prefix of the arguments'. Negative axes count from the end; ``None`` passes an argument
              whole, but at least one must be sliced. All slices must be equally many.
            out_axes: Where the results of the slices lie in the outputs, likewise.

        Returns:
            Callable: Takes the positional arguments of ``fun``.
        )");
}
