// Operations on shape and layout: reshape, transpose, squeeze, broadcast, slices.
#include <string>

#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"
#include "quick.h"

namespace {

mx::array squeeze(const mx::array& a, const Axes& axis, mx::StreamOrDevice s) {
  return axis.values ? mx::squeeze(a, *axis.values, s) : mx::squeeze(a, s);
}

mx::array flip(const mx::array& a, const Axes& axis, mx::StreamOrDevice s) {
  return axis.values ? mx::flip(a, *axis.values, s) : mx::flip(a, s);
}

/** The integers of `f(2, 3)`, `f((2, 3))` or `f([2, 3])`. */
std::vector<int> unpack_ints(const nb::args& args) {
  std::vector<int> ints;
  auto read = [&](nb::handle sequence) {
    std::vector<int64_t> values;
    if (!nb::detail::read_ints(sequence, values)) {
      throw nb::type_error("expected integers or one sequence of integers");
    }
    for (int64_t v : values) ints.push_back(mx::safe_cast(v, "shape"));
  };
  bool is_sequence = args.size() == 1 && !PyIndex_Check(nb::handle(args[0]).ptr());
  read(is_sequence ? nb::handle(args[0]) : nb::handle(args));
  return ints;
}

mx::array as_strided(const mx::array& a, std::optional<mx::Shape> shape,
                     std::optional<mx::Strides> strides, size_t offset, mx::StreamOrDevice s) {
  mx::Shape new_shape = shape.value_or(a.shape());
  mx::Strides new_strides;
  if (strides) {
    new_strides = *strides;
  } else {
    new_strides.resize(new_shape.size(), 1);
    for (size_t i = new_shape.size(); i-- > 1;) {
      new_strides[i - 1] = new_strides[i] * new_shape[i];
    }
  }
  return mx::as_strided(a, new_shape, new_strides, offset, s);
}

mx::Shape broadcast_shapes(const nb::args& shapes) {
  if (shapes.size() == 0) {
    throw std::invalid_argument("[broadcast_shapes] needs at least one shape.");
  }
  auto result = nb::cast<mx::Shape>(shapes[0]);
  for (nb::handle shape : shapes) {
    result = mx::broadcast_shapes(result, nb::cast<mx::Shape>(shape));
  }
  return result;
}

void bind_layout(nb::module_& m) {
  m.def(
      "reshape",
      [](const mx::array& a, const mx::Shape& shape, mx::StreamOrDevice s) {
        return mx::reshape(a, shape, s);
      },
      "a"_a, nb::arg("shape"), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def reshape(a: array, /, shape: Sequence[int], *, stream: StreamOrDevice = None) "
              "-> array"),
      "The same elements in another shape; one length may be -1.");
  m.def(
      "flatten",
      [](const mx::array& a, int start_axis, int end_axis, mx::StreamOrDevice s) {
        return mx::flatten(a, start_axis, end_axis, s);
      },
      "a"_a, "start_axis"_a = 0, "end_axis"_a = -1, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def flatten(a: array, /, start_axis: int = 0, end_axis: int = -1, *, stream: "
              "StreamOrDevice = None) -> array"),
      "Merges the axes from the first to the last named one.");
  m.def(
      "unflatten",
      [](const mx::array& a, int axis, const mx::Shape& shape, mx::StreamOrDevice s) {
        return mx::unflatten(a, axis, shape, s);
      },
      "a"_a, "axis"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def unflatten(a: array, /, axis: int, shape: Sequence[int], *, stream: "
              "StreamOrDevice = None) -> array"),
      "Splits one axis into several.");
  m.def("squeeze", &squeeze, "a"_a, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def squeeze(a: array, /, axis: None | int | Sequence[int] = None, *, stream: "
                "StreamOrDevice = None) -> array"),
        "Removes axes of length 1 (all of them when none are named).");
  m.def(
      "expand_dims",
      [](const mx::array& a, const Axes& axis, mx::StreamOrDevice s) {
        return mx::expand_dims(a, axis.values.value_or(std::vector<int>{}), s);
      },
      "a"_a, "axis"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def expand_dims(a: array, /, axis: int | Sequence[int], *, stream: "
              "StreamOrDevice = None) -> array"),
      "Adds axes of length 1 at the given places of the result.");
  m.def("as_strided", &as_strided, "a"_a, "shape"_a = nb::none(), "strides"_a = nb::none(),
        "offset"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def as_strided(a: array, /, shape: Sequence[int] | None = None, strides: "
                "Sequence[int] | None = None, offset: int = 0, *, stream: StreamOrDevice = None) "
                "-> array"),
        "A view of the elements, in row-major order, with strides of one's own (in elements).");
  m.def("contiguous", &mx::contiguous, "a"_a, "allow_col_major"_a = false, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def contiguous(a: array, /, allow_col_major: bool = False, *, stream: "
                "StreamOrDevice = None) -> array"),
        "The array with its elements in row-major order in memory.");
  m.def("stop_gradient", &mx::stop_gradient, "a"_a, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def stop_gradient(a: array, /, *, stream: StreamOrDevice = None) -> array"),
        "The same values, through which no derivative flows.");
}

void bind_axes(nb::module_& m) {
  for (const char* name : {"transpose", "permute_dims"}) {
    std::string signature = "def " + std::string(name) +
                            "(a: array, /, axes: Sequence[int] | None = None, *, stream: "
                            "StreamOrDevice = None) -> array";
    m.def(
        name,
        [](const mx::array& a, const std::optional<std::vector<int>>& axes, mx::StreamOrDevice s) {
          return axes ? mx::transpose(a, *axes, s) : mx::transpose(a, s);
        },
        nb::arg(), "axes"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
        nb::sig(signature.c_str()), "The axes in another order (reversed when none is given).");
  }
  m.def("matrix_transpose", &mx::matrix_transpose, "a"_a, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def matrix_transpose(a: array, /, *, stream: StreamOrDevice = None) -> array"),
        "The last two axes swapped.");
  m.def("swapaxes", &mx::swapaxes, "a"_a, "axis1"_a, "axis2"_a, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def swapaxes(a: array, /, axis1: int, axis2: int, *, stream: StreamOrDevice = "
                "None) -> array"),
        "Two axes swapped.");
  m.def("moveaxis", &mx::moveaxis, "a"_a, "source"_a, "destination"_a, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def moveaxis(a: array, /, source: int, destination: int, *, stream: "
                "StreamOrDevice = None) -> array"),
        "One axis moved to another place.");
  m.def("flip", &flip, "a"_a, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def flip(a: array, /, axis: None | int | Sequence[int] = None, *, stream: "
                "StreamOrDevice = None) -> array"),
        "The elements in reverse order along axes.");
  m.def(
      "broadcast_to",
      [](Operand a, const mx::Shape& shape, mx::StreamOrDevice s) {
        return mx::broadcast_to(to_array(a), shape, s);
      },
      "a"_a, "shape"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def broadcast_to(a: scalar | array, /, shape: Sequence[int], *, stream: "
              "StreamOrDevice = None) -> array"),
      "A view in which axes of length 1 are repeated to fill a shape.");
  m.def(
      "broadcast_arrays",
      [](const nb::args& arrays, mx::StreamOrDevice s) {
        std::vector<mx::array> inputs;
        for (nb::handle a : arrays) inputs.push_back(to_array(Operand{a}));
        return mx::broadcast_arrays(inputs, s);
      },
      "arrays"_a, "stream"_a = nb::none(),
      nb::sig("def broadcast_arrays(*arrays: array, stream: StreamOrDevice = None) -> "
              "list[array]"),
      "Views of the arrays in the shape that all of them broadcast to.");
  m.def("broadcast_shapes", &broadcast_shapes,
        nb::sig("def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int]"),
        "The shape that shapes broadcast to.");
}

/** The integers after the array in `a.f(2, 3)` or `a.f((2, 3))`; false for other calls. */
bool read_method(PyObject* const* args, Py_ssize_t count, PyObject* keywords, const mx::array*& a,
                 mx::SmallVector<int>& ints) {
  if (keywords != nullptr || count < 2) return false;
  a = as_array(nb::handle(args[0]));
  if (a == nullptr) return false;
  PyObject* const* items = args + 1;
  Py_ssize_t num_items = count - 1;
  if (num_items == 1 && PyTuple_CheckExact(args[1])) {
    items = &PyTuple_GET_ITEM(args[1], 0);
    num_items = PyTuple_GET_SIZE(args[1]);
  }
  ints.resize(static_cast<size_t>(num_items));
  for (Py_ssize_t i = 0; i < num_items; ++i) {
    if (!read_small_int(items[i], ints[i])) return false;
  }
  return true;
}

nb::object quick_reshape(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const mx::array* a = nullptr;
  mx::Shape shape;
  if (!read_method(args, count, keywords, a, shape)) return {};
  return wrap_array(mx::reshape(*a, std::move(shape)));
}

nb::object quick_transpose(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const mx::array* a = nullptr;
  mx::SmallVector<int> axes;
  if (!read_method(args, count, keywords, a, axes)) return {};
  return wrap_array(mx::transpose(*a, std::vector<int>(axes.begin(), axes.end())));
}

void bind_methods(ArrayClass& array_class) {
  array_class
      .def(
          "reshape",
          [](const mx::array& a, const nb::args& shape, mx::StreamOrDevice s) {
            std::vector<int> lengths = unpack_ints(shape);
            return mx::reshape(a, mx::Shape(lengths.begin(), lengths.end()), s);
          },
          "shape"_a, "stream"_a = nb::none(), "See `reshape`; takes a tuple or separate lengths.")
      .def(
          "transpose",
          [](const mx::array& a, const nb::args& axes, mx::StreamOrDevice s) {
            if (axes.size() == 0 || (axes.size() == 1 && nb::handle(axes[0]).is_none())) {
              return mx::transpose(a, s);
            }
            return mx::transpose(a, unpack_ints(axes), s);
          },
          "axes"_a, "stream"_a = nb::none(), "See `transpose`; takes a tuple or separate axes.")
      .def_prop_ro(
          "T", [](const mx::array& a) { return mx::transpose(a); }, "The axes in reverse order.")
      .def_prop_ro(
          "mT", [](const mx::array& a) { return mx::matrix_transpose(a); },
          "The last two axes swapped.")
      .def(
          "flatten",
          [](const mx::array& a, int start_axis, int end_axis, mx::StreamOrDevice s) {
            return mx::flatten(a, start_axis, end_axis, s);
          },
          "start_axis"_a = 0, "end_axis"_a = -1, nb::kw_only(), "stream"_a = nb::none(),
          "See `flatten`.")
      .def("squeeze", &squeeze, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
           "See `squeeze`.")
      .def("moveaxis", &mx::moveaxis, "source"_a, "destination"_a, nb::kw_only(),
           "stream"_a = nb::none(), "See `moveaxis`.")
      .def("swapaxes", &mx::swapaxes, "axis1"_a, "axis2"_a, nb::kw_only(), "stream"_a = nb::none(),
           "See `swapaxes`.");
  nb::object methods = array_class.attr("__dict__");
  quicken<quick_reshape>(methods["reshape"]);
  quicken<quick_transpose>(methods["transpose"]);
}

}  // namespace

void bind_shape(nb::module_& m, ArrayClass& array_class) {
  bind_layout(m);
  bind_axes(m);
  bind_methods(array_class);
}
