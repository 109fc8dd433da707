// The matrix-product primitives on the CPU: batches of strided matrices handed to the GEMM core.
#include "backend/cpu/matmul.h"

#include <vector>

#include "backend/cpu/copy.h"
#include "backend/cpu/gemm/gemm.h"
#include "backend/views.h"
#include "graph/shape.h"
#include "mlx/primitives/matmul.h"

namespace mlx::core::cpu {

namespace {

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

Matrix matrix_of(const array& a) {
  return {a.data<char>(), a.dtype(), a.strides(-2), a.strides(-1)};
}

const void* element(const array& a, int64_t offset) {
  return a.data<char>() + offset * static_cast<int64_t>(a.itemsize());
}

Strides batch_strides(const array& a) {
  return Strides(a.strides().begin(), a.strides().end() - 2);
}

void multiply_batch(const array& a, const array& b, const array* c, array& out, float alpha,
                    float beta) {
  const int64_t m = a.shape(-2);
  const int64_t k = a.shape(-1);
  const int64_t n = b.shape(-1);
  out.set_data(allocator::malloc(out.nbytes()));
  if (out.size() == 0) return;
  Shape batch(out.shape().begin(), out.shape().end() - 2);
  std::vector<Strides> strides = {batch_strides(a), batch_strides(b)};
  strides.push_back(c != nullptr ? batch_strides(*c) : Strides(batch.size(), 0));
  auto [shape, steps] = collapse_dims(batch, strides);
  const auto count = static_cast<int64_t>(num_elements(shape));
  Epilogue epilogue{.alpha = alpha, .beta = beta};
  if (c != nullptr) {
    epilogue.addend_row_stride = c->strides(-2);
    epilogue.addend_column_stride = c->strides(-1);
  }
  const auto size = static_cast<int64_t>(out.itemsize());
  auto product_of = [&](int64_t index) {
    BatchProduct product{matrix_of(a), matrix_of(b), out.data<char>() + index * m * n * size,
                         epilogue};
    product.a.data = element(a, element_offset(index, shape, steps[0]));
    product.b.data = element(b, element_offset(index, shape, steps[1]));
    if (c != nullptr) product.epilogue.addend = element(*c, element_offset(index, shape, steps[2]));
    return product;
  };
  // One matrix b for a stack of evenly spaced matrices a is one taller product.
  if (count > 1 && shape.size() == 1 && steps[1][0] == 0 &&
      (m == 1 || steps[0][0] == m * a.strides(-2)) &&
      (c == nullptr || m == 1 || steps[2][0] == m * c->strides(-2))) {
    if (m == 1) {
      Matrix ma{a.data<char>(), a.dtype(), steps[0][0], a.strides(-1)};
      Epilogue whole = epilogue;
      if (c != nullptr) {
        whole.addend = c->data<char>();
        whole.addend_row_stride = steps[2][0];
      }
      return gemm(count, n, k, ma, matrix_of(b), out.data<char>(), n, whole);
    }
    const BatchProduct first = product_of(0);
    return gemm(count * m, n, k, first.a, first.b, first.out, n, first.epilogue);
  }
  gemm_batch(count, m, n, k, n, product_of);
}

void eval_matmul(const Primitive&, Inputs inputs, Outputs outputs) {
  auto copy = [](const array& in, array& out) { copy_contiguous(in, out); };
  auto multiply = [](const array& a, const array& b, array& out) {
    multiply_batch(a, b, nullptr, out, 1.0f, 0.0f);
  };
  views::eval_matmul(inputs, outputs, copy, multiply);
}

void eval_addmm(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const auto [alpha, beta] = static_cast<const AddMM&>(primitive).state();
  multiply_batch(inputs[0], inputs[1], beta == 0.0f ? nullptr : &inputs[2], outputs[0], alpha,
                 beta);
}

}  // namespace

void register_matmul(KernelTable& table) {
  table.add<Matmul>(eval_matmul);
  table.add<AddMM>(eval_addmm);
}

}  // namespace mlx::core::cpu
