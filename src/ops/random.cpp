// Random numbers: distributions composed from random bits.
#include "mlx/random.h"

#include <chrono>
#include <cmath>
#include <numbers>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops.h"
#include "mlx/primitives/random.h"
#include "ops/svd.h"

namespace mlx::core::random {

namespace {

constexpr float kSqrt2 = std::numbers::sqrt2_v<float>;

void check_floating(Dtype dtype, const char* op) {
  if (!issubdtype(dtype, floating)) {
    throw_invalid(op, "the dtype must be a real floating-point one: got {}.", dtype_name(dtype));
  }
}

/** Raises unless parameters of shape `parameters` broadcast to `shape` itself. */
void check_shape(const Shape& shape, const Shape& parameters, const char* op) {
  if (broadcast_shapes(shape, parameters, op) != shape) {
    throw_invalid(op, "parameters of shape {} do not broadcast to shape {}.", to_string(parameters),
                  to_string(shape));
  }
}

/** The largest number below 1. */
float below_one(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return 1.0f - 0x1p-11f;
    case Dtype::Val::bfloat16:
      return 1.0f - 0x1p-8f;
    default:
      return 1.0f - 0x1p-24f;
  }
}

/** Uniform in (-1, 1), in float32. */
array symmetric_uniform(const Shape& shape, const std::optional<array>& key, Stream s) {
  return uniform(array(-below_one(float32)), array(1.0f), shape, float32, key, s);
}

/** The uint32 array of pairs that is left after a check. */
const array& check_key(const array& key) {
  if (key.dtype() != uint32) {
    throw_invalid("bits", "a key must have dtype uint32: got {}.", dtype_name(key.dtype()));
  }
  if (key.shape() != Shape{2}) {
    throw_invalid("bits", "a key must have shape (2,): got {}.", to_string(key.shape()));
  }
  return key;
}

}  // namespace

KeySequence::KeySequence(uint64_t seed) : key_(random::key(seed)) {}

void KeySequence::seed(uint64_t seed) { key_ = random::key(seed); }

array KeySequence::next() {
  auto [rest, taken] = random::split(key_);
  key_ = rest;
  return taken;
}

KeySequence& KeySequence::default_() {
  static const auto time_seed =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count());
  static thread_local KeySequence sequence(time_seed);
  return sequence;
}

array key(uint64_t seed) {
  return array({static_cast<uint32_t>(seed >> 32), static_cast<uint32_t>(seed)});
}

void seed(uint64_t seed) { KeySequence::default_().seed(seed); }

array bits(const Shape& shape, int width, const std::optional<array>& key, StreamOrDevice s) {
  if (width != 1 && width != 2 && width != 4) {
    throw_invalid("bits", "the width must be 1, 2 or 4 bytes: got {}.", width);
  }
  for (ShapeElem length : shape) {
    if (length < 0) throw_invalid("bits", "negative length in shape {}.", to_string(shape));
  }
  array from = key ? *key : KeySequence::default_().next();
  check_key(from);
  Dtype dtype = width == 4 ? uint32 : width == 2 ? uint16 : uint8;
  return array(shape, dtype, make_node<RandomBits>(to_stream(s), shape, width), {from});
}

std::pair<array, array> split(const array& key, StreamOrDevice s) {
  array keys = random::split(key, 2, s);
  return {take(keys, 0, 0, s), take(keys, 1, 0, s)};
}

array split(const array& key, int num, StreamOrDevice s) { return bits({num, 2}, 4, key, s); }

array uniform(const array& low, const array& high, const Shape& shape, Dtype dtype,
              const std::optional<array>& key, StreamOrDevice s) {
  check_floating(dtype, "uniform");
  Stream stream = to_stream(s);
  array lower = astype(low, dtype, stream);
  array range = subtract(astype(high, dtype, stream), lower, stream);
  check_shape(shape, range.shape(), "uniform");
  // Conversion and scaling round up to 1 for the largest words, so the result is kept below it.
  array unit =
      multiply(astype(bits(shape, 4, key, stream), float32, stream), array(0x1p-32f), stream);
  unit = minimum(astype(unit, dtype, stream), array(below_one(dtype), dtype), stream);
  return add(multiply(range, unit, stream), lower, stream);
}

array uniform(const Shape& shape, Dtype dtype, const std::optional<array>& key, StreamOrDevice s) {
  return uniform(array(0.0f, float32), array(1.0f, float32), shape, dtype, key, s);
}

array normal(const Shape& shape, Dtype dtype, const std::optional<array>& loc,
             const std::optional<array>& scale, const std::optional<array>& key, StreamOrDevice s) {
  Stream stream = to_stream(s);
  if (!issubdtype(dtype, inexact)) {
    throw_invalid("normal", "the dtype must be a floating-point one or complex64: got {}.",
                  dtype_name(dtype));
  }
  // erfinv of a uniform variable has a variance of 1/2.
  std::optional<array> factor;
  array samples(0.0f);
  if (dtype == complex64) {
    Shape pairs = shape;
    pairs.push_back(2);
    samples = erfinv(symmetric_uniform(pairs, key, stream), stream);
    samples = squeeze(view(samples, complex64, stream), -1, stream);
    if (scale) factor = astype(*scale, dtype, stream);
  } else {
    samples = astype(erfinv(symmetric_uniform(shape, key, stream), stream), dtype, stream);
    factor = array(kSqrt2, dtype);
    if (scale) factor = multiply(*factor, astype(*scale, dtype, stream), stream);
  }
  if (factor) samples = multiply(*factor, samples, stream);
  if (loc) samples = add(astype(*loc, dtype, stream), samples, stream);
  return samples;
}

array randint(const array& low, const array& high, const Shape& shape, Dtype dtype,
              const std::optional<array>& key, StreamOrDevice s) {
  if (!issubdtype(dtype, integer) && dtype != bool_) {
    throw_invalid("randint", "the dtype must be an integer one or bool: got {}.",
                  dtype_name(dtype));
  }
  Stream stream = to_stream(s);
  array drawn =
      astype(floor(uniform(low, high, shape, float32, key, stream), stream), dtype, stream);
  array last = astype(subtract(high, array(1, high.dtype()), stream), dtype, stream);
  return maximum(minimum(drawn, last, stream), astype(low, dtype, stream), stream);
}

array bernoulli(const array& p, const Shape& shape, const std::optional<array>& key,
                StreamOrDevice s) {
  if (!issubdtype(p.dtype(), floating)) {
    throw_invalid("bernoulli", "the probability must be a floating-point number: got {}.",
                  dtype_name(p.dtype()));
  }
  check_shape(shape, p.shape(), "bernoulli");
  return less(uniform(shape, float32, key, s), p, s);
}
array bernoulli(const array& p, const std::optional<array>& key, StreamOrDevice s) {
  return bernoulli(p, p.shape(), key, s);
}
array bernoulli(const std::optional<array>& key, StreamOrDevice s) {
  return bernoulli(array(0.5f), key, s);
}

array truncated_normal(const array& lower, const array& upper, const Shape& shape, Dtype dtype,
                       const std::optional<array>& key, StreamOrDevice s) {
  check_floating(dtype, "truncated_normal");
  Stream stream = to_stream(s);
  array sqrt2 = array(kSqrt2, dtype);
  array low = astype(lower, dtype, stream);
  array high = astype(upper, dtype, stream);
  array u = uniform(erf(divide(low, sqrt2, stream), stream),
                    erf(divide(high, sqrt2, stream), stream), shape, dtype, key, stream);
  array samples = multiply(sqrt2, erfinv(u, stream), stream);
  return maximum(minimum(samples, high, stream), low, stream);
}
array truncated_normal(const array& lower, const array& upper, Dtype dtype,
                       const std::optional<array>& key, StreamOrDevice s) {
  return truncated_normal(lower, upper,
                          broadcast_shapes(lower.shape(), upper.shape(), "truncated_normal"), dtype,
                          key, s);
}

array gumbel(const Shape& shape, Dtype dtype, const std::optional<array>& key, StreamOrDevice s) {
  Stream stream = to_stream(s);
  array exponential = negative(log(uniform(shape, dtype, key, stream), stream), stream);
  return negative(log(exponential, stream), stream);
}

namespace {

/** The axis counted from the end. */
int check_axis(const array& logits, int axis) {
  int ndim = static_cast<int>(logits.ndim());
  return normalize_axis(axis, ndim, "categorical") - ndim;
}

/** The largest of logits plus Gumbel noise is distributed as asked for. */
array draw(const array& logits, const Shape& noise_shape, int axis, const std::optional<array>& key,
           Stream s) {
  array noise = gumbel(noise_shape, float32, key, s);
  return argmax(add(logits, noise, s), axis, false, s);
}

/** Samples of one distribution: each is where its uniform number falls in the running sum. */
array draw_from_one(const array& logits, const Shape& shape, const std::optional<array>& key,
                    Stream s) {
  array row = astype(flatten(logits, s), float32, s);
  array sums = cumsum(exp(subtract(row, max(row, s), s), s), 0, false, true, s);
  int last = row.shape(0) - 1;
  array total = slice(sums, {last}, {last + 1}, s);
  array targets = multiply(uniform(shape, float32, key, s), total, s);
  array found = searchsorted(sums, targets, "right", s);
  return minimum(astype(found, uint32, s), array(last, uint32), s);
}

/** As MLX does, the running sum serves wherever several draws share one row of logits. */
bool is_one_row(const array& logits, int axis) {
  return logits.size() > 0 && logits.size() == static_cast<size_t>(logits.shape(axis)) &&
         logits.dtype() != complex64;
}

}  // namespace

array categorical(const array& logits, int axis, const Shape& shape,
                  const std::optional<array>& key, StreamOrDevice s) {
  axis = check_axis(logits, axis);
  Shape reduced = logits.shape();
  reduced.erase(reduced.end() + axis);
  check_shape(shape, reduced, "categorical");
  if (is_one_row(logits, axis) && !shape.empty()) {
    return draw_from_one(logits, shape, key, to_stream(s));
  }
  Shape noise_shape = shape;
  noise_shape.insert(noise_shape.end() + axis + 1, logits.shape(axis));
  return draw(logits, noise_shape, axis, key, to_stream(s));
}

array categorical(const array& logits, int axis, int num_samples, const std::optional<array>& key,
                  StreamOrDevice s) {
  axis = check_axis(logits, axis);
  if (is_one_row(logits, axis) && num_samples >= 0) {
    Shape shape = logits.shape();
    shape.erase(shape.end() + axis);
    shape.push_back(num_samples);
    return draw_from_one(logits, shape, key, to_stream(s));
  }
  Shape noise_shape = logits.shape();
  noise_shape.push_back(num_samples);
  return draw(expand_dims(logits, -1, s), noise_shape, axis - 1, key, to_stream(s));
}

array categorical(const array& logits, int axis, const std::optional<array>& key,
                  StreamOrDevice s) {
  axis = check_axis(logits, axis);
  if (is_one_row(logits, axis) && logits.ndim() > 1) {
    Shape shape = logits.shape();
    shape.erase(shape.end() + axis);
    return draw_from_one(logits, shape, key, to_stream(s));
  }
  return draw(logits, logits.shape(), axis, key, to_stream(s));
}

array multivariate_normal(const array& mean, const array& cov, const Shape& shape, Dtype dtype,
                          const std::optional<array>& key, StreamOrDevice s) {
  constexpr const char* kOp = "multivariate_normal";
  if (dtype != float32) throw_invalid(kOp, "dtype must be float32: got {}.", dtype_name(dtype));
  if (mean.ndim() < 1) throw_invalid(kOp, "mean must have at least one dimension.");
  if (cov.ndim() < 2) throw_invalid(kOp, "cov must have at least two dimensions.");
  ShapeElem n = mean.shape(-1);
  if (cov.shape(-1) != cov.shape(-2)) {
    throw_invalid(kOp, "the last two dimensions of cov must be equal: got {} and {}.",
                  cov.shape(-2), cov.shape(-1));
  }
  if (cov.shape(-1) != n) {
    throw_invalid(kOp, "mean and cov must have compatible shapes: got {} and {}.",
                  to_string(mean.shape()), to_string(cov.shape()));
  }
  Stream stream = to_stream(s);
  Shape batch = broadcast_shapes(Shape(mean.shape().begin(), mean.shape().end() - 1),
                                 Shape(cov.shape().begin(), cov.shape().end() - 2), kOp);
  if (!shape.empty()) {
    if (broadcast_shapes(batch, shape, kOp) != shape) {
      throw_invalid(kOp, "mean and cov of batch shape {} do not broadcast to shape {}.",
                    to_string(batch), to_string(shape));
    }
    batch = shape;
  }
  Shape out_shape = batch;
  out_shape.push_back(n);
  if (n == 0) return zeros(out_shape, dtype, stream);
  // Standard normals times U S^(1/2) V^T, which is the root of a symmetric covariance.
  auto usv = singular_values(astype(cov, float32, stream), true, stream);
  array scaled = multiply(usv[0], expand_dims(sqrt(usv[1], stream), -2, stream), stream);
  array root = matmul(scaled, usv[2], stream);
  array standard = normal(out_shape, dtype, 0.0f, 1.0f, key, stream);
  array spread = squeeze(matmul(expand_dims(standard, -2, stream), root, stream), -2, stream);
  return add(mean, spread, stream);
}

array laplace(const Shape& shape, Dtype dtype, const float loc, const float scale,
              const std::optional<array>& key, StreamOrDevice s) {
  check_floating(dtype, "laplace");
  Stream stream = to_stream(s);
  array u = symmetric_uniform(shape, key, stream);
  array samples =
      multiply(sign(u, stream), log1p(negative(abs(u, stream), stream), stream), stream);
  samples = astype(samples, dtype, stream);
  if (scale != 1.0f) samples = multiply(array(scale, dtype), samples, stream);
  if (loc != 0.0f) samples = add(array(loc, dtype), samples, stream);
  return samples;
}

array permutation(const array& x, int axis, const std::optional<array>& key, StreamOrDevice s) {
  axis = normalize_axis(axis, static_cast<int>(x.ndim()), "permutation");
  return take(x, permutation(x.shape(axis), key, s), axis, s);
}

array permutation(int x, const std::optional<array>& key, StreamOrDevice s) {
  return argsort(bits({x}, 4, key, s), 0, s);
}

}  // namespace mlx::core::random
