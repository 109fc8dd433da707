// Running reductions along an axis.
#pragma once

#include <tuple>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

class MLX_API Scan : public Primitive {
 public:
  enum ReduceType { Max, Min, Sum, Prod, LogAddExp };

  Scan(Stream stream, ReduceType reduce_type, int axis, bool reverse, bool inclusive)
      : Primitive(stream),
        reduce_type_(reduce_type),
        axis_(axis),
        reverse_(reverse),
        inclusive_(inclusive) {}
  const char* name() const override;
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_INPUT_OUTPUT_SHAPE()
  bool is_equivalent(const Primitive& other) const override;
  auto state() const { return std::make_tuple(reduce_type_, axis_, reverse_, inclusive_); }

 private:
  ReduceType reduce_type_;
  int axis_;
  bool reverse_;
  bool inclusive_;
};

}  // namespace mlx::core
