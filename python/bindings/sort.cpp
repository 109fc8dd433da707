// Sorting, partitioning and searching.
#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"

namespace {

using OptionalAxis = std::optional<int>;

mx::array sort(const mx::array& a, OptionalAxis axis, mx::StreamOrDevice s) {
  return axis ? mx::sort(a, *axis, s) : mx::sort(a, s);
}
mx::array argsort(const mx::array& a, OptionalAxis axis, mx::StreamOrDevice s) {
  return axis ? mx::argsort(a, *axis, s) : mx::argsort(a, s);
}
mx::array partition(const mx::array& a, int kth, OptionalAxis axis, mx::StreamOrDevice s) {
  return axis ? mx::partition(a, kth, *axis, s) : mx::partition(a, kth, s);
}
mx::array argpartition(const mx::array& a, int kth, OptionalAxis axis, mx::StreamOrDevice s) {
  return axis ? mx::argpartition(a, kth, *axis, s) : mx::argpartition(a, kth, s);
}
mx::array topk(const mx::array& a, int k, OptionalAxis axis, mx::StreamOrDevice s) {
  return axis ? mx::topk(a, k, *axis, s) : mx::topk(a, k, s);
}

nb::object unique(const mx::array& a, int size, bool return_index, bool return_inverse,
                  bool return_counts, const std::optional<Operand>& fill_value,
                  mx::StreamOrDevice s) {
  std::optional<mx::array> fill;
  if (fill_value && !fill_value->handle.is_none()) fill = to_array(*fill_value, a.dtype());
  auto arrays = mx::unique(a, size, return_index, return_inverse, return_counts, fill, s);
  if (arrays.size() == 1) return wrap_array(arrays[0]);
  nb::list items;
  for (auto& array : arrays) items.append(wrap_array(array));
  return nb::tuple(items);
}

}  // namespace

void bind_sort(nb::module_& m, ArrayClass&) {
  m.def("sort", &sort, nb::arg(), "axis"_a.none() = -1, nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def sort(a: array, /, axis: None | int = -1, *, stream: StreamOrDevice = None) -> "
                "array"),
        R"(
        A sorted copy along an axis, in ascending order with NaN last. Equal elements keep their order.

        Args:
            a (array): The input.
            axis (int, optional): The axis to sort along; ``None`` sorts the flattened array.

        Returns:
            array: The sorted elements.
        )");
  m.def("argsort", &argsort, nb::arg(), "axis"_a.none() = -1, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def argsort(a: array, /, axis: None | int = -1, *, stream: StreamOrDevice = None) "
                "-> array"),
        R"(
        The positions (``uint32``) that sort an axis; equal elements keep their order.

        Args:
            a (array): The input.
            axis (int, optional): The axis to sort along; ``None`` sorts the flattened array.

        Returns:
            array: Positions along the axis.
        )");
  m.def("partition", &partition, nb::arg(), "kth"_a, "axis"_a.none() = -1, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def partition(a: array, /, kth: int, axis: None | int = -1, *, stream: "
                "StreamOrDevice = None) -> array"),
        R"(
        Puts the element that sorting would put at position ``kth`` there, with no larger element before
        it and no smaller one after it. The order within both parts is not specified.

        Args:
            a (array): The input.
            kth (int): The position; negative counts from the end.
            axis (int, optional): The axis; ``None`` takes the flattened array.

        Returns:
            array: The partitioned elements.
        )");
  m.def("argpartition", &argpartition, nb::arg(), "kth"_a, "axis"_a.none() = -1, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def argpartition(a: array, /, kth: int, axis: None | int = -1, *, stream: "
                "StreamOrDevice = None) -> array"),
        R"(
        The positions (``uint32``) that partition an axis; see :func:`partition`.

        Args:
            a (array): The input.
            kth (int): The position; negative counts from the end.
            axis (int, optional): The axis; ``None`` takes the flattened array.

        Returns:
            array: Positions along the axis.
        )");
  m.def("searchsorted", &mx::searchsorted, nb::arg(), nb::arg(), "side"_a = "left", nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def searchsorted(sorted_sequence: array, values: array, /, side: str = 'left', *, "
                "stream: StreamOrDevice = None) -> array"),
        R"(
        Where values would be inserted into a sorted sequence so that it stays sorted.

        Args:
            sorted_sequence (array): A 1-d array in ascending order.
            values (array): What to look for, of any shape.
            side (str): ``'left'`` inserts before equal elements, ``'right'`` after them.

        Returns:
            array: Positions (``uint32``) in the shape of ``values``.
        )");
  m.def("topk", &topk, nb::arg(), "k"_a, "axis"_a.none() = -1, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def topk(a: array, /, k: int, axis: None | int = -1, *, stream: StreamOrDevice = "
                "None) -> array"),
        R"(
        The ``k`` largest elements along an axis, in no particular order.

        Args:
            a (array): The input.
            k (int): How many elements.
            axis (int, optional): The axis; ``None`` takes the flattened array.

        Returns:
            array: The largest elements.
        )");
  m.def(
      "unique", &unique, nb::arg(), "size"_a, "return_index"_a = false, "return_inverse"_a = false,
      "return_counts"_a = false, "fill_value"_a = nb::none(), nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def unique(a: array, /, size: int, return_index: bool = False, return_inverse: bool "
              "= False, return_counts: bool = False, fill_value: scalar | array | None = None, *, "
              "stream: StreamOrDevice = None) -> array | tuple[array, ...]"),
      R"(
        The distinct elements of the flattened array, in ascending order.

        The result has ``size`` elements whatever the array holds, so nothing is evaluated: the smallest
        ones if there are more, and else ``fill_value`` behind them, with a count of 0.

        Args:
            a (array): The input.
            size (int): The length of the result.
            return_index (bool): Also return the position of the first occurrence of each.
            return_inverse (bool): Also return, for each element of ``a``, its position in the result.
            return_counts (bool): Also return how often each occurs.
            fill_value (scalar or array, optional): By default, the smallest element.

        Returns:
            array or tuple(array, ...): The elements, then what was asked for in the order above.
        )");
}
