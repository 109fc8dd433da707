// Matrix and tensor products, Einstein summation.
#include <nanobind/stl/variant.h>

#include "bindings.h"
#include "convert.h"
#include "mlx/einsum.h"
#include "mlx/ops.h"

namespace {

using ContractedAxes = std::variant<int, std::vector<std::vector<int>>>;

mx::array tensordot(const mx::array& a, const mx::array& b, const ContractedAxes& axes,
                    mx::StreamOrDevice s) {
  if (auto* count = std::get_if<int>(&axes)) return mx::tensordot(a, b, *count, s);
  const auto& lists = std::get<std::vector<std::vector<int>>>(axes);
  if (lists.size() != 2) {
    throw std::invalid_argument("[tensordot] axes must be a number or a list of two lists.");
  }
  return mx::tensordot(a, b, lists[0], lists[1], s);
}

std::vector<mx::array> operand_arrays(const nb::args& operands) {
  std::vector<mx::array> arrays;
  for (nb::handle operand : operands) arrays.push_back(to_array(Operand{operand}));
  return arrays;
}

void bind_products(nb::module_& m) {
  m.def(
      "matmul",
      [](const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
        return mx::matmul(a, b, s);
      },
      nb::arg(), nb::arg(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def matmul(a: array, b: array, /, *, stream: StreamOrDevice = None) -> array"),
      "The matrix product over the last two axes; the others broadcast. A 1-D operand counts as a "
      "row (first) or a column (second), and its axis is dropped from the result.");
  m.def(
      "addmm",
      [](const mx::array& c, const mx::array& a, const mx::array& b, float alpha, float beta,
         mx::StreamOrDevice s) { return mx::addmm(c, a, b, alpha, beta, s); },
      nb::arg(), nb::arg(), nb::arg(), "alpha"_a = 1.0f, "beta"_a = 1.0f, nb::kw_only(),
      "stream"_a = nb::none(),
      nb::sig("def addmm(c: array, a: array, b: array, /, alpha: float = 1.0, beta: float = "
              "1.0, *, stream: StreamOrDevice = None) -> array"),
      "``alpha * (a @ b) + beta * c``, where ``c`` broadcasts to the result.");
  m.def("tensordot", &tensordot, nb::arg(), nb::arg(), "axes"_a = 2, nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def tensordot(a: array, b: array, /, axes: int | list[Sequence[int]] = 2, *, "
                "stream: StreamOrDevice = None) -> array"),
        "Sums products over pairs of axes: the last ``axes`` of ``a`` with the first of ``b``, or "
        "those that two lists name.");
  m.def(
      "inner",
      [](const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
        return mx::inner(a, b, s);
      },
      nb::arg(), nb::arg(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def inner(a: array, b: array, /, *, stream: StreamOrDevice = None) -> array"),
      "Sums products over the last axes of both.");
  m.def(
      "outer",
      [](const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
        return mx::outer(a, b, s);
      },
      nb::arg(), nb::arg(), nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def outer(a: array, b: array, /, *, stream: StreamOrDevice = None) -> array"),
      "The product of each element of ``a`` with each of ``b``; both are flattened.");
  m.def(
      "vecdot",
      [](const mx::array& a, const mx::array& b, int axis, mx::StreamOrDevice s) {
        return mx::vecdot(a, b, axis, s);
      },
      nb::arg(), nb::arg(), nb::kw_only(), "axis"_a = -1, "stream"_a = nb::none(),
      nb::sig("def vecdot(a: array, b: array, /, *, axis: int = -1, stream: StreamOrDevice = "
              "None) -> array"),
      "The sum of ``conj(a) * b`` along an axis; the other axes broadcast.");
  m.def(
      "kron",
      [](const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
        return mx::kron(a, b, s);
      },
      "a"_a, "b"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def kron(a: array, b: array, *, stream: StreamOrDevice = None) -> array"),
      "The Kronecker product: a block ``a[i] * b`` for each element of ``a``.");
}

void bind_einsum(nb::module_& m) {
  m.def(
      "einsum_path",
      [](const std::string& subscripts, const nb::args& operands) {
        auto [path, text] = mx::einsum_path(subscripts, operand_arrays(operands));
        nb::list steps;
        for (const auto& step : path) {
          nb::list entries;
          for (int i : step) entries.append(i);
          steps.append(nb::tuple(entries));
        }
        return nb::make_tuple(steps, text);
      },
      "subscripts"_a, "operands"_a, nb::sig("def einsum_path(subscripts: str, *operands)"),
      "The order in which :func:`einsum` contracts its operands, and a text about the cost.");
  m.def(
      "einsum",
      [](const std::string& subscripts, const nb::args& operands, mx::StreamOrDevice s) {
        return mx::einsum(subscripts, operand_arrays(operands), s);
      },
      "subscripts"_a, "operands"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def einsum(subscripts: str, *operands, stream: StreamOrDevice = None) -> array"),
      "The sum of products that the subscripts describe, for example ``\"ij,jk->ik\"``.");
}

}  // namespace

void bind_matmul(nb::module_& m) {
  bind_products(m);
  bind_einsum(m);
}
