// The table of block kernels by op and dtype, filled on first use.
#include "backend/cpu/element/kernels.h"

#include <array>

#include "backend/cpu/element/families.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"

namespace mlx::core::cpu {

namespace {

using Table = std::array<std::array<BlockKernel, kNumDtypes>, OpList::size>;
using CastTable = std::array<std::array<BlockKernel, kNumDtypes>, kNumDtypes>;

}  // namespace

BlockKernel element_kernel(int op, Dtype::Val dtype) {
  using Family = BlockKernel (*)(int, Dtype::Val);
  constexpr Family kFamilies[] = {&arithmetic_kernel, &comparison_kernel, &exponential_kernel,
                                  &logarithm_kernel,  &power_kernel,      &trigonometry_kernel,
                                  &unary_basic_kernel};
  for (Family family : kFamilies) {
    if (BlockKernel kernel = family(op, dtype)) return kernel;
  }
  return nullptr;
}

namespace {

const Table& kernel_table() {
  static const Table table = [] {
    Table t{};
    for (size_t op = 0; op < OpList::size; ++op) {
      for (int d = 0; d < kNumDtypes; ++d) {
        t[op][d] = element_kernel(static_cast<int>(op), static_cast<Dtype::Val>(d));
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

/** By op: what the OpList says about it. */
const std::array<const OpInfo*, OpList::size>& op_infos() {
  static const auto infos = [] {
    std::array<const OpInfo*, OpList::size> result{};
    size_t row = 0;
    OpList::for_each([&]<class Op>() { result[row++] = &Op::info; });
    return result;
  }();
  return infos;
}

}  // namespace

const char* element_op_name(int op) { return op_infos()[static_cast<size_t>(op)]->name; }

BlockKernel find_block_kernel(int op, Dtype source, Dtype result) {
  auto from = static_cast<size_t>(source.val());
  if (op == op_index<AsType>()) return cast_table()[from][static_cast<size_t>(result.val())];
  if (op == op_index<Select>()) {
    return source.val() == result.val() ? select_kernel(size_of(source)) : nullptr;
  }
  if (block_kernel_result(op, source).val() != result.val()) return nullptr;
  return kernel_table()[static_cast<size_t>(op)][from];
}

bool block_kernel_streams(int op, Dtype source, Dtype result) {
  auto is_vector_float = [](Dtype dtype) {
    return dtype == float32 || dtype == float16 || dtype == bfloat16;
  };
  if (op == op_index<Select>()) return false;
  if (source == float64) return result == float64 && op != op_index<AsType>();
  return is_vector_float(source) && is_vector_float(result);
}

Dtype block_kernel_result(int op, Dtype source) {
  switch (op_infos()[static_cast<size_t>(op)]->result) {
    case Result::boolean:
      return bool_;
    case Result::real_part:
      return source.val() == Dtype::Val::complex64 ? float32 : source;
    default:
      return source;
  }
}

}  // namespace mlx::core::cpu
