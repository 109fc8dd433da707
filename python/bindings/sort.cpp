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
}
