// Quantised matrices: public functions, their checks, and the rules of their primitives.
#include "mlx/ops/quantized.h"

#include <algorithm>
#include <array>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/input_list.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/matmul.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/primitives/quantized.h"

namespace mlx::core {

namespace {

constexpr int kDefaultGroupSize = 64;
constexpr int kDefaultBits = 4;

struct Format {
  QuantizationMode mode;
  int group_size;
  int bits;
};

Format resolve_format(const char* op, const std::string& mode, std::optional<int> group_size,
                      std::optional<int> bits) {
  const QuantizationMode kind = string_to_quantization_mode(mode, op);
  if (kind != QuantizationMode::Affine) {
    throw_runtime(op, "the quantization mode '{}' is not implemented.", mode);
  }
  return {kind, group_size.value_or(kDefaultGroupSize), bits.value_or(kDefaultBits)};
}

void check_biases(const char* op, const std::optional<array>& biases) {
  if (!biases) throw_invalid(op, "biases must be provided for affine quantization.");
}

bool is_real_float(Dtype dtype) { return issubdtype(dtype, floating); }

/** The number of values in a row of packed words. */
int unpacked_size(const array& w, int bits) { return w.shape(-1) * 32 / bits; }

bool shapes_fit(const array& w, const array& scales, const Format& format) {
  if (format.bits < 1 || format.group_size < 1 || w.ndim() != scales.ndim()) return false;
  return std::equal(w.shape().begin(), w.shape().end() - 1, scales.shape().begin()) &&
         static_cast<int64_t>(w.shape(-1)) * 32 ==
             static_cast<int64_t>(scales.shape(-1)) * format.group_size * format.bits;
}

void check_supported(const char* op, const Format& format) {
  constexpr std::array kBits = {1, 2, 3, 4, 5, 6, 8};
  constexpr std::array kGroups = {32, 64, 128};
  if (std::find(kGroups.begin(), kGroups.end(), format.group_size) == kGroups.end()) {
    throw_invalid(op, "group size {} is not supported: expected 32, 64 or 128.", format.group_size);
  }
  if (std::find(kBits.begin(), kBits.end(), format.bits) == kBits.end()) {
    throw_invalid(op, "{} bits are not supported: expected 1, 2, 3, 4, 5, 6 or 8.", format.bits);
  }
}

/** The codes themselves as floats: what scales are multiplied with. */
array codes_as(Dtype dtype, const array& w, const Format& format, const Shape& scale_shape,
               Stream s) {
  array ones = broadcast_to(array(1.0f, dtype), scale_shape, s);
  array zeros = broadcast_to(array(0.0f, dtype), scale_shape, s);
  return dequantize(w, ones, zeros, format.group_size, format.bits, "affine", std::nullopt,
                    std::nullopt, s);
}

array split_groups(const array& a, int group_size, Stream s) {
  return unflatten(a, -1, {a.shape(-1) / group_size, group_size}, s);
}

array join_batch(const array& a, const Shape& batch, Stream s) {
  Shape shape = batch;
  shape.push_back(a.shape(-2));
  shape.push_back(a.shape(-1));
  return broadcast_to(a, shape, s);
}

Shape batch_of(const array& a) { return Shape(a.shape().begin(), a.shape().end() - 2); }

}  // namespace

std::string quantization_mode_to_string(QuantizationMode mode) {
  switch (mode) {
    case QuantizationMode::Affine:
      return "affine";
    case QuantizationMode::Mxfp4:
      return "mxfp4";
    case QuantizationMode::Mxfp8:
      return "mxfp8";
    case QuantizationMode::Nvfp4:
      return "nvfp4";
  }
  throw_internal("unknown quantization mode");
}

QuantizationMode string_to_quantization_mode(const std::string& mode, std::string_view error_tag) {
  for (auto kind : {QuantizationMode::Affine, QuantizationMode::Mxfp4, QuantizationMode::Mxfp8,
                    QuantizationMode::Nvfp4}) {
    if (quantization_mode_to_string(kind) == mode) return kind;
  }
  throw_invalid(error_tag, "invalid quantization mode '{}'.", mode);
}

std::vector<array> quantize(const array& w, std::optional<int> group_size, std::optional<int> bits,
                            const std::string& mode, const std::optional<array>& global_scale,
                            StreamOrDevice s) {
  Stream stream = to_stream(s);
  const Format format = resolve_format("quantize", mode, group_size, bits);
  if (global_scale && format.mode != QuantizationMode::Nvfp4) {
    throw_invalid("quantize", "a global scale is only supported for the mode 'nvfp4'.");
  }
  if (!is_real_float(w.dtype())) {
    throw_invalid("quantize", "only real floating types can be quantized: got {}.",
                  dtype_name(w.dtype()));
  }
  if (w.ndim() < 2) {
    throw_invalid("quantize", "the matrix must have at least 2 dimensions: got {}.", w.ndim());
  }
  if (format.group_size < 1 || w.shape(-1) % format.group_size != 0) {
    throw_invalid("quantize",
                  "the last dimension must be divisible by the group size {}: got shape {}.",
                  format.group_size, to_string(w.shape()));
  }
  check_supported("quantize", format);
  auto primitive =
      make_node<fast::Quantize>(stream, format.group_size, format.bits, format.mode, false);
  auto shapes = primitive->output_shapes({w});
  return array::make_arrays(std::move(shapes), {uint32, w.dtype(), w.dtype()}, primitive, {w});
}

array dequantize(const array& w, const array& scales, const std::optional<array>& biases,
                 std::optional<int> group_size, std::optional<int> bits, const std::string& mode,
                 const std::optional<array>& global_scale, std::optional<Dtype> dtype,
                 StreamOrDevice s) {
  Stream stream = to_stream(s);
  const Format format = resolve_format("dequantize", mode, group_size, bits);
  if (global_scale && format.mode != QuantizationMode::Nvfp4) {
    throw_invalid("dequantize", "a global scale is only supported for the mode 'nvfp4'.");
  }
  check_biases("dequantize", biases);
  if (w.ndim() < 2) {
    throw_invalid("dequantize", "the matrix must have at least 2 dimensions: got {}.", w.ndim());
  }
  if (w.dtype() != uint32) {
    throw_invalid("dequantize", "the packed matrix must be uint32: got {}.", dtype_name(w.dtype()));
  }
  const Dtype scale_dtype = result_type(scales, *biases);
  if (!is_real_float(scale_dtype)) {
    throw_invalid("dequantize", "scales and biases must be real floating: got {} and {}.",
                  dtype_name(scales.dtype()), dtype_name(biases->dtype()));
  }
  if (scales.shape() != biases->shape() || !shapes_fit(w, scales, format)) {
    throw_invalid("dequantize",
                  "the shapes of the matrix {}, scales {} and biases {} do not fit group size {} "
                  "and {} bits.",
                  to_string(w.shape()), to_string(scales.shape()), to_string(biases->shape()),
                  format.group_size, format.bits);
  }
  check_supported("dequantize", format);
  const Dtype out_dtype = dtype.value_or(scale_dtype);
  if (!is_real_float(out_dtype)) {
    throw_invalid("dequantize", "the result must be real floating: got {}.", dtype_name(out_dtype));
  }
  auto primitive =
      make_node<fast::Quantize>(stream, format.group_size, format.bits, format.mode, true);
  Shape shape = w.shape();
  shape.back() = unpacked_size(w, format.bits);
  return array(std::move(shape), out_dtype, std::move(primitive),
               {w, astype(scales, scale_dtype, stream), astype(*biases, scale_dtype, stream)});
}

array quantized_matmul(const array& x, const array& w, const array& scales,
                       const std::optional<array>& biases, bool transpose,
                       std::optional<int> group_size, std::optional<int> bits,
                       const std::string& mode, StreamOrDevice s) {
  constexpr const char* kOp = "quantized_matmul";
  Stream stream = to_stream(s);
  const Format format = resolve_format(kOp, mode, group_size, bits);
  check_biases(kOp, biases);
  if (w.dtype() != uint32) {
    throw_invalid(kOp, "the packed matrix must be uint32: got {}.", dtype_name(w.dtype()));
  }
  if (scales.shape() != biases->shape()) {
    throw_invalid(kOp, "scales and biases must have the same shape: got {} and {}.",
                  to_string(scales.shape()), to_string(biases->shape()));
  }
  if (w.ndim() < 2 || !shapes_fit(w, scales, format)) {
    throw_invalid(kOp,
                  "the shapes of the matrix {} and scales {} do not fit group size {} and {} bits.",
                  to_string(w.shape()), to_string(scales.shape()), format.group_size, format.bits);
  }
  check_supported(kOp, format);
  if (x.ndim() == 0) throw_invalid(kOp, "x must have at least one dimension.");
  const Dtype scale_dtype = result_type(scales, *biases);
  if (!is_real_float(scale_dtype)) {
    throw_invalid(kOp, "scales and biases must be real floating: got {} and {}.",
                  dtype_name(scales.dtype()), dtype_name(biases->dtype()));
  }
  const Dtype dtype = promote_types(x.dtype(), scale_dtype);
  if (!is_real_float(dtype)) {
    throw_invalid(kOp, "only real floating types are supported: got x of {}.",
                  dtype_name(x.dtype()));
  }
  const int inner = transpose ? unpacked_size(w, format.bits) : w.shape(-2);
  if (x.shape(-1) != inner) {
    throw_invalid(kOp,
                  "the last dimension of x must be that of the expanded matrix: got shape {} and "
                  "{} (packed {}, transpose={}).",
                  to_string(x.shape()), inner, to_string(w.shape()), transpose);
  }
  array left = astype(x.ndim() == 1 ? expand_dims(x, 0, stream) : x, dtype, stream);
  array packed = w;
  array s_cast = astype(scales, scale_dtype, stream);
  array b_cast = astype(*biases, scale_dtype, stream);
  if (w.ndim() > 2) {
    const Shape batch = broadcast_shapes(batch_of(left), batch_of(w), kOp);
    left = join_batch(left, batch, stream);
    packed = join_batch(packed, batch, stream);
    s_cast = join_batch(s_cast, batch, stream);
    b_cast = join_batch(b_cast, batch, stream);
  }
  auto primitive =
      make_node<QuantizedMatmul>(stream, format.group_size, format.bits, format.mode, transpose);
  std::vector<array> inputs =
      input_list(std::move(left), std::move(packed), std::move(s_cast), std::move(b_cast));
  Shape shape = primitive->output_shapes(inputs)[0];
  array out(std::move(shape), dtype, std::move(primitive), std::move(inputs));
  return x.ndim() == 1 ? squeeze(out, -2, stream) : out;
}

bool QuantizedMatmul::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const QuantizedMatmul&>(other).state();
}

std::vector<Shape> QuantizedMatmul::output_shapes(const std::vector<array>& inputs) {
  const array& x = inputs[0];
  const array& w = inputs[1];
  int inner = transpose_ ? unpacked_size(w, bits_) : w.shape(-2);
  require_fit(x.shape(-1) == inner && shapes_fit(w, inputs[2], {mode_, group_size_, bits_}) &&
                  inputs[2].shape() == inputs[3].shape() &&
                  (w.ndim() == 2 || batch_of(x) == batch_of(w)),
              "quantized_matmul", inputs);
  Shape shape = inputs[0].shape();
  shape.back() = transpose_ ? inputs[1].shape(-2) : unpacked_size(inputs[1], bits_);
  return {std::move(shape)};
}

std::vector<array> QuantizedMatmul::vjp(const std::vector<array>& primals,
                                        const std::vector<array>& cotangents,
                                        const std::vector<int>& argnums,
                                        const std::vector<array>&) {
  const Stream s = stream();
  const array& x = primals[0];
  const array& w = primals[1];
  const array& scales = primals[2];
  const array& cotangent = cotangents[0];
  std::optional<array> grouped;  // the gradient of the expanded matrix, split into groups
  auto matrix_gradient = [&]() -> const array& {
    if (!grouped) {
      array rows = transpose_ ? cotangent : x;
      array columns = transpose_ ? x : cotangent;
      if (w.ndim() == 2 && x.ndim() > 2) {
        rows = flatten(rows, 0, -2, s);
        columns = flatten(columns, 0, -2, s);
      }
      array gradient = matmul(swapaxes(rows, -1, -2, s), columns, s);
      grouped = split_groups(gradient, group_size_, s);
    }
    return *grouped;
  };
  std::vector<array> vjps;
  for (int arg : argnums) {
    if (arg == 0) {
      vjps.push_back(astype(quantized_matmul(cotangent, w, scales, primals[3], !transpose_,
                                             group_size_, bits_, "affine", s),
                            x.dtype(), s));
    } else if (arg == 1) {
      throw_invalid("QuantizedMatmul::vjp", "no gradient with respect to the quantized weights.");
    } else if (arg == 2) {
      array codes = codes_as(scales.dtype(), w, {mode_, group_size_, bits_}, scales.shape(), s);
      array products = multiply(matrix_gradient(), split_groups(codes, group_size_, s), s);
      vjps.push_back(astype(sum(products, std::vector<int>{-1}, false, s), scales.dtype(), s));
    } else {
      vjps.push_back(
          astype(sum(matrix_gradient(), std::vector<int>{-1}, false, s), scales.dtype(), s));
    }
  }
  return vjps;
}

std::vector<array> QuantizedMatmul::jvp(const std::vector<array>& primals,
                                        const std::vector<array>& tangents,
                                        const std::vector<int>& argnums) {
  std::optional<array> total;
  for (size_t i = 0; i < argnums.size(); ++i) {
    array scales = primals[2];
    array biases = primals[3];
    if (argnums[i] == 1) {
      throw_invalid("QuantizedMatmul::jvp", "no tangent with respect to the quantized weights.");
    }
    if (argnums[i] == 2) {
      scales = tangents[i];
      biases = broadcast_to(array(0.0f, scales.dtype()), scales.shape(), stream());
    } else if (argnums[i] == 3) {
      biases = tangents[i];
      scales = broadcast_to(array(0.0f, biases.dtype()), biases.shape(), stream());
    }
    array part = quantized_matmul(argnums[i] == 0 ? tangents[i] : primals[0], primals[1], scales,
                                  biases, transpose_, group_size_, bits_, "affine", stream());
    total = total ? add(*total, part, stream()) : part;
  }
  return {*total};
}

std::pair<std::vector<array>, std::vector<int>> QuantizedMatmul::vmap(
    const std::vector<array>& inputs, const std::vector<int>& axes) {
  std::vector<array> moved;
  for (size_t i = 0; i < inputs.size(); ++i) {
    moved.push_back(axes[i] > 0 ? moveaxis(inputs[i], axes[i], 0, stream()) : inputs[i]);
  }
  const bool matrix_batched =
      std::any_of(axes.begin() + 1, axes.end(), [](int axis) { return axis >= 0; });
  if (matrix_batched) {
    ShapeElem size = 1;
    for (size_t i = 1; i < moved.size(); ++i) {
      if (axes[i] >= 0) size = moved[i].shape(0);
    }
    for (size_t i = 1; i < moved.size(); ++i) {
      if (axes[i] >= 0) continue;
      Shape shape = moved[i].shape();
      shape.insert(shape.begin(), size);
      moved[i] = broadcast_to(moved[i], shape, stream());
    }
    // x may have batch dimensions that the matrix lacks: the new one stays in front of them.
    if (axes[0] < 0) moved[0] = expand_dims(moved[0], 0, stream());
    while (moved[1].ndim() < moved[0].ndim()) {
      for (size_t i = 1; i < moved.size(); ++i) moved[i] = expand_dims(moved[i], 1, stream());
    }
  }
  array out = quantized_matmul(moved[0], moved[1], moved[2], moved[3], transpose_, group_size_,
                               bits_, "affine", stream());
  return {{out}, {0}};
}

namespace fast {

bool Quantize::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const Quantize&>(other).state();
}

std::vector<Shape> Quantize::output_shapes(const std::vector<array>& inputs) {
  Shape shape = inputs[0].shape();
  require_fit(dequantize_ ? shapes_fit(inputs[0], inputs[1], {mode_, group_size_, bits_}) &&
                                inputs[1].shape() == inputs[2].shape()
                          : shape.back() % group_size_ == 0,
              dequantize_ ? "dequantize" : "quantize", inputs);
  if (dequantize_) {
    shape.back() = unpacked_size(inputs[0], bits_);
    return {std::move(shape)};
  }
  Shape groups = shape;
  groups.back() /= group_size_;
  shape.back() = static_cast<ShapeElem>(static_cast<int64_t>(shape.back()) * bits_ / 32);
  return {std::move(shape), groups, groups};
}

std::vector<array> Quantize::vjp(const std::vector<array>& primals,
                                 const std::vector<array>& cotangents,
                                 const std::vector<int>& argnums, const std::vector<array>&) {
  const Stream s = stream();
  std::vector<array> vjps;
  for (int arg : argnums) {
    const array& primal = primals[arg];
    if (!dequantize_ || arg == 0) {  // rounding has derivative zero
      vjps.push_back(detail::filled_like(primal, 0, primal.dtype(), s));
      continue;
    }
    array groups = split_groups(cotangents[0], group_size_, s);
    if (arg == 1) {
      array codes =
          codes_as(primal.dtype(), primals[0], {mode_, group_size_, bits_}, primal.shape(), s);
      groups = multiply(groups, split_groups(codes, group_size_, s), s);
    }
    vjps.push_back(astype(sum(groups, std::vector<int>{-1}, false, s), primal.dtype(), s));
  }
  return vjps;
}

std::vector<array> Quantize::jvp(const std::vector<array>& primals,
                                 const std::vector<array>& tangents,
                                 const std::vector<int>& argnums) {
  const Stream s = stream();
  if (!dequantize_) {
    std::vector<array> outs;
    const std::array dtypes = {uint32, primals[0].dtype(), primals[0].dtype()};
    auto shapes = output_shapes(primals);
    for (size_t i = 0; i < shapes.size(); ++i) {
      outs.push_back(broadcast_to(array(0.0f, dtypes[i]), shapes[i], s));
    }
    return outs;
  }
  array scales = broadcast_to(array(0.0f, primals[1].dtype()), primals[1].shape(), s);
  array biases = scales;
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 1) scales = tangents[i];
    if (argnums[i] == 2) biases = tangents[i];
  }
  return {mlx::core::dequantize(primals[0], scales, biases, group_size_, bits_, "affine",
                                std::nullopt, std::nullopt, s)};
}

std::pair<std::vector<array>, std::vector<int>> Quantize::vmap(const std::vector<array>& inputs,
                                                               const std::vector<int>& axes) {
  std::vector<array> moved;
  ShapeElem size = 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    moved.push_back(axes[i] > 0 ? moveaxis(inputs[i], axes[i], 0, stream()) : inputs[i]);
    if (axes[i] >= 0) size = moved.back().shape(0);
  }
  for (size_t i = 0; i < moved.size(); ++i) {
    if (axes[i] >= 0) continue;
    Shape shape = moved[i].shape();
    shape.insert(shape.begin(), size);
    moved[i] = broadcast_to(moved[i], shape, stream());
  }
  if (dequantize_) {
    return {{mlx::core::dequantize(moved[0], moved[1], moved[2], group_size_, bits_, "affine",
                                   std::nullopt, std::nullopt, stream())},
            {0}};
  }
  return {mlx::core::quantize(moved[0], group_size_, bits_, "affine", std::nullopt, stream()),
          {0, 0, 0}};
}

}  // namespace fast

}  // namespace mlx::core
