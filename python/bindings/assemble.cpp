// Operations that join, cut, repeat and rearrange arrays, and diagonals.
#include <nanobind/stl/variant.h>

#include <string>

#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"

namespace {

using Arrays = std::vector<mx::array>;
using Pair = std::pair<int, int>;

mx::array concatenate(const Arrays& arrays, std::optional<int> axis, mx::StreamOrDevice s) {
  return axis ? mx::concatenate(arrays, *axis, s) : mx::concatenate(arrays, s);
}

mx::array stack(const Arrays& arrays, std::optional<int> axis, mx::StreamOrDevice s) {
  return mx::stack(arrays, axis.value_or(0), s);
}

std::vector<mx::array> split(const mx::array& a, const ShapeArg& indices_or_sections, int axis,
                             mx::StreamOrDevice s) {
  const auto& numbers = indices_or_sections.shape;
  return indices_or_sections.is_int ? mx::split(a, numbers[0], axis, s)
                                    : mx::split(a, numbers, axis, s);
}

using PadWidth = std::variant<int, std::tuple<int>, Pair, std::vector<Pair>>;

mx::array pad(const mx::array& a, const PadWidth& pad_width, const std::string& mode,
              Operand constant_values, mx::StreamOrDevice s) {
  mx::array value = to_array(constant_values);
  if (auto* width = std::get_if<int>(&pad_width)) return mx::pad(a, *width, value, mode, s);
  if (auto* width = std::get_if<std::tuple<int>>(&pad_width)) {
    return mx::pad(a, std::get<0>(*width), value, mode, s);
  }
  if (auto* width = std::get_if<Pair>(&pad_width)) return mx::pad(a, *width, value, mode, s);
  const auto& widths = std::get<std::vector<Pair>>(pad_width);
  if (widths.size() == 1) return mx::pad(a, widths[0], value, mode, s);
  return mx::pad(a, widths, value, mode, s);
}

mx::array roll(const mx::array& a, const ShapeArg& shift, const Axes& axis, mx::StreamOrDevice s) {
  const auto& shifts = shift.shape;
  if (shift.is_int) {
    return axis.values ? mx::roll(a, shifts[0], *axis.values, s) : mx::roll(a, shifts[0], s);
  }
  if (!axis.values) return mx::roll(a, shifts, s);
  return axis.is_int ? mx::roll(a, shifts, axis.values->at(0), s)
                     : mx::roll(a, shifts, *axis.values, s);
}

Arrays to_arrays_list(const nb::args& args) {
  Arrays arrays;
  for (nb::handle a : args) arrays.push_back(to_array(Operand{a}));
  return arrays;
}

using AtLeastFn = Arrays (*)(const Arrays&, mx::StreamOrDevice);

/** One array gives an array, any other number a list. */
template <AtLeastFn Fn>
nb::object at_least(const nb::args& arys, mx::StreamOrDevice s) {
  Arrays results = Fn(to_arrays_list(arys), s);
  if (results.size() == 1) return wrap_array(results[0]);
  return nb::cast(results);
}

void bind_joins(nb::module_& m) {
  for (const char* name : {"concatenate", "concat"}) {
    std::string signature = "def " + std::string(name) +
                            "(arrays: list[array], axis: int | None = 0, *, stream: "
                            "StreamOrDevice = None) -> array";
    m.def(name, &concatenate, "arrays"_a, "axis"_a.none() = 0, nb::kw_only(),
          "stream"_a = nb::none(), nb::sig(signature.c_str()),
          "The arrays one after another along an axis (flattened with axis None).");
  }
  m.def("stack", &stack, "arrays"_a, "axis"_a.none() = 0, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def stack(arrays: list[array], axis: int | None = 0, *, stream: StreamOrDevice = "
                "None) -> array"),
        "The arrays, all of one shape, along a new axis.");
  m.def("split", &split, nb::arg(), "indices_or_sections"_a, "axis"_a = 0, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def split(a: array, /, indices_or_sections: int | Sequence[int], axis: int = 0, "
                "*, stream: StreamOrDevice = None) -> array"),
        "The list of equal parts along an axis, or of the parts between indices.");
  m.def(
      "unstack",
      [](const mx::array& x, int axis, mx::StreamOrDevice s) {
        return nb::tuple(nb::cast(mx::unstack(x, axis, s)));
      },
      nb::arg(), nb::kw_only(), "axis"_a = 0, "stream"_a = nb::none(),
      nb::sig("def unstack(x: array, /, *, axis: int = 0, stream: StreamOrDevice = None) -> "
              "tuple[array, ...]"),
      "The slices along an axis, without that axis.");
  m.def(
      "meshgrid",
      [](const nb::args& arrays, std::optional<bool> sparse, std::optional<std::string> indexing,
         mx::StreamOrDevice s) {
        return nb::tuple(nb::cast(mx::meshgrid(to_arrays_list(arrays), sparse.value_or(false),
                                               indexing.value_or("xy"), s)));
      },
      "arrays"_a, "sparse"_a.none() = false, "indexing"_a.none() = "xy", "stream"_a = nb::none(),
      nb::sig("def meshgrid(*arrays: array, sparse: bool | None = False, indexing: str | None = "
              "'xy', stream: StreamOrDevice = None) -> tuple[array, ...]"),
      "Coordinate grids from coordinate vectors.");
}

void bind_repeats(nb::module_& m) {
  m.def(
      "repeat",
      [](const mx::array& array, int repeats, std::optional<int> axis, mx::StreamOrDevice s) {
        return axis ? mx::repeat(array, repeats, *axis, s) : mx::repeat(array, repeats, s);
      },
      "array"_a, "repeats"_a, "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def repeat(array: array, repeats: int, axis: int | None = None, *, stream: "
              "StreamOrDevice = None) -> array"),
      "Each element repeated along an axis (flattened without one).");
  m.def(
      "tile",
      [](const mx::array& a, const ShapeArg& reps, mx::StreamOrDevice s) {
        return mx::tile(a, std::vector<int>(reps.shape.begin(), reps.shape.end()), s);
      },
      nb::arg(), nb::arg(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def tile(a: array, reps: int | Sequence[int], /, *, stream: StreamOrDevice = "
              "None) -> array"),
      "The whole array repeated along each axis.");
  m.def("pad", &pad, "a"_a, "pad_width"_a, "mode"_a = "constant", "constant_values"_a = 0,
        nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def pad(a: array, pad_width: int | tuple[int] | tuple[int, int] | list[tuple[int, "
                "int]], mode: Literal['constant', 'edge', 'reflect', 'symmetric'] = 'constant', "
                "constant_values: scalar | array = 0, *, stream: StreamOrDevice = None) -> array"),
        "The array with elements added at its ends: a constant, the edge values, or the array "
        "mirrored without or with its edge.");
  m.def("roll", &roll, nb::arg(), "shift"_a, "axis"_a = nb::none(), nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def roll(a: array, shift: int | tuple[int], axis: None | int | tuple[int] = None, "
                "/, *, stream: StreamOrDevice = None) -> array"),
        "Elements shifted along axes; those that leave at one end come in at the other.");
}

void bind_diagonals(nb::module_& m) {
  m.def("diagonal", &mx::diagonal, "a"_a, "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1,
        "stream"_a = nb::none(),
        nb::sig("def diagonal(a: array, offset: int = 0, axis1: int = 0, axis2: int = 1, stream: "
                "StreamOrDevice = None) -> array"),
        "The diagonal of the matrices in two axes, as the last axis.");
  m.def("diag", &mx::diag, nb::arg(), "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def diag(a: array, /, k: int = 0, *, stream: StreamOrDevice = None) -> array"),
        "The k-th diagonal of a matrix, or a matrix with a vector on it.");
  m.def(
      "trace",
      [](const mx::array& a, int offset, int axis1, int axis2, std::optional<mx::Dtype> dtype,
         mx::StreamOrDevice s) {
        return dtype ? mx::trace(a, offset, axis1, axis2, *dtype, s)
                     : mx::trace(a, offset, axis1, axis2, s);
      },
      nb::arg(), "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1, "dtype"_a = nb::none(),
      nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def trace(a: array, /, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: "
              "Dtype | None = None, *, stream: StreamOrDevice = None) -> array"),
      "The sum of a diagonal.");
  m.def("atleast_1d", &at_least<mx::atleast_1d>, "arys"_a, "stream"_a = nb::none(),
        nb::sig("def atleast_1d(*arys: array, stream: StreamOrDevice = None) -> array | "
                "list[array]"),
        "The arrays with at least one dimension.");
  m.def("atleast_2d", &at_least<mx::atleast_2d>, "arys"_a, "stream"_a = nb::none(),
        nb::sig("def atleast_2d(*arys: array, stream: StreamOrDevice = None) -> array | "
                "list[array]"),
        "The arrays with at least two dimensions.");
  m.def("atleast_3d", &at_least<mx::atleast_3d>, "arys"_a, "stream"_a = nb::none(),
        nb::sig("def atleast_3d(*arys: array, stream: StreamOrDevice = None) -> array | "
                "list[array]"),
        "The arrays with at least three dimensions.");
}

}  // namespace

void bind_assemble(nb::module_& m, ArrayClass& array_class) {
  bind_joins(m);
  bind_repeats(m);
  bind_diagonals(m);
  array_class
      .def("split", &split, "indices_or_sections"_a, "axis"_a = 0, nb::kw_only(),
           "stream"_a = nb::none(), "See `split`.")
      .def("diagonal", &mx::diagonal, "offset"_a = 0, "axis1"_a = 0, "axis2"_a = 1,
           "stream"_a = nb::none(), "See `diagonal`.")
      .def("diag", &mx::diag, "k"_a = 0, nb::kw_only(), "stream"_a = nb::none(), "See `diag`.");
}
