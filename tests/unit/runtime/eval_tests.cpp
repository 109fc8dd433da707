// Tests of scheduling and evaluation: order, release, errors, threads, streams.
#include <gtest/gtest.h>

#include <thread>

#include "mlx/mlx.h"
#include "mlx/primitives.h"

namespace mlx::core {

namespace {

/** Adds one to every element; throws when the first is negative. Stands for a user's primitive. */
class PlusOne : public UnaryPrimitive {
 public:
  using UnaryPrimitive::UnaryPrimitive;
  DEFINE_NAME(PlusOne)
  void eval_cpu(const std::vector<array>& inputs, array& out) override {
    if (inputs[0].data<float>()[0] < 0) throw std::runtime_error("[PlusOne] negative");
    if (inputs[0].is_donatable()) {
      out.copy_shared_buffer(inputs[0]);
      ++donations;
    } else {
      out.set_data(allocator::malloc(out.nbytes()));
    }
    for (size_t i = 0; i < out.size(); ++i) out.data<float>()[i] = inputs[0].data<float>()[i] + 1;
  }
  void eval_gpu(const std::vector<array>&, array&) override {}
  static inline std::atomic<int> donations{0};
};

array plus_one(const array& x, Stream s = default_stream(Device::cpu)) {
  return array(x.shape(), x.dtype(), std::make_shared<PlusOne>(s), {x});
}

}  // namespace

TEST(Eval, RunsChainOfAMillionOps) {
  array x = array({0.0f, 1.0f});
  for (int i = 0; i < 1000000; ++i) x = plus_one(x);
  eval(x);
  EXPECT_EQ(x.data<float>()[1], 1000001.0f);
  EXPECT_FALSE(x.has_primitive());
}

TEST(Eval, ReleasesLazyChainWithoutRecursion) {
  array x = array({0.0f});
  for (int i = 0; i < 1000000; ++i) x = plus_one(x);
}

TEST(Eval, DonatesAndKeepsWhatIsHeld) {
  array x = array({1.0f});
  array y = plus_one(x);
  int before = PlusOne::donations;
  array z = plus_one(plus_one(y));
  eval(z);
  EXPECT_EQ(PlusOne::donations - before, 1);
  EXPECT_EQ(y.item<float>(), 2.0f);
  EXPECT_EQ(z.item<float>(), 4.0f);
}

TEST(Eval, PeakMemoryOfAChainStaysLow) {
  size_t n = 1 << 20;
  array x = plus_one(broadcast_to(array(1.0f), {1}));
  eval(x);
  array a = array(std::vector<float>(n, 0.0f).begin(), {static_cast<int>(n)});
  reset_peak_memory();
  size_t start = get_active_memory();
  for (int i = 0; i < 10; ++i) a = plus_one(a);
  eval(a);
  EXPECT_LE(get_peak_memory() - start, 2 * n * sizeof(float));
}

TEST(Eval, ErrorsReachTheCallerAndLaterUses) {
  array x = plus_one(array({-5.0f}));
  array y = plus_one(x);
  EXPECT_THROW(eval(y), std::runtime_error);
  EXPECT_THROW(eval(y), std::runtime_error);
  EXPECT_THROW(eval(plus_one(x)), std::runtime_error);
  array fine = plus_one(array({1.0f}));
  EXPECT_EQ(fine.item<float>(), 2.0f);
}

TEST(Eval, AsynchronousErrorsSurfaceAtSynchronize) {
  Stream s = new_stream(Device::cpu);
  array x = plus_one(array({-5.0f}), s);
  async_eval(x);
  EXPECT_THROW(synchronize(s), std::runtime_error);
  EXPECT_NO_THROW(synchronize(s));
  EXPECT_THROW(x.eval(), std::runtime_error);
}

TEST(Eval, OrdersWorkAcrossStreams) {
  Stream a = new_stream(Device::cpu);
  Stream b = new_stream(Device::cpu);
  array x = array({0.0f});
  for (int i = 0; i < 100; ++i) x = plus_one(plus_one(x, a), b);
  eval(x);
  EXPECT_EQ(x.item<float>(), 200.0f);
}

TEST(Eval, ThreadsShareLazyGraphs) {
  for (int round = 0; round < 50; ++round) {
    array x = array({0.0f});
    for (int i = 0; i < 20; ++i) x = plus_one(x);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([x, t]() mutable {
        array y = plus_one(x);
        if (t % 2) {
          async_eval(y);
        }
        EXPECT_EQ(y.item<float>(), 21.0f);
        EXPECT_EQ(x.item<float>(), 20.0f);
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

TEST(Eval, RefusesPlaceholders) {
  array x = array::placeholder({2}, float32);
  EXPECT_THROW(eval(plus_one(x)), std::invalid_argument);
}

TEST(Memory, RefusesWhatCannotBeHadAndGoesOn) {
  EXPECT_THROW(allocator::malloc(size_t{1} << 50), std::runtime_error);
  EXPECT_THROW(allocator::malloc(size_t{1} << 62), std::runtime_error);
  EXPECT_EQ(plus_one(array({1.0f})).item<float>(), 2.0f);
}

TEST(Views, ReshapeSharesOrCopies) {
  array x = reshape(array({0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f}), {2, 3});
  array t = transpose(x);
  array flat = reshape(t, {6});
  eval(t, flat);
  EXPECT_EQ(t.data<float>(), x.data<float>());
  EXPECT_EQ(flat.data<float>()[1], 3.0f);
  array split = reshape(transpose(reshape(x, {1, 2, 3}), {0, 2, 1}), {3, 2});
  eval(split);
  EXPECT_EQ(split.data<float>(), x.data<float>());
  array back = slice(x, {1, 2}, {-3, -4}, {-1, -1});
  array copied = contiguous(back);
  eval(copied);
  EXPECT_EQ(copied.data<float>()[0], 5.0f);
  EXPECT_EQ(copied.shape(), (Shape{2, 3}));
}

}  // namespace mlx::core
