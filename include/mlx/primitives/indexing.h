// Primitives that read or write at computed places.
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Inputs: the source and one index array per axis of `axes`, all of one shape. The output has that
 * shape followed by `slice_sizes`: the slice of the source that starts at the indices. */
class MLX_API Gather : public Primitive {
 public:
  Gather(Stream stream, std::vector<int> axes, Shape slice_sizes)
      : Primitive(stream), axes_(std::move(axes)), slice_sizes_(std::move(slice_sizes)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Gather)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  std::pair<std::vector<int>, Shape> state() const { return {axes_, slice_sizes_}; }

 private:
  std::vector<int> axes_;
  Shape slice_sizes_;
};

/** Inputs: source and indices, of equal shapes except along `axis`. */
class MLX_API GatherAxis : public Primitive {
 public:
  GatherAxis(Stream stream, int axis) : Primitive(stream), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(GatherAxis)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  int state() const { return axis_; }

 private:
  int axis_;
};

/** Inputs: the target, one index array per axis of `axes`, and the updates (index shape followed by
 * the shape of a slice). Updates are applied in row-major order of the indices. */
class MLX_API Scatter : public Primitive {
 public:
  enum ReduceType { Max, Min, Sum, Prod, None };

  Scatter(Stream stream, ReduceType reduce_type, std::vector<int> axes)
      : Primitive(stream), reduce_type_(reduce_type), axes_(std::move(axes)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  const char* name() const override;
  bool is_equivalent(const Primitive& other) const override;
  std::pair<ReduceType, std::vector<int>> state() const { return {reduce_type_, axes_}; }

 private:
  ReduceType reduce_type_;
  std::vector<int> axes_;
};

/** Inputs: the target, indices and updates, the last two of one shape that equals the target's
 * except along `axis`. */
class MLX_API ScatterAxis : public Primitive {
 public:
  enum ReduceType { Sum, None };

  ScatterAxis(Stream stream, ReduceType reduce_type, int axis)
      : Primitive(stream), reduce_type_(reduce_type), axis_(axis) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  const char* name() const override;
  bool is_equivalent(const Primitive& other) const override;
  std::pair<ReduceType, int> state() const { return {reduce_type_, axis_}; }

 private:
  ReduceType reduce_type_;
  int axis_;
};

/** Inputs: target, mask and source. Where the mask holds, the target takes the next element of the
 * source. The first axis is a batch: each row of the target has its own row of the source. */
class MLX_API MaskedScatter : public Primitive {
 public:
  explicit MaskedScatter(Stream stream) : Primitive(stream) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(MaskedScatter)
  DEFINE_DEFAULT_IS_EQUIVALENT()
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
};

/** Inputs: the target and the updates, of the shape of the slice `start:stop:stride`. */
class MLX_API SliceUpdate : public Primitive {
 public:
  enum ReduceType { Max, Min, Sum, Prod, None };

  SliceUpdate(Stream stream, ReduceType reduce_type, Shape start, Shape stop, Shape strides)
      : Primitive(stream),
        reduce_type_(reduce_type),
        start_(std::move(start)),
        stop_(std::move(stop)),
        strides_(std::move(strides)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  const char* name() const override;
  bool is_equivalent(const Primitive& other) const override;
  auto state() const { return std::make_tuple(reduce_type_, start_, stop_, strides_); }

 private:
  ReduceType reduce_type_;
  Shape start_;
  Shape stop_;
  Shape strides_;
};

/** Inputs: the source and a 1-D array with the starts along `axes`. */
class MLX_API DynamicSlice : public Primitive {
 public:
  DynamicSlice(Stream stream, std::vector<int> axes, Shape slice_size)
      : Primitive(stream), axes_(std::move(axes)), slice_size_(std::move(slice_size)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(DynamicSlice)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  auto state() const { return std::make_pair(axes_, slice_size_); }

 private:
  std::vector<int> axes_;
  Shape slice_size_;
};

/** Inputs: the target, the updates and a 1-D array with the starts along `axes`. */
class MLX_API DynamicSliceUpdate : public Primitive {
 public:
  DynamicSliceUpdate(Stream stream, std::vector<int> axes)
      : Primitive(stream), axes_(std::move(axes)) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(DynamicSliceUpdate)
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  bool is_equivalent(const Primitive& other) const override;
  auto state() const { return axes_; }

 private:
  std::vector<int> axes_;
};

}  // namespace mlx::core
