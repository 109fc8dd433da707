// Primitives that make arrays from numbers, and the reinterpretation of bytes.
#pragma once

#include <string>
#include <tuple>

#include "mlx/primitives/families.h"

namespace mlx::core {

/** start + i step. */
class MLX_API Arange : public Primitive {
 public:
  Arange(Stream stream, double start, double stop, double step)
      : Primitive(stream), start_(start), stop_(stop), step_(step) {}

  DEFINE_NAME(Arange)
  bool is_equivalent(const Primitive& other) const override {
    return state() == static_cast<const Arange&>(other).state();
  }
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  std::tuple<double, double, double> state() const { return {start_, stop_, step_}; }

 private:
  double start_, stop_, step_;
};

/** Its input, already broadcast, as memory of its own. Fused away where it is only read. */
class MLX_API Full : public Elementwise<Full> {
 public:
  using Elementwise::Elementwise;
  static constexpr OpInfo info{.name = "Full", .function = "full"};
  /** A conversion that keeps the dtype. */
  int element_op() const override { return op_index<AsType>(); }
  DEFINE_GRADS()
};

/** The same bytes as another dtype. */
class MLX_API View : public Primitive {
 public:
  View(Stream stream, Dtype dtype) : Primitive(stream), dtype_(dtype) {}

  DEFINE_NAME(View)
  DEFINE_VMAP()
  bool is_equivalent(const Primitive& other) const override {
    return dtype_ == static_cast<const View&>(other).dtype_;
  }
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  Dtype state() const { return dtype_; }

 private:
  Dtype dtype_;
};

}  // namespace mlx::core
