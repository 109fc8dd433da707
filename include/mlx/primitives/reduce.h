// Primitives that reduce over axes.
#pragma once

#include <utility>
#include <vector>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Reduces sorted `axes` to length 1 (the public functions squeeze them). */
class MLX_API Reduce : public Primitive {
 public:
  enum ReduceType { And, Or, Sum, Prod, Min, Max };

  Reduce(Stream stream, ReduceType reduce_type, std::vector<int> axes)
      : Primitive(stream), reduce_type_(reduce_type), axes_(std::move(axes)) {}
  const char* name() const override;
  DEFINE_GRADS()
  DEFINE_VMAP()
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  std::pair<ReduceType, std::vector<int>> state() const { return {reduce_type_, axes_}; }

 private:
  ReduceType reduce_type_;
  std::vector<int> axes_;
};

/** The position of the first extremum along an axis, which is kept with length 1. */
class MLX_API ArgReduce : public Primitive {
 public:
  enum ReduceType { ArgMin, ArgMax };

  ArgReduce(Stream stream, ReduceType reduce_type, int axis)
      : Primitive(stream), reduce_type_(reduce_type), axis_(axis) {}
  DEFINE_NAME(ArgReduce)
  DEFINE_GRADS()
  DEFINE_VMAP()
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  std::pair<ReduceType, int> state() const { return {reduce_type_, axis_}; }

 private:
  ReduceType reduce_type_;
  int axis_;
};

}  // namespace mlx::core
