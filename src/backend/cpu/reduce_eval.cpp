// Reduce and ArgReduce on the CPU: from primitives to the reduction drivers.
#include "backend/cpu/reduce_eval.h"

#include "backend/cpu/arg_reduce.h"
#include "backend/cpu/reduce.h"
#include "backend/cpu/rows.h"
#include "mlx/primitives/reduce.h"

namespace mlx::core::cpu {

namespace {

void eval_reduce(const Primitive& primitive, const std::vector<array>& inputs,
                 std::vector<array>& outputs) {
  auto [type, axes] = static_cast<const Reduce&>(primitive).state();
  const array& x = inputs[0];
  array& out = outputs[0];
  allocate(out);
  std::vector<bool> reduced(x.ndim(), false);
  for (int axis : axes) reduced[axis] = true;
  ReduceOp op = ReduceOp::sum;
  switch (type) {
    case Reduce::And:
    case Reduce::Min:
      op = ReduceOp::min;
      break;
    case Reduce::Or:
    case Reduce::Max:
      op = ReduceOp::max;
      break;
    case Reduce::Sum:
      op = ReduceOp::sum;
      break;
    case Reduce::Prod:
      op = ReduceOp::prod;
      break;
  }
  const bool truth = type == Reduce::And || type == Reduce::Or;
  reduce(op, truth, {x.data<char>(), x.dtype(), x.shape(), x.strides()}, reduced, out.data<char>(),
         out.dtype());
}

void eval_arg_reduce(const Primitive& primitive, const std::vector<array>& inputs,
                     std::vector<array>& outputs) {
  auto [type, axis] = static_cast<const ArgReduce&>(primitive).state();
  const array& x = inputs[0];
  allocate(outputs[0]);
  arg_reduce(type == ArgReduce::ArgMin, {x.data<char>(), x.dtype(), x.shape(), x.strides()}, axis,
             outputs[0].data<uint32_t>());
}

}  // namespace

void register_reduce(KernelTable& table) {
  table.add<Reduce>(eval_reduce);
  table.add<ArgReduce>(eval_arg_reduce);
}

}  // namespace mlx::core::cpu
