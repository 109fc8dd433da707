// Times the element engine: single ops, casts, where, a GELU tape, transposed copies; against a
// stream triad measured in the same run.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "backend/cpu/element/engine.h"
#include "backend/cpu/element/kernels.h"
#include "base/thread_pool.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"

using namespace mlx::core;
using namespace mlx::core::cpu;

namespace {

double best_ms(const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    auto start = std::chrono::steady_clock::now();
    work();
    auto end = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double, std::milli>(end - start).count());
  }
  return best;
}

char* fresh(size_t bytes) {
  auto* p =
      static_cast<char*>(std::aligned_alloc(2 << 20, (bytes + (2 << 20)) & ~size_t{(2 << 20) - 1}));
  std::memset(p, 0, bytes);
  return p;
}

TapeInstruction make(int op, Dtype from, Dtype to, std::array<int32_t, 3> sources, int n) {
  return {.op = static_cast<uint16_t>(op),
          .num_sources = static_cast<uint8_t>(n),
          .source_dtype = from,
          .dtype = to,
          .sources = sources,
          .params_offset = 0,
          .params_size = 0};
}

constexpr int32_t N = 1 << 24;
char *a, *b, *c, *out;

void report(const char* name, double ms, double bytes) {
  printf("%-28s %8.3f ms  %6.1f GB/s\n", name, ms, bytes / ms * 1e-6);
}

void time_tape(const char* name, std::vector<TapeInstruction> code, std::vector<ElementOperand> in,
               Dtype result, double bytes, std::vector<ShapeElem> shape = {N}) {
  for (auto& i : code) {
    if (i.op == 0xffff) {
      printf("%-28s not in the op list\n", name);
      return;
    }
  }
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size() - 1; i-- > 0;) strides[i] = strides[i + 1] * shape[i + 1];
  ElementOperand output{out, strides.data(), result};
  int32_t value = static_cast<int32_t>(in.size() + code.size()) - 1;
  TapeView tape{static_cast<int>(in.size()), code, {&value, 1}, nullptr};
  report(name, best_ms([&] { run_tape(tape, shape, in, {&output, 1}); }), bytes);
}

}  // namespace

/** Moderate values: random bits would be mostly huge or subnormal. */
void fill_halves(Dtype t) {
  auto* to = reinterpret_cast<uint16_t*>(c);
  for (int32_t i = 0; i < N; ++i) {
    float value = static_cast<float>(i % 1000) * 0.01f - 5.0f;
    to[i] = t == float16 ? float16_t(value).bits_ : bfloat16_t(value).bits_;
  }
}

int main() {
  a = fresh(size_t{N} * 8);
  b = fresh(size_t{N} * 8);
  c = fresh(size_t{N} * 8);
  out = fresh(size_t{N} * 8);
  auto* x = reinterpret_cast<float*>(a);
  for (int32_t i = 0; i < N; ++i) x[i] = static_cast<float>(i % 1000) * 0.01f - 5.0f;
  auto* triad_out = reinterpret_cast<float*>(out);
  auto* y = reinterpret_cast<float*>(b);
  report("triad (ordinary stores)", best_ms([&] {
           parallel_ranges(N, 1 << 16, [&](int64_t from, int64_t to) {
             for (int64_t i = from; i < to; ++i) triad_out[i] = x[i] + 3.0f * y[i];
           });
         }),
         12.0 * N);
  int64_t one = 1, zero = 0;
  ElementOperand fa{a, &one, float32}, fb{b, &one, float32};
  for (int op : {op_index<Square>(), op_index<Exp>(), op_index<Tanh>(), op_index<Sin>(),
                 op_index<Erf>(), op_index<Log>(), op_index<Sigmoid>(), op_index<ErfInv>()}) {
    time_tape(element_op_name(op), {make(op, float32, float32, {0, 0, 0}, 1)}, {fa}, float32,
              8.0 * N);
  }
  time_tape("add", {make(op_index<Add>(), float32, float32, {0, 1, 0}, 2)}, {fa, fb}, float32,
            12.0 * N);
  time_tape("power", {make(op_index<Power>(), float32, float32, {0, 1, 0}, 2)}, {fa, fb}, float32,
            12.0 * N);
  for (Dtype t : {float16, bfloat16}) {
    ElementOperand ha{c, &one, t}, hb{c, &one, t};
    fill_halves(t);
    printf("%s:\n", std::string(dtype_name(t)).c_str());
    time_tape("add", {make(op_index<Add>(), t, t, {0, 1, 0}, 2)}, {ha, hb}, t, 6.0 * N);
    time_tape("exp", {make(op_index<Exp>(), t, t, {0, 0, 0}, 1)}, {ha}, t, 4.0 * N);
    time_tape("cast from float32", {make(op_index<AsType>(), float32, t, {0, 0, 0}, 1)}, {fa}, t,
              6.0 * N);
    time_tape("cast to float32", {make(op_index<AsType>(), t, float32, {0, 0, 0}, 1)}, {ha},
              float32, 6.0 * N);
  }
  time_tape("cast float32 to int32", {make(op_index<AsType>(), float32, int32, {0, 0, 0}, 1)}, {fa},
            int32, 8.0 * N);
  time_tape("less", {make(op_index<Less>(), float32, bool_, {0, 1, 0}, 2)}, {fa, fb}, bool_,
            9.0 * N);
  std::memset(c, 0, size_t{N});
  for (int32_t i = 0; i < N; i += 3) c[i] = 1;
  ElementOperand mask{c, &one, bool_};
  time_tape("where", {make(op_index<Select>(), float32, float32, {0, 1, 2}, 3)}, {mask, fa, fb},
            float32, 13.0 * N);
  for (Dtype t : {float32, float16, bfloat16}) {
    if (t != float32) fill_halves(t);
    ElementOperand ga{t == float32 ? a : c, &one, t}, gs{t == float32 ? a : c, &zero, t};
    auto op = [&](int e, std::array<int32_t, 3> src, int n) { return make(e, t, t, src, n); };
    std::string name = "GELU of five, " + std::string(dtype_name(t));
    time_tape(name.c_str(),
              {op(op_index<Multiply>(), {0, 1, 0}, 2), op(op_index<Erf>(), {2, 0, 0}, 1),
               op(op_index<Add>(), {3, 1, 0}, 2), op(op_index<Multiply>(), {0, 4, 0}, 2),
               op(op_index<Multiply>(), {5, 1, 0}, 2)},
              {ga, gs}, t, 2.0 * size_of(t) * N);
  }
  std::vector<int64_t> across = {1, 4096}, along = {4096, 1}, row = {0, 1}, column = {1, 0};
  ElementOperand at{a, across.data(), float32}, an{a, along.data(), float32};
  time_tape("transposed copy", {make(op_index<AsType>(), float32, float32, {0, 0, 0}, 1)}, {at},
            float32, 8.0 * N, {4096, 4096});
  time_tape("m + m.T", {make(op_index<Add>(), float32, float32, {0, 1, 0}, 2)}, {an, at}, float32,
            12.0 * N, {4096, 4096});
  ElementOperand vr{b, row.data(), float32}, vc{b, column.data(), float32};
  time_tape("m + row", {make(op_index<Add>(), float32, float32, {0, 1, 0}, 2)}, {an, vr}, float32,
            8.0 * N, {4096, 4096});
  time_tape("m + column", {make(op_index<Add>(), float32, float32, {0, 1, 0}, 2)}, {an, vc},
            float32, 8.0 * N, {4096, 4096});
  std::vector<int64_t> threes = {3, 1};
  ElementOperand short_row{b, row.data(), float32}, tall{a, threes.data(), float32};
  time_tape("[5M, 3] + [3]", {make(op_index<Add>(), float32, float32, {0, 1, 0}, 2)},
            {tall, short_row}, float32, 8.0 * 15e6, {5000000, 3});
  std::vector<int64_t> two = {2};
  ElementOperand every_other{a, two.data(), float32};
  time_tape("a[::2] copy", {make(op_index<AsType>(), float32, float32, {0, 0, 0}, 1)},
            {every_other}, float32, 12.0 * N, {N});
  for (int32_t n : {1, 64, 1000, 16384, 262144}) {
    std::vector<ShapeElem> shape = {n};
    ElementOperand o{out, &one, float32};
    TapeInstruction code = make(op_index<Add>(), float32, float32, {0, 1, 0}, 2);
    ElementOperand in[] = {fa, fb};
    int32_t value = 2;
    TapeView tape{2, {&code, 1}, {&value, 1}, nullptr};
    double ms = best_ms([&] {
      for (int i = 0; i < 1000; ++i) run_tape(tape, shape, in, {&o, 1});
    });
    printf("add of %-7d %10.1f ns\n", n, ms * 1e3);
  }
}
