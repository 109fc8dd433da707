// Rotary position encoding: the public functions and the rules of RoPE.
#include "mlx/primitives/rope.h"

#include <cmath>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "graph/shape_check.h"
#include "mlx/fast.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"

namespace mlx::core::fast {

namespace {

void check(const array& x, int dims, std::optional<float> base, const array& offset,
           const std::optional<array>& freqs) {
  if (x.ndim() < 3) {
    throw_invalid("rope", "Input must have at least 3 dimensions but got input with {} dimensions.",
                  x.ndim());
  }
  if (!issubdtype(x.dtype(), floating)) {
    throw_invalid("rope", "Input must be a floating type but got {}.", dtype_name(x.dtype()));
  }
  if (dims <= 0) throw_invalid("rope", "dims must be positive but got {}.", dims);
  if (dims % 2 != 0) throw_invalid("rope", "dims must be even but got {}.", dims);
  if (dims > x.shape(-1)) {
    throw_invalid("rope", "dims must not exceed the input's last dimension ({}) but got {}.",
                  x.shape(-1), dims);
  }
  if (offset.ndim() > 1) {
    throw_invalid("rope", "offset must have at most one dimension but has shape {}.",
                  to_string(offset.shape()));
  }
  if (offset.size() != 1 && offset.size() != static_cast<size_t>(x.shape(0))) {
    throw_invalid("rope", "offset must be a scalar or vector with {} elements but has shape {}.",
                  x.shape(0), to_string(offset.shape()));
  }
  if (!issubdtype(offset.dtype(), integer)) {
    throw_invalid("rope", "offset must be an integer but got type {}.", dtype_name(offset.dtype()));
  }
  if (base && freqs) throw_invalid("rope", "Only one of base or freqs can have a value.");
  if (!base && !freqs) throw_invalid("rope", "Neither base nor freqs has a value.");
  if (freqs && (freqs->ndim() != 1 || freqs->shape(0) != dims / 2)) {
    throw_invalid("rope", "freqs must be one dimensional with size {} but got shape {}.", dims / 2,
                  to_string(freqs->shape()));
  }
}

array slice_last(const array& x, int begin, int end, int step, Stream s) {
  Shape start(x.ndim(), 0);
  Shape stop = x.shape();
  Shape steps(x.ndim(), 1);
  start[x.ndim() - 1] = begin;
  stop[x.ndim() - 1] = end;
  steps[x.ndim() - 1] = step;
  return slice(x, start, stop, steps, s);
}

/** The angles, of shape (1 or batch, 1, ..., positions, dims / 2). */
array angles(const array& x, const array& offset, const array* periods, int half, float base,
             float scale, Dtype dtype, Stream s) {
  array steps = arange(0, x.shape(-2), 1, dtype, s);
  array start = astype(offset, dtype, s);
  if (offset.size() > 1) {
    Shape column(x.ndim() - 1, 1);
    column[0] = static_cast<int>(offset.size());
    start = reshape(start, column, s);
  } else {
    start = reshape(start, {}, s);
  }
  array position = expand_dims(multiply(add(start, steps, s), array(scale, dtype), s), -1, s);
  if (periods != nullptr) return divide(position, astype(*periods, dtype, s), s);
  array exponent = multiply(arange(0, half, 1, dtype, s),
                            array(-std::log(static_cast<double>(base)) / half, dtype), s);
  return multiply(position, exp(exponent, s), s);
}

Custom::Fallback rope_fallback(int dims, bool traditional, float base, float scale, bool forward,
                               Stream s) {
  return [=](std::vector<array> inputs) -> std::vector<array> {
    const array& x = inputs[0];
    const int half = dims / 2;
    Dtype dtype = x.dtype() == float64 ? float64 : float32;
    array angle =
        angles(x, inputs[1], inputs.size() > 2 ? &inputs[2] : nullptr, half, base, scale, dtype, s);
    array c = cos(angle, s);
    array sn = forward ? sin(angle, s) : negative(sin(angle, s), s);
    array wide = astype(x, dtype, s);
    array a = traditional ? slice_last(wide, 0, dims, 2, s) : slice_last(wide, 0, half, 1, s);
    array b = traditional ? slice_last(wide, 1, dims, 2, s) : slice_last(wide, half, dims, 1, s);
    array first = subtract(multiply(a, c, s), multiply(b, sn, s), s);
    array second = add(multiply(a, sn, s), multiply(b, c, s), s);
    int last = static_cast<int>(x.ndim()) - 1;
    array rotated = first;
    if (traditional) {
      array pairs =
          concatenate({expand_dims(first, -1, s), expand_dims(second, -1, s)}, last + 1, s);
      Shape shape = x.shape();
      shape[last] = dims;
      rotated = reshape(pairs, shape, s);
    } else {
      rotated = concatenate({first, second}, last, s);
    }
    rotated = astype(rotated, x.dtype(), s);
    if (dims < x.shape(-1)) {
      rotated = concatenate({rotated, slice_last(x, dims, x.shape(-1), 1, s)}, last, s);
    }
    return {rotated};
  };
}

array make_rope(std::vector<array> inputs, int dims, bool traditional, float base, float scale,
                bool forward, Stream s) {
  auto fallback = rope_fallback(dims, traditional, base, scale, forward, s);
  if (inputs[0].dtype() == float64) return fallback(inputs)[0];
  Shape shape = inputs[0].shape();
  Dtype dtype = inputs[0].dtype();
  return array(std::move(shape), dtype,
               make_node<RoPE>(s, fallback, dims, traditional, base, scale, forward),
               std::move(inputs));
}

}  // namespace

array rope(const array& x, int dims, bool traditional, std::optional<float> base, float scale,
           const array& offset, const std::optional<array>& freqs, StreamOrDevice s) {
  check(x, dims, base, offset, freqs);
  Stream stream = to_stream(s);
  std::vector<array> inputs{x, offset};
  if (freqs) inputs.push_back(astype(*freqs, float32, stream));
  return make_rope(std::move(inputs), dims, traditional, base.value_or(1.0f), scale, true, stream);
}

array rope(const array& x, int dims, bool traditional, std::optional<float> base, float scale,
           int offset, const std::optional<array>& freqs, StreamOrDevice s) {
  return rope(x, dims, traditional, base, scale, array(offset, int32), freqs, s);
}

bool RoPE::is_equivalent(const Primitive& other) const {
  return state() == static_cast<const RoPE&>(other).state();
}

std::vector<Shape> RoPE::output_shapes(const std::vector<array>& inputs) {
  const Shape& shape = inputs[0].shape();
  size_t offsets = inputs[1].size();
  require_fit(dims_ <= shape.back() && (offsets == 1 || offsets == static_cast<size_t>(shape[0])) &&
                  (inputs.size() < 3 || inputs[2].shape() == Shape{dims_ / 2}),
              "rope", inputs);
  return {shape};
}

// The rotation is linear in x, and its transpose rotates back.
std::vector<array> RoPE::vjp(const std::vector<array>& primals,
                             const std::vector<array>& cotangents, const std::vector<int>& argnums,
                             const std::vector<array>& outputs) {
  if (argnums.size() != 1 || argnums[0] != 0) {
    return Custom::vjp(primals, cotangents, argnums, outputs);
  }
  std::vector<array> inputs = primals;
  inputs[0] = cotangents[0];
  return {make_rope(std::move(inputs), dims_, traditional_, base_, scale_, !forward_, stream())};
}

std::vector<array> RoPE::jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                             const std::vector<int>& argnums) {
  if (argnums.size() != 1 || argnums[0] != 0) return Custom::jvp(primals, tangents, argnums);
  std::vector<array> inputs = primals;
  inputs[0] = tangents[0];
  return {make_rope(std::move(inputs), dims_, traditional_, base_, scale_, forward_, stream())};
}

}  // namespace mlx::core::fast
