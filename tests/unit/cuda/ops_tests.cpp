// Whole ops on the (stand-in) GPU compared with the CPU backend: attention, indexing, sorting,
// random bits, and every element-wise op of the list.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "backend/cuda/element.h"
#include "fake_gpu.h"
#include "mlx/primitives.h"
#include "mlx/primitives/random.h"

namespace mlx::core {

namespace {

std::mt19937& generator() {
  static std::mt19937 g(3);
  return g;
}

array random_array(Shape shape, Dtype dtype = float32, float scale = 1.0f) {
  std::normal_distribution<float> normal(0.0f, scale);
  size_t n = 1;
  for (int d : shape) n *= d;
  std::vector<float> v(n);
  for (auto& x : v) x = normal(generator());
  return array(v.begin(), std::move(shape), dtype);
}

array random_ints(Shape shape, int low, int high, Dtype dtype = int32) {
  std::uniform_int_distribution<int> uniform(low, high);
  size_t n = 1;
  for (int d : shape) n *= d;
  std::vector<int> v(n);
  for (auto& x : v) x = uniform(generator());
  return array(v.begin(), std::move(shape), dtype);
}

void expect_close(const array& gpu, const array& cpu, double tolerance,
                  const std::string& what = "") {
  ASSERT_EQ(gpu.shape(), cpu.shape()) << what;
  ASSERT_EQ(gpu.dtype(), cpu.dtype()) << what;
  auto a = values<float>(astype(gpu, float32, Device::cpu));
  auto b = values<float>(astype(cpu, float32, Device::cpu));
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (a[i] == b[i]) continue;
    ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << what << " at " << i;
  }
}

void expect_same_bytes(const array& gpu, const array& cpu, const std::string& what = "") {
  ASSERT_EQ(gpu.shape(), cpu.shape()) << what;
  ASSERT_EQ(gpu.dtype(), cpu.dtype()) << what;
  auto a = contiguous(gpu, false, Device::cpu), b = contiguous(cpu, false, Device::cpu);
  eval({a, b});
  EXPECT_EQ(std::memcmp(a.data<char>(), b.data<char>(), a.nbytes()), 0) << what;
}

}  // namespace

TEST(CudaOps, AttentionOfAllKinds) {
  Stream s = gpu_stream();
  struct Case {
    int batch, heads, key_heads, queries, keys, features;
    Dtype dtype;
    const char* mask;
  };
  for (const Case& c :
       {Case{1, 2, 1, 70, 70, 64, bfloat16, "causal"}, Case{1, 2, 2, 65, 130, 128, float16, ""},
        Case{2, 2, 1, 17, 40, 80, bfloat16, "array"}, Case{1, 2, 1, 20, 20, 64, float32, "causal"},
        Case{1, 2, 1, 33, 50, 40, float16, "bool"}, Case{1, 4, 2, 1, 300, 64, bfloat16, ""},
        Case{2, 4, 1, 1, 700, 128, float16, ""}, Case{1, 3, 1, 4, 37, 64, float32, "causal"},
        Case{1, 2, 1, 3, 260, 256, float32, "array"},
        Case{2, 4, 2, 200, 300, 128, bfloat16, "causal"},
        Case{1, 2, 1, 150, 150, 96, float16, "bool"},
        Case{1, 1, 1, 130, 257, 256, bfloat16, "array"},
        Case{1, 1, 1, 300, 140, 64, float16, "causal"},
        Case{3, 2, 1, 129, 129, 80, bfloat16, "causal"},
        Case{1, 8, 2, 2, 500, 64, bfloat16, "causal"},
        Case{1, 16, 1, 1, 333, 128, float16, "array"}, Case{1, 4, 2, 3, 700, 256, bfloat16, "bool"},
        Case{1, 8, 1, 1, 5, 64, float16, "bool"}, Case{1, 1, 1, 2, 1, 96, bfloat16, ""}}) {
    array q = random_array({c.batch, c.heads, c.queries, c.features}, c.dtype);
    array k = random_array({c.batch, c.key_heads, c.keys, c.features}, c.dtype);
    array v = random_array({c.batch, c.key_heads, c.keys, c.features}, c.dtype);
    std::optional<array> mask;
    std::string mode = c.mask;
    if (mode == "array") mask = random_array({c.queries, c.keys}, c.dtype);
    if (mode == "bool") {
      mask = astype(random_ints({c.batch, 1, c.queries, c.keys}, 0, 3), bool_, Device::cpu);
    }
    std::string ops_mode = mode == "bool" ? "array" : mode;
    float scale = 1.0f / std::sqrt(static_cast<float>(c.features));
    for (bool with_sinks : {false, true}) {
      std::optional<array> sinks;
      if (with_sinks) sinks = random_array({c.heads}, c.dtype);
      auto run = [&](StreamOrDevice where) {
        return fast::scaled_dot_product_attention(q, k, v, scale, ops_mode, mask, sinks, false,
                                                  where);
      };
      expect_close(
          run(s), run(Device::cpu),
          c.dtype == float32   ? 1e-5
          : c.dtype == float16 ? 2e-3
                               : 1.5e-2,
          fmt::format("queries {} keys {} features {} {}", c.queries, c.keys, c.features, mode));
    }
  }
}

TEST(CudaOps, AttentionReadsSlicedKeys) {
  Stream s = gpu_stream();
  array cache = random_array({1, 2, 512, 64}, bfloat16);
  array k = slice(cache, {0, 0, 0, 0}, {1, 2, 200, 64}, s);
  array q = random_array({1, 4, 1, 64}, bfloat16);
  auto run = [&](StreamOrDevice where) {
    return fast::scaled_dot_product_attention(q, k, k, 0.125f, "", std::nullopt, std::nullopt,
                                              false, where);
  };
  expect_close(run(s), run(Device::cpu), 1.5e-2);
}

TEST(CudaOps, GathersAndTakes) {
  Stream s = gpu_stream();
  array x = random_array({50, 16});
  for (Dtype dtype : {int32, uint8, int64}) {
    array index = random_ints({7, 3}, dtype == uint8 ? 0 : -50, 49, dtype);
    expect_same_bytes(take(x, index, 0, s), take(x, index, 0, Device::cpu));
    array narrow = random_ints({5}, 0, 15, dtype);
    expect_same_bytes(take(x, narrow, 1, s), take(x, narrow, 1, Device::cpu));
  }
  array t = transpose(x, s);
  array rows = random_ints({9}, 0, 15);
  expect_same_bytes(take(t, rows, 0, s), take(t, rows, 0, Device::cpu));
  array y = random_array({6, 10}, float16);
  array along = random_ints({6, 4}, -10, 9);
  expect_same_bytes(take_along_axis(y, along, 1, s), take_along_axis(y, along, 1, Device::cpu));
  array far = array({-100, 1000, 3});  // outside: the nearest element
  expect_same_bytes(take(x, far, 0, s), take(x, far, 0, Device::cpu));
}

TEST(CudaOps, ScattersInOrder) {
  Stream s = gpu_stream();
  array x = random_array({40, 8});
  array index = random_ints({300}, -45, 44);  // many meet, some fall outside
  array updates = random_array({300, 1, 8});
  expect_same_bytes(scatter(x, {index}, updates, {0}, s),
                    scatter(x, {index}, updates, {0}, Device::cpu));
  expect_same_bytes(scatter_add(x, {index}, updates, {0}, s),
                    scatter_add(x, {index}, updates, {0}, Device::cpu));
  expect_same_bytes(scatter_max(x, {index}, updates, {0}, s),
                    scatter_max(x, {index}, updates, {0}, Device::cpu));
  array half = random_array({40, 8}, bfloat16);
  array half_updates = random_array({300, 1, 8}, bfloat16);
  expect_same_bytes(scatter_add(half, {index}, half_updates, {0}, s),
                    scatter_add(half, {index}, half_updates, {0}, Device::cpu));
  array second = random_ints({300}, 0, 7, int64);
  array points = random_array({300, 1, 1});
  expect_same_bytes(scatter_add(x, {index, second}, points, {0, 1}, s),
                    scatter_add(x, {index, second}, points, {0, 1}, Device::cpu));
  array along = random_ints({40, 5}, 0, 7);
  array put = random_array({40, 5});
  expect_same_bytes(put_along_axis(x, along, put, 1, s),
                    put_along_axis(x, along, put, 1, Device::cpu));
  expect_same_bytes(scatter_add_axis(x, along, put, 1, s),
                    scatter_add_axis(x, along, put, 1, Device::cpu));
  array mask = astype(random_ints({40, 8}, 0, 1), bool_, Device::cpu);
  expect_same_bytes(
      masked_scatter(x, mask, random_array({320}), s).shape() == x.shape() ? array(1) : array(0),
      array(1));
  array source = random_array({320});
  expect_same_bytes(masked_scatter(x, mask, source, s),
                    masked_scatter(x, mask, source, Device::cpu));
}

TEST(CudaOps, UpdatesSlices) {
  Stream s = gpu_stream();
  array x = random_array({10, 12, 6});
  array update = random_array({4, 12, 3});
  auto both = [&](auto run) {
    expect_same_bytes(run(StreamOrDevice(s)), run(StreamOrDevice(Device::cpu)));
  };
  both([&](StreamOrDevice d) {
    return slice_update(x, update, {1, 0, 0}, {9, 12, 6}, {2, 1, 2}, d);
  });
  both([&](StreamOrDevice d) {
    return slice_update_add(x, update, {1, 0, 0}, {9, 12, 6}, {2, 1, 2}, d);
  });
  for (int start : {0, 3, 6, 100}) {
    array at = array({start, 2});
    both([&](StreamOrDevice d) { return slice(x, at, {0, 2}, {4, 12, 3}, d); });
    both([&](StreamOrDevice d) { return slice_update(x, update, at, {0, 2}, d); });
  }
}

TEST(CudaOps, SortsRowsOfEveryLength) {
  Stream s = gpu_stream();
  for (int n : {1, 5, 64, 700, 2048, 2049, 4097, 8192, 9000}) {
    for (Dtype dtype : {float32, int32, bfloat16, uint8, int64, float64}) {
      array x = n > 3000 && dtype != float32 && dtype != int64
                    ? random_ints({2, 3000}, 0, 200, dtype)
                    : random_ints({2, n}, -300, 300, dtype);
      std::string what = fmt::format("{} x {}", n, dtype_name(dtype));
      expect_same_bytes(sort(x, 1, s), sort(x, 1, Device::cpu), what);
      expect_same_bytes(argsort(x, 1, s), argsort(x, 1, Device::cpu), what);
    }
  }
  array x = random_array({40, 7});
  expect_same_bytes(sort(x, 0, s), sort(x, 0, Device::cpu));
  expect_same_bytes(argsort(x, 0, s), argsort(x, 0, Device::cpu));
  float inf = INFINITY;
  array complex = astype(random_ints({2, 5000}, -9, 9, int32), complex64, Device::cpu);
  complex = add(complex,
                multiply(astype(random_ints({2, 5000}, -9, 9, int32), complex64, Device::cpu),
                         array(complex64_t(0, 1)), Device::cpu),
                Device::cpu);
  expect_same_bytes(sort(complex, 1, s), sort(complex, 1, Device::cpu));
  expect_same_bytes(argsort(complex, 1, s), argsort(complex, 1, Device::cpu));
  array odd = array({NAN, -0.0f, 0.0f, inf, -inf, 1.0f, NAN, -1.0f});
  expect_same_bytes(argsort(odd, 0, s), argsort(odd, 0, Device::cpu));
  array sorted = sort(random_array({100}), Device::cpu);
  array queries = random_array({33});
  expect_same_bytes(searchsorted(sorted, queries, "left", s),
                    searchsorted(sorted, queries, "left", Device::cpu));
}

TEST(CudaOps, RandomNumbersAreDrawnWhereTheyAreUsed) {
  Stream s = gpu_stream();
  array key = random::key(7);
  for (int n : {5000, 5001, 8192, 70006}) {
    expect_same_bytes(random::uniform({n}, float32, key, s),
                      random::uniform({n}, float32, key, Device::cpu), std::to_string(n));
    array low = random_array({n}), high = array(9.0f);
    expect_same_bytes(random::uniform(low, high, {n}, float32, key, s),
                      random::uniform(low, high, {n}, float32, key, Device::cpu));
    array rows = random_array({1, 10});
    if (n % 10 == 0) {  // an operand that is not dense
      expect_same_bytes(random::uniform(rows, high, {n / 10, 10}, float32, key, s),
                        random::uniform(rows, high, {n / 10, 10}, float32, key, Device::cpu));
    }
  }
  expect_close(random::normal({9000}, float32, std::nullopt, std::nullopt, key, s),
               random::normal({9000}, float32, std::nullopt, std::nullopt, key, Device::cpu), 1e-6);
  expect_same_bytes(random::bernoulli(array(0.3f), {6000}, key, s),
                    random::bernoulli(array(0.3f), {6000}, key, Device::cpu));
}

TEST(CudaOps, RandomBitsAreTheCpus) {
  Stream s = gpu_stream();
  array keys = random_ints({3, 2}, 0, 1 << 30, uint32);
  for (int width : {1, 2, 4}) {
    for (int n : {1, 2, 5, 64, 1001}) {
      auto make = [&](Stream stream) {
        Dtype dtype = width == 1 ? uint8 : width == 2 ? uint16 : uint32;
        return array(Shape{3, n}, dtype, std::make_shared<RandomBits>(stream, Shape{3, n}, width),
                     {keys});
      };
      expect_same_bytes(make(s), make(default_stream(Device::cpu)),
                        fmt::format("{} of {} bytes", n, width));
    }
  }
  expect_same_bytes(arange(3.0, 900.0, 0.7, float32, s),
                    arange(3.0, 900.0, 0.7, float32, Device::cpu));
  expect_same_bytes(arange(-3.0, 90.0, 0.5, complex64, s),
                    arange(-3.0, 90.0, 0.5, complex64, Device::cpu));
  expect_same_bytes(arange(-5, 300, 3, int16, s), arange(-5, 300, 3, int16, Device::cpu));
}

TEST(CudaOps, ArgReducesLikeTheCpu) {
  Stream s = gpu_stream();
  for (Shape shape : {Shape{7, 300}, Shape{3, 9000}, Shape{4, 5, 6}}) {
    array x = random_ints(shape, -20, 20, float32);
    for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
      expect_same_bytes(argmax(x, axis, false, s), argmax(x, axis, false, Device::cpu));
      expect_same_bytes(argmin(x, axis, true, s), argmin(x, axis, true, Device::cpu));
    }
  }
}

/** Every op of the list, for dtypes that the CPU takes. All ops of one dtype go into one tape, so
 * that the stand-in's compiler runs once for each. */
TEST(CudaOps, EveryElementOp) {
  Stream s = gpu_stream();
  for (Dtype dtype : {float32, bfloat16, int32, complex64}) {
    array a = dtype == bool_   ? astype(random_ints({64}, 0, 1), bool_, Device::cpu)
              : dtype == int32 ? random_ints({64}, -40, 40)
                               : random_array({64}, dtype, 2.0f);
    array b = dtype == bool_   ? astype(random_ints({64}, 0, 1), bool_, Device::cpu)
              : dtype == int32 ? random_ints({64}, 0, 9)
                               : random_array({64}, dtype, 2.0f);
    std::vector<array> cpu;
    std::vector<std::string> names;
    cuda::Encoder& encoder = cuda::Encoder::of(s);
    Tape tape;
    tape.num_inputs = 2;
    OpList::for_each([&]<class Op>() {
      constexpr bool one = std::is_base_of_v<Unary<Op>, Op>;
      constexpr bool two = std::is_base_of_v<Binary<Op>, Op>;
      if constexpr ((one || two) && std::is_constructible_v<Op, Stream>) {
        std::vector<array> inputs{a};
        if (two) inputs.push_back(b);
        Dtype result = detail::result_dtype(Op::info, dtype);
        array y(a.shape(), result, std::make_shared<Op>(default_stream(Device::cpu)), inputs);
        try {
          y.eval();
        } catch (const std::exception&) {
          return;  // the op does not take this dtype
        }
        cpu.push_back(y);
        names.emplace_back(Op::info.name);
        TapeInstruction step;
        step.op = static_cast<uint16_t>(op_index<Op>());
        step.num_sources = two ? 2 : 1;
        step.source_dtype = dtype;
        step.dtype = result;
        step.sources = {0, 1, 0};
        tape.outputs.push_back(tape.num_values());
        tape.instructions.push_back(step);
      }
    });
    ASSERT_GT(cpu.size(), 3u) << dtype;
    std::vector<array> gpu;
    for (const array& y : cpu) gpu.push_back(array::placeholder(y.shape(), y.dtype()));
    cuda::run_tape(encoder, tape, {a, b}, gpu);
    for (size_t i = 0; i < gpu.size(); ++i) {
      gpu[i].set_status(array::available);
      std::string what = fmt::format("{} of {}", names[i], dtype_name(dtype));
      if (dtype == complex64 && gpu[i].dtype() == complex64) {
        expect_close(real(gpu[i], Device::cpu), real(cpu[i], Device::cpu), 1e-5, what);
        expect_close(imag(gpu[i], Device::cpu), imag(cpu[i], Device::cpu), 1e-5, what);
      } else {
        expect_close(gpu[i], cpu[i], dtype == bfloat16 ? 1e-2 : 2e-6, what);
      }
    }
  }
}

}  // namespace mlx::core
