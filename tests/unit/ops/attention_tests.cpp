// Tests of fused attention against a float64 loop: masks, groups, lengths, sinks, splits, threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>

#include "base/thread_pool.h"
#include "mlx/ops.h"
#include "mlx/ops/attention.h"
#include "mlx/transforms.h"

namespace mlx::core {
namespace {

std::vector<float> normal(size_t size, int seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(size);
  for (auto& v : values) v = distribution(rng);
  return values;
}

struct Case {
  int batch, heads, key_heads, queries, keys, depth, width;
};

enum class Mask { none, causal, boolean, additive };

std::vector<float> values(const array& a) {
  array x = contiguous(astype(a, float32));
  x.eval();
  return {x.data<float>(), x.data<float>() + x.size()};
}

void check(const Case& c, Mask kind, bool with_sinks, Dtype dtype, double tolerance) {
  auto q = normal(c.batch * c.heads * c.queries * c.depth, 1);
  auto k = normal(c.batch * c.key_heads * c.keys * c.depth, 2);
  auto v = normal(c.batch * c.key_heads * c.keys * c.width, 3);
  auto extra = normal(c.heads * c.queries * c.keys, 4);
  auto sinks = normal(c.heads, 5);
  std::vector<uint8_t> visible(extra.size());
  for (size_t i = 0; i < extra.size(); ++i) visible[i] = extra[i] > -0.5f;
  array qa(q.begin(), {c.batch, c.heads, c.queries, c.depth}, dtype);
  array ka(k.begin(), {c.batch, c.key_heads, c.keys, c.depth}, dtype);
  array va(v.begin(), {c.batch, c.key_heads, c.keys, c.width}, dtype);
  q = values(qa);
  k = values(ka);
  v = values(va);
  const float scale = 1 / std::sqrt(static_cast<float>(c.depth));
  std::optional<array> mask;
  Shape mask_shape = {c.heads, c.queries, c.keys};
  if (kind == Mask::boolean) mask = array(visible.begin(), mask_shape, bool_);
  if (kind == Mask::additive) {
    mask = array(extra.begin(), mask_shape, dtype);
    extra = values(*mask);
  }
  std::optional<array> sink_array;
  if (with_sinks) {
    sink_array = array(sinks.begin(), {c.heads}, dtype);
    sinks = values(*sink_array);
  }
  auto got = values(fast::scaled_dot_product_attention(
      qa, ka, va, scale, kind == Mask::causal ? "causal" : "", mask, sink_array));
  std::vector<double> scores(c.keys);
  for (int b = 0; b < c.batch; ++b) {
    for (int h = 0; h < c.heads; ++h) {
      const int kh = h / (c.heads / c.key_heads);
      for (int i = 0; i < c.queries; ++i) {
        double total = with_sinks ? std::exp(double(sinks[h])) : 0;
        bool any = with_sinks;
        for (int j = 0; j < c.keys; ++j) {
          double sum = 0;
          for (int d = 0; d < c.depth; ++d) {
            sum += double(q[((b * c.heads + h) * c.queries + i) * c.depth + d]) *
                   k[((b * c.key_heads + kh) * c.keys + j) * c.depth + d];
          }
          sum *= scale;
          const size_t at = (size_t(h) * c.queries + i) * c.keys + j;
          bool hidden = (kind == Mask::causal && j > c.keys - c.queries + i) ||
                        (kind == Mask::boolean && !visible[at]);
          if (kind == Mask::additive) sum += extra[at];
          scores[j] = hidden ? 0 : std::exp(sum);
          any = any || !hidden;
          total += scores[j];
        }
        if (!any) {  // nothing to see: the average
          for (auto& s : scores) s = 1;
          total = c.keys;
        }
        for (int d = 0; d < c.width; ++d) {
          double sum = 0;
          for (int j = 0; j < c.keys; ++j) {
            sum += scores[j] * v[((b * c.key_heads + kh) * c.keys + j) * c.width + d];
          }
          ASSERT_NEAR(got[((b * c.heads + h) * c.queries + i) * c.width + d], sum / total,
                      tolerance)
              << "head " << h << " query " << i << " keys " << c.keys;
        }
      }
    }
  }
}

const std::vector<Case> kCases = {{1, 1, 1, 1, 1, 4, 4},       {1, 4, 2, 3, 5, 8, 8},
                                  {2, 4, 4, 70, 70, 32, 32},   {1, 2, 1, 9, 300, 64, 40},
                                  {1, 2, 2, 140, 131, 16, 16}, {1, 8, 2, 1, 1500, 64, 64},
                                  {1, 1, 1, 300, 140, 8, 8}};

TEST(Attention, Float32) {
  for (const Case& c : kCases) {
    for (Mask mask : {Mask::none, Mask::causal, Mask::boolean, Mask::additive}) {
      check(c, mask, false, float32, 1e-5);
      check(c, mask, true, float32, 1e-5);
    }
  }
}

TEST(Attention, SixteenBit) {
  for (const Case& c : kCases) {
    check(c, Mask::causal, false, float16, 4e-3);
    check(c, Mask::additive, true, bfloat16, 3e-2);
  }
}

TEST(Attention, ReadsStridedInputs) {
  // (batch, length, heads, depth) seen as (batch, heads, length, depth), as models have it.
  auto data = normal(40 * 2 * 16, 1);
  array x(data.begin(), {1, 40, 2, 16});
  array t = transpose(x, {0, 2, 1, 3});
  auto strided = values(fast::scaled_dot_product_attention(t, t, t, 0.25f, "causal"));
  array c = contiguous(t);
  EXPECT_EQ(strided, values(fast::scaled_dot_product_attention(c, c, c, 0.25f, "causal")));
}

TEST(Attention, ThreadsDoNotChangeBits) {
  auto data = normal(4 * 1200 * 32, 1);
  array k(data.begin(), {1, 4, 1200, 32});
  array q = slice(k, {0, 0, 0, 0}, {1, 4, 2, 32});
  const int threads = set_num_threads(1);
  auto one = values(fast::scaled_dot_product_attention(q, k, k, 0.2f));
  set_num_threads(4);
  auto many = values(fast::scaled_dot_product_attention(q, k, k, 0.2f));
  set_num_threads(threads);
  EXPECT_EQ(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)), 0);
}

// float64 goes through the composition that the derivatives use.
TEST(Attention, CompositionAgrees) {
  auto data = normal(2 * 6 * 8, 1);
  array k(data.begin(), {1, 2, 6, 8});
  array q = concatenate({k, negative(k)}, 1);
  array mask = array({1.0f, 0.0f, 1.0f, 1.0f, 0.0f, 1.0f});
  array sinks = array({0.5f, -1.0f, 2.0f, 0.0f});
  for (const std::string mode : {"", "causal", "array"}) {
    for (bool with_sinks : {false, true}) {
      auto attend = [&](Dtype dtype) {
        std::optional<array> mask_arr, sink_arr;
        if (mode == "array") mask_arr = astype(mask, bool_);
        if (with_sinks) sink_arr = sinks;
        return values(fast::scaled_dot_product_attention(
            astype(q, dtype), astype(k, dtype), astype(k, dtype), 0.4f, mode, mask_arr, sink_arr));
      };
      auto fused = attend(float32);
      auto composed = attend(float64);
      for (size_t i = 0; i < fused.size(); ++i) ASSERT_NEAR(fused[i], composed[i], 1e-5);
    }
  }
  auto loss = [&](const std::vector<array>& x) {
    return sum(fast::scaled_dot_product_attention(x[0], x[1], x[1], 0.4f, "causal"),
               std::vector<int>{0, 1, 2, 3});
  };
  auto gradients = grad(loss, {0, 1})({q, k});
  EXPECT_EQ(gradients[0].shape(), q.shape());
  const float step = 1e-2f;
  array probe = array({step});
  array bumped = concatenate(
      {slice(q, {0, 0, 0, 0}, {1, 1, 1, 1}) + probe, slice(q, {0, 0, 0, 1}, {1, 1, 1, 8})}, 3);
  array rest = slice(q, {0, 0, 1, 0}, {1, 1, 6, 8});
  array first = concatenate({bumped, rest}, 2);
  array q2 = concatenate({first, slice(q, {0, 1, 0, 0}, {1, 4, 6, 8})}, 1);
  EXPECT_NEAR((values(loss({q2, k}))[0] - values(loss({q, k}))[0]) / step, values(gradients[0])[0],
              2e-2);
}

TEST(Attention, Errors) {
  array x(1.0f);
  x = broadcast_to(x, {1, 4, 3, 8});
  array k = broadcast_to(array(1.0f), {1, 3, 3, 8});
  EXPECT_THROW(fast::scaled_dot_product_attention(x, k, k, 1.0f), std::invalid_argument);
  EXPECT_THROW(fast::scaled_dot_product_attention(x, x, x, 1.0f, "foo"), std::invalid_argument);
  array mask = broadcast_to(array(1.0f), {4, 4});
  EXPECT_THROW(fast::scaled_dot_product_attention(x, x, x, 1.0f, "", mask), std::invalid_argument);
  array sinks = broadcast_to(array(1.0f), {3});
  EXPECT_THROW(fast::scaled_dot_product_attention(x, x, x, 1.0f, "", {}, sinks),
               std::invalid_argument);
}

}  // namespace
}  // namespace mlx::core
