// Primitives that change shape or layout; most are views that move no data.
#pragma once

#include <tuple>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** A view with given strides and offset (in elements) into the input's row-major elements. */
class MLX_API AsStrided : public Primitive {
 public:
  AsStrided(Stream stream, Shape shape, Strides strides, size_t offset)
      : Primitive(stream),
        shape_(std::move(shape)),
        strides_(std::move(strides)),
        offset_(offset) {}
  DEFINE_GRADS()
  DEFINE_NAME(AsStrided)
  bool is_equivalent(const Primitive& other) const override;
  auto state() const { return std::make_tuple(shape_, strides_, offset_); }

 private:
  Shape shape_;
  Strides strides_;
  size_t offset_;
};

/** Broadcasts the first input to a shape. While a shapeless trace is recorded, the shape is not
 * fixed: further inputs are then the arrays it must fit, and the output has the common shape of
 * all. */
class MLX_API Broadcast : public Primitive {
 public:
  Broadcast(Stream stream, Shape shape) : Primitive(stream), shape_(std::move(shape)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Broadcast)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  const Shape& state() const { return shape_; }

 private:
  /** `shapes`: those of the inputs; several of them decide the result together. */
  Shape result_shape(const std::vector<Shape>& shapes) const;

  Shape shape_;
};

/** Broadcasts the first input to the common shape of all inputs along every axis but
 * `ignore_axes` (counted from the end: negative), where it keeps its lengths. Shapeless traces have
 * it where others have a Broadcast to a fixed shape. */
class MLX_API BroadcastAxes : public Primitive {
 public:
  explicit BroadcastAxes(Stream stream, std::vector<int> ignore_axes = {})
      : Primitive(stream), ignore_axes_(std::move(ignore_axes)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(BroadcastAxes)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  static Shape output_shape(const std::vector<array>& inputs, const std::vector<int>& ignore_axes,
                            const char* op = "broadcast");
  const std::vector<int>& state() const { return ignore_axes_; }

 private:
  std::vector<int> ignore_axes_;
};

class MLX_API ExpandDims : public Primitive {
 public:
  /** `axes`: sorted positions of the new dimensions in the output. */
  ExpandDims(Stream stream, std::vector<int> axes) : Primitive(stream), axes_(std::move(axes)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(ExpandDims)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  const std::vector<int>& state() const { return axes_; }

 private:
  std::vector<int> axes_;
};

class MLX_API Squeeze : public Primitive {
 public:
  /** `axes`: sorted positions of the removed dimensions in the input. */
  Squeeze(Stream stream, std::vector<int> axes) : Primitive(stream), axes_(std::move(axes)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Squeeze)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  const std::vector<int>& state() const { return axes_; }

 private:
  std::vector<int> axes_;
};

/** The elements in row-major order under another shape. */
class MLX_API Reshape : public Primitive {
 public:
  Reshape(Stream stream, Shape shape) : Primitive(stream), shape_(std::move(shape)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Reshape)
  bool is_equivalent(const Primitive& other) const override;
  /** A second input lends its shape, but for the last dimension, which is what remains. */
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  const Shape& state() const { return shape_; }

 private:
  Shape shape_;
};

/** Merges the axes from `start_axis` to `end_axis`. */
class MLX_API Flatten : public Primitive {
 public:
  Flatten(Stream stream, int start_axis, int end_axis)
      : Primitive(stream), start_axis_(start_axis), end_axis_(end_axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Flatten)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  static Shape output_shape(const array& input, int start_axis, int end_axis);
  std::pair<int, int> state() const { return {start_axis_, end_axis_}; }

 private:
  int start_axis_;
  int end_axis_;
};

/** Splits an axis into the dimensions `shape`, one of which may be -1. */
class MLX_API Unflatten : public Primitive {
 public:
  Unflatten(Stream stream, int axis, Shape shape)
      : Primitive(stream), axis_(axis), shape_(std::move(shape)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Unflatten)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  static Shape output_shape(const array& input, int axis, const Shape& shape);
  std::pair<int, Shape> state() const { return {axis_, shape_}; }

 private:
  int axis_;
  Shape shape_;
};

class MLX_API Transpose : public Primitive {
 public:
  Transpose(Stream stream, std::vector<int> axes) : Primitive(stream), axes_(std::move(axes)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Transpose)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  const std::vector<int>& state() const { return axes_; }

 private:
  std::vector<int> axes_;
};

/** `start:stop:stride` along every axis; negative strides walk backwards. */
class MLX_API Slice : public Primitive {
 public:
  Slice(Stream stream, Shape start, Shape stop, Shape strides)
      : Primitive(stream),
        start_(std::move(start)),
        stop_(std::move(stop)),
        strides_(std::move(strides)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Slice)
  bool is_equivalent(const Primitive& other) const override;
  auto state() const { return std::make_tuple(start_, stop_, strides_); }

 private:
  Shape start_;
  Shape stop_;
  Shape strides_;
};

class MLX_API Concatenate : public Primitive {
 public:
  Concatenate(Stream stream, int axis) : Primitive(stream), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Concatenate)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  int state() const { return axis_; }

 private:
  int axis_;
};

/** Cuts an axis at `indices` into views. */
class MLX_API Split : public Primitive {
 public:
  Split(Stream stream, Shape indices, int axis)
      : Primitive(stream), indices_(std::move(indices)), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Split)
  bool is_equivalent(const Primitive& other) const override;
  std::pair<Shape, int> state() const { return {indices_, axis_}; }

 private:
  Shape indices_;
  int axis_;
};

/** Surrounds the first input by the value of the second, a 0-d array. `axes` are padded by `low`
 * elements before and `high` after. */
class MLX_API Pad : public Primitive {
 public:
  Pad(Stream stream, std::vector<int> axes, Shape low, Shape high)
      : Primitive(stream), axes_(std::move(axes)), low_(std::move(low)), high_(std::move(high)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Pad)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  auto state() const { return std::make_tuple(axes_, low_, high_); }

 private:
  std::vector<int> axes_;
  Shape low_;
  Shape high_;
};

/** The product of the lengths of `axes` (its reciprocal when inverted) as a 0-d array: for traces
 * whose shapes are not fixed. */
class MLX_API NumberOfElements : public Primitive {
 public:
  NumberOfElements(Stream stream, std::vector<int> axes, bool inverted, Dtype dtype)
      : Primitive(stream), axes_(std::move(axes)), inverted_(inverted), dtype_(dtype) {}
  DEFINE_VMAP()
  DEFINE_NAME(NumberOfElements)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>&) override { return {Shape{}}; }
  auto state() const { return std::make_tuple(axes_, inverted_, dtype_); }

 private:
  std::vector<int> axes_;
  bool inverted_;
  Dtype dtype_;
};

/** A row-contiguous (or, if allowed, column-contiguous) array with the same elements. */
class MLX_API Contiguous : public Primitive {
 public:
  Contiguous(Stream stream, bool allow_col_major)
      : Primitive(stream), allow_col_major_(allow_col_major) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Contiguous)
  DEFINE_INPUT_OUTPUT_SHAPE()
  bool is_equivalent(const Primitive& other) const override;
  bool state() const { return allow_col_major_; }

 private:
  bool allow_col_major_;
};

/** The same array under another identity. */
class MLX_API Copy : public Primitive {
 public:
  using Primitive::Primitive;
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Copy)
  DEFINE_DEFAULT_IS_EQUIVALENT()
  DEFINE_INPUT_OUTPUT_SHAPE()
};

/** Passes derivatives of zero. */
class MLX_API StopGradient : public Primitive {
 public:
  using Primitive::Primitive;
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(StopGradient)
  DEFINE_DEFAULT_IS_EQUIVALENT()
  DEFINE_INPUT_OUTPUT_SHAPE()
};

}  // namespace mlx::core
