// Primitives that order elements along an axis.
#pragma once

#include <utility>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Stable, ascending, NaN last. */
class MLX_API Sort : public Primitive {
 public:
  Sort(Stream stream, int axis) : Primitive(stream), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Sort)
  DEFINE_INPUT_OUTPUT_SHAPE()
  bool is_equivalent(const Primitive& other) const override;
  int state() const { return axis_; }

 private:
  int axis_;
};

class MLX_API ArgSort : public Primitive {
 public:
  ArgSort(Stream stream, int axis) : Primitive(stream), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(ArgSort)
  DEFINE_INPUT_OUTPUT_SHAPE()
  bool is_equivalent(const Primitive& other) const override;
  int state() const { return axis_; }

 private:
  int axis_;
};

/** Element `kth` is where sorting would put it; smaller ones come before it, larger ones after. */
class MLX_API Partition : public Primitive {
 public:
  Partition(Stream stream, int kth, int axis) : Primitive(stream), kth_(kth), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Partition)
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  bool is_equivalent(const Primitive& other) const override;
  std::pair<int, int> state() const { return {kth_, axis_}; }

 private:
  int kth_;
  int axis_;
};

class MLX_API ArgPartition : public Primitive {
 public:
  ArgPartition(Stream stream, int kth, int axis) : Primitive(stream), kth_(kth), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(ArgPartition)
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  bool is_equivalent(const Primitive& other) const override;
  std::pair<int, int> state() const { return {kth_, axis_}; }

 private:
  int kth_;
  int axis_;
};

/** Inputs: a sorted 1-D array and values; the output says where each value would be inserted. */
class MLX_API SearchSorted : public Primitive {
 public:
  SearchSorted(Stream stream, bool right) : Primitive(stream), right_(right) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(SearchSorted)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override {
    return {inputs[1].shape()};
  }
  bool state() const { return right_; }

 private:
  bool right_;
};

}  // namespace mlx::core
