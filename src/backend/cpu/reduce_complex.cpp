// Block kernels of the reductions of complex numbers.
#include <algorithm>

#include "backend/cpu/reduce_job.h"
#include "backend/cpu/reduce_kernels.h"

namespace mlx::core::cpu {

namespace {

template <ReduceOp op>
complex64_t combine_complex(const complex64_t& a, const complex64_t& b) {
  return combine<complex64_t>(op, a, b);  // inlined, with the operation known
}

template <ReduceOp op>
void accumulate(const void* x_, size_t n, void* lanes_) {
  auto x = static_cast<const complex64_t*>(x_);
  auto lanes = static_cast<complex64_t*>(lanes_);
  for (size_t i = 0; i < n; ++i) lanes[i % kLanes] = combine_complex<op>(lanes[i % kLanes], x[i]);
}

template <ReduceOp op>
void fold(void* lanes_) {
  auto lanes = static_cast<complex64_t*>(lanes_);
  for (size_t half = kLanes / 2; half >= 1; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] = combine_complex<op>(lanes[i], lanes[half + i]);
  }
}

template <ReduceOp op>
complex64_t row_tree(const complex64_t* x, size_t n) {
  complex64_t lanes[kLanes];
  std::fill_n(lanes, kLanes, identity_of<complex64_t>(op));
  accumulate<op>(x, n, lanes);
  fold<op>(lanes);
  return lanes[0];
}

template <ReduceOp op>
void add_row(const void* row_, size_t columns, void* sums_) {
  auto row = static_cast<const complex64_t*>(row_);
  auto sums = static_cast<complex64_t*>(sums_);
  for (size_t c = 0; c < columns; ++c) sums[c] = combine_complex<op>(sums[c], row[c]);
}

template <ReduceOp op>
const ReduceKernels* complex_kernels() {
  static const ReduceKernels kernels{
      complex64,
      accumulate<op>,
      fold<op>,
      [](const void* x_, size_t n, int64_t stride, size_t rows, void* out) {
        auto x = static_cast<const complex64_t*>(x_);
        for (size_t r = 0; r < rows; ++r, x += stride) {
          static_cast<complex64_t*>(out)[r] = row_tree<op>(x, n);
        }
      },
      [](const void* const* rows, size_t num_rows, size_t columns, void* sums, int64_t) {
        for (size_t r = 0; r < num_rows; ++r) add_row<op>(rows[r], columns, sums);
      },
      add_row<op>,
      nullptr,
      nullptr};
  return &kernels;
}

}  // namespace

const ReduceKernels* complex_reduce_kernels(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
      return complex_kernels<ReduceOp::sum>();
    case ReduceOp::prod:
      return complex_kernels<ReduceOp::prod>();
    case ReduceOp::min:
      return complex_kernels<ReduceOp::min>();
    case ReduceOp::max:
      return complex_kernels<ReduceOp::max>();
  }
  return nullptr;
}

}  // namespace mlx::core::cpu
