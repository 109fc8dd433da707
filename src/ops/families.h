// How public element-wise functions build their nodes: check, promote, broadcast, make.
#pragma once

#include <memory>
#include <utility>

#include "base/pool_allocator.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/families.h"
#include "ops/broadcasting.h"

namespace mlx::core {

/** Raises unless the op takes `dtype`; returns the dtype that operands are converted to. */
Dtype operand_dtype(const OpInfo& info, Dtype dtype);

template <class Op>
array apply_unary(const array& a, StreamOrDevice s) {
  Stream stream = to_stream(s);
  Dtype dtype = operand_dtype(Op::info, a.dtype());
  array x = astype(a, dtype, stream);
  Shape shape = x.shape();
  return array(std::move(shape), detail::result_dtype(Op::info, dtype), make_node<Op>(stream),
               {std::move(x)});
}

template <class Op>
array apply_binary(const array& a, const array& b, StreamOrDevice s) {
  Stream stream = to_stream(s);
  Dtype dtype = operand_dtype(Op::info, promote_types(a.dtype(), b.dtype()));
  array x = astype(a, dtype, stream);
  array y = astype(b, dtype, stream);
  if (x.shape() != y.shape()) {
    auto operands = broadcast_operands(Op::info.function, {std::move(x), std::move(y)}, stream);
    x = std::move(operands[0]);
    y = std::move(operands[1]);
  }
  Shape shape = x.shape();
  return array(std::move(shape), detail::result_dtype(Op::info, dtype), make_node<Op>(stream),
               {std::move(x), std::move(y)});
}

}  // namespace mlx::core
