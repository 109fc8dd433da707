// Primitives of quantised matrices.
#pragma once

#include <string>
#include <string_view>
#include <tuple>

#include "mlx/primitives/primitive.h"

namespace mlx::core {

enum class QuantizationMode { Affine, Mxfp4, Mxfp8, Nvfp4 };

MLX_API std::string quantization_mode_to_string(QuantizationMode mode);
/** Raises for an unknown name; `error_tag` names the op in the message. */
MLX_API QuantizationMode string_to_quantization_mode(const std::string& mode,
                                                     std::string_view error_tag = "");

/** x @ w (or its transpose) for a quantised w; inputs are x, w, scales and, if affine, biases. x
 * has w's batch dimensions, or w has none. */
class MLX_API QuantizedMatmul : public Primitive {
 public:
  explicit QuantizedMatmul(Stream stream, int group_size, int bits, QuantizationMode mode,
                           bool transpose)
      : Primitive(stream),
        group_size_(group_size),
        bits_(bits),
        mode_(mode),
        transpose_(transpose) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(QuantizedMatmul)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  auto state() const { return std::make_tuple(group_size_, bits_, mode_, transpose_); }

 private:
  int group_size_;
  int bits_;
  QuantizationMode mode_;
  bool transpose_;
};

namespace fast {

/** Quantises a matrix along its last axis into codes, scales and biases, or the other way round. */
class MLX_API Quantize : public Primitive {
 public:
  explicit Quantize(Stream stream, int group_size, int bits, QuantizationMode mode, bool dequantize)
      : Primitive(stream),
        group_size_(group_size),
        bits_(bits),
        mode_(mode),
        dequantize_(dequantize) {}
  DEFINE_VMAP()
  DEFINE_GRADS()
  DEFINE_NAME(Quantize)
  bool is_equivalent(const Primitive& other) const override;
  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override;
  auto state() const { return std::make_tuple(nullptr, group_size_, bits_, mode_, dequantize_); }

 private:
  int group_size_;
  int bits_;
  QuantizationMode mode_;
  bool dequantize_;
};

}  // namespace fast

}  // namespace mlx::core
