// Random numbers as functions of a key: the same key gives the same numbers on any device and
// number of threads. Without a key, the calling thread's default sequence gives one.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/stream.h"
#include "mlx/utils.h"

namespace mlx::core::random {

/** A sequence of keys: each call of next() splits off one. */
class MLX_API KeySequence {
 public:
  explicit KeySequence(uint64_t seed);

  void seed(uint64_t seed);
  array next();

  /** The sequence of the calling thread, seeded by the time at which the process first asked. */
  static KeySequence& default_();

 private:
  array key_;
};

MLX_API array key(uint64_t seed);

/** Seeds the default sequence of the calling thread. */
MLX_API void seed(uint64_t seed);

/** Random unsigned integers of `width` bytes: 1, 2 or 4. */
MLX_API array bits(const Shape& shape, int width, const std::optional<array>& key = std::nullopt,
                   StreamOrDevice s = {});
inline array bits(const Shape& shape, const std::optional<array>& key = std::nullopt,
                  StreamOrDevice s = {}) {
  return bits(shape, 4, key, s);
}

/** Two keys, or `num` of them as rows, made from one. */
MLX_API std::pair<array, array> split(const array& key, StreamOrDevice s = {});
MLX_API array split(const array& key, int num, StreamOrDevice s = {});

/** Uniform in [low, high); the bounds broadcast to `shape`. */
MLX_API array uniform(const array& low, const array& high, const Shape& shape,
                      Dtype dtype = float32, const std::optional<array>& key = std::nullopt,
                      StreamOrDevice s = {});
template <typename T, typename U>
array uniform(T low, U high, const Shape& shape, Dtype dtype = float32,
              const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  return uniform(array(low), array(high), shape, dtype, key, to_stream(s));
}
MLX_API array uniform(const Shape& shape, Dtype dtype,
                      const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});
inline array uniform(const Shape& shape, const std::optional<array>& key = std::nullopt,
                     StreamOrDevice s = {}) {
  return uniform(shape, float32, key, s);
}

/** Normal with mean `loc` and standard deviation `scale`. A complex one has the variance shared
 * between its parts. */
MLX_API array normal(const Shape& shape, Dtype dtype, const std::optional<array>& loc,
                     const std::optional<array>& scale, const std::optional<array>& key,
                     StreamOrDevice s = {});
inline array normal(const Shape& shape, Dtype dtype, const float loc, const float scale,
                    const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  std::optional<array> mean, deviation;
  if (loc != 0) mean = array(loc, dtype);
  if (scale != 1) deviation = array(scale, dtype);
  return normal(shape, dtype, mean, deviation, key, s);
}
inline array normal(const Shape& shape, const float loc, const float scale,
                    const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  return normal(shape, float32, loc, scale, key, s);
}
inline array normal(const Shape& shape, const Dtype dtype,
                    const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  return normal(shape, dtype, std::nullopt, std::nullopt, key, s);
}
inline array normal(const Shape& shape, const std::optional<array>& key = std::nullopt,
                    StreamOrDevice s = {}) {
  return normal(shape, float32, std::nullopt, std::nullopt, key, s);
}

/** Integers in [low, high), clamped to it after rounding a float32 down. */
MLX_API array randint(const array& low, const array& high, const Shape& shape, Dtype dtype = int32,
                      const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});
template <typename T, typename U>
array randint(T low, U high, const Shape& shape, Dtype dtype = int32,
              const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  return randint(array(low), array(high), shape, dtype, key, to_stream(s));
}

/** True with probability p. */
MLX_API array bernoulli(const array& p, const Shape& shape,
                        const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});
MLX_API array bernoulli(const array& p, const std::optional<array>& key = std::nullopt,
                        StreamOrDevice s = {});
template <typename T>
array bernoulli(T p, const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  return bernoulli(array(p), key, s);
}
template <typename T>
array bernoulli(T p, const Shape& shape, const std::optional<array>& key = std::nullopt,
                StreamOrDevice s = {}) {
  return bernoulli(array(p), shape, key, s);
}
MLX_API array bernoulli(const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});

/** Standard normal, restricted to [lower, upper]. */
MLX_API array truncated_normal(const array& lower, const array& upper, const Shape& shape,
                               Dtype dtype = float32,
                               const std::optional<array>& key = std::nullopt,
                               StreamOrDevice s = {});
MLX_API array truncated_normal(const array& lower, const array& upper, Dtype dtype = float32,
                               const std::optional<array>& key = std::nullopt,
                               StreamOrDevice s = {});

MLX_API array gumbel(const Shape& shape, Dtype dtype = float32,
                     const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});

/** Positions along `axis`, drawn with the probabilities softmax(logits). */
MLX_API array categorical(const array& logits, int axis, const Shape& shape,
                          const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});
MLX_API array categorical(const array& logits, int axis, int num_samples,
                          const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});
MLX_API array categorical(const array& logits, int axis = -1,
                          const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});

MLX_API array laplace(const Shape& shape, Dtype dtype, const float loc, const float scale,
                      const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});
inline array laplace(const Shape& shape, const float loc, const float scale,
                     const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  return laplace(shape, float32, loc, scale, key, s);
}
inline array laplace(const Shape& shape, const Dtype dtype,
                     const std::optional<array>& key = std::nullopt, StreamOrDevice s = {}) {
  return laplace(shape, dtype, 0.0f, 1.0f, key, s);
}
inline array laplace(const Shape& shape, const std::optional<array>& key = std::nullopt,
                     StreamOrDevice s = {}) {
  return laplace(shape, float32, 0.0f, 1.0f, key, s);
}

/** Vectors with the given mean and covariance, whose leading dimensions broadcast with `shape`. */
MLX_API array multivariate_normal(const array& mean, const array& cov, const Shape& shape,
                                  Dtype dtype, const std::optional<array>& key = std::nullopt,
                                  StreamOrDevice s = {});

/** The entries of `x` along an axis, or the numbers below x, in random order. */
MLX_API array permutation(const array& x, int axis = 0,
                          const std::optional<array>& key = std::nullopt, StreamOrDevice s = {});
MLX_API array permutation(int x, const std::optional<array>& key = std::nullopt,
                          StreamOrDevice s = {});

}  // namespace mlx::core::random
