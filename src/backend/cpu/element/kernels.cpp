// The table of block kernels by op and dtype, filled on first use.
#include "backend/cpu/element/kernels.h"

#include <array>

#include "backend/cpu/element/families.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"

namespace mlx::core::cpu {

namespace {

using Table = std::array<std::array<BlockKernel, kNumDtypes>, kNumElementOps>;
using CastTable = std::array<std::array<BlockKernel, kNumDtypes>, kNumDtypes>;

BlockKernel look_up(ElementOp op, Dtype::Val dtype) {
  using Family = BlockKernel (*)(ElementOp, Dtype::Val);
  constexpr Family kFamilies[] = {&arithmetic_kernel, &comparison_kernel, &exponential_kernel,
                                  &logarithm_kernel,  &power_kernel,      &trigonometry_kernel,
                                  &unary_basic_kernel};
  for (Family family : kFamilies) {
    if (BlockKernel kernel = family(op, dtype)) return kernel;
  }
  return nullptr;
}

const Table& kernel_table() {
  static const Table table = [] {
    Table t{};
    for (int op = 0; op < kNumElementOps; ++op) {
      for (int d = 0; d < kNumDtypes; ++d) {
        t[op][d] = look_up(static_cast<ElementOp>(op), static_cast<Dtype::Val>(d));
      }
    }
    return t;
  }();
  return table;
}

const CastTable& cast_table() {
  static const CastTable table = [] {
    CastTable t{};
    for (int from = 0; from < kNumDtypes; ++from) {
      for (int to = 0; to < kNumDtypes; ++to) {
        t[from][to] = cast_kernel(static_cast<Dtype::Val>(from), static_cast<Dtype::Val>(to));
      }
    }
    return t;
  }();
  return table;
}

}  // namespace

int element_op_of(int op_index) {
  static const auto numbers = [] {
    std::array<int, OpList::size> result{};
    size_t row = 0;
    OpList::for_each([&]<class Op>() {
      result[row] = -1;
      for (int op = 0; op < kNumElementOps; ++op) {
        if (kElementOpNames[op] == Op::info.name) result[row] = op;
      }
      ++row;
    });
    return result;
  }();
  return numbers[static_cast<size_t>(op_index)];
}

BlockKernel find_block_kernel(ElementOp op, Dtype source, Dtype result) {
  auto from = static_cast<size_t>(source.val());
  if (op == ElementOp::cast) return cast_table()[from][static_cast<size_t>(result.val())];
  if (op == ElementOp::select) {
    return source.val() == result.val() ? select_kernel(size_of(source)) : nullptr;
  }
  if (block_kernel_result(op, source).val() != result.val()) return nullptr;
  return kernel_table()[static_cast<size_t>(op)][from];
}

bool block_kernel_streams(ElementOp op, Dtype source, Dtype result) {
  auto is_vector_float = [](Dtype dtype) {
    return dtype == float32 || dtype == float16 || dtype == bfloat16;
  };
  return op != ElementOp::select && is_vector_float(source) && is_vector_float(result);
}

Dtype block_kernel_result(ElementOp op, Dtype source) {
  switch (op) {
    case ElementOp::equal:
    case ElementOp::nan_equal:
    case ElementOp::not_equal:
    case ElementOp::less:
    case ElementOp::less_equal:
    case ElementOp::greater:
    case ElementOp::greater_equal:
    case ElementOp::logical_and:
    case ElementOp::logical_or:
    case ElementOp::logical_not:
      return bool_;
    case ElementOp::abs:
    case ElementOp::real:
    case ElementOp::imag:
      return source.val() == Dtype::Val::complex64 ? float32 : source;
    default:
      return source;
  }
}

}  // namespace mlx::core::cpu
