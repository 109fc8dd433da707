// Reduce and ArgReduce on the CPU: from primitives to the reduction drivers.
#include "backend/cpu/reduce_eval.h"

#include "backend/cpu/arg_reduce.h"
#include "backend/cpu/rows.h"
#include "base/errors.h"

namespace mlx::core::cpu {

ReduceKind reduce_kind(Reduce::ReduceType type) {
  switch (type) {
    case Reduce::And:
      return {ReduceOp::min, true};
    case Reduce::Or:
      return {ReduceOp::max, true};
    case Reduce::Sum:
      return {ReduceOp::sum, false};
    case Reduce::Prod:
      return {ReduceOp::prod, false};
    case Reduce::Min:
      return {ReduceOp::min, false};
    case Reduce::Max:
      return {ReduceOp::max, false};
  }
  throw_internal("unknown reduction");
}

namespace {

void eval_reduce(const Primitive& primitive, const std::vector<array>& inputs,
                 std::vector<array>& outputs) {
  auto [type, axes] = static_cast<const Reduce&>(primitive).state();
  const array& x = inputs[0];
  array& out = outputs[0];
  allocate(out);
  std::vector<bool> reduced(x.ndim(), false);
  for (int axis : axes) reduced[axis] = true;
  auto [op, truth] = reduce_kind(type);
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
