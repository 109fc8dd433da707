// Windows of signal processing.
#include <cmath>
#include <numbers>
#include <vector>

#include "mlx/ops/creation.h"

namespace mlx::core {

namespace {

/** A window whose value at i is `value(i / (length - 1))`; windows of length 1 are a single one. */
template <typename Value>
array make_window(int length, Value value, StreamOrDevice s) {
  if (length < 1) return zeros(Shape{0}, float32, s);
  if (length == 1) return ones(Shape{1}, float32, s);
  std::vector<float> values(length);
  for (int i = 0; i < length; ++i) {
    values[i] = static_cast<float>(value(i, static_cast<double>(length - 1)));
  }
  return array(values.begin(), Shape{length});
}

double cosine(double i, double last, double harmonic) {
  return std::cos(2 * std::numbers::pi * harmonic * i / last);
}

}  // namespace

array bartlett(int M, StreamOrDevice s) {
  return make_window(
      M, [](double i, double last) { return 1.0 - std::abs(2.0 * i / last - 1.0); }, s);
}

array hanning(int M, StreamOrDevice s) {
  return make_window(
      M, [](double i, double last) { return 0.5 - 0.5 * cosine(i, last, 1); }, s);
}

array hamming(int M, StreamOrDevice s) {
  return make_window(
      M, [](double i, double last) { return 0.54 - 0.46 * cosine(i, last, 1); }, s);
}

array blackman(int M, StreamOrDevice s) {
  return make_window(
      M,
      [](double i, double last) {
        return 0.42 - 0.5 * cosine(i, last, 1) + 0.08 * cosine(i, last, 2);
      },
      s);
}

}  // namespace mlx::core
