// Matrix products on the GPU: few rows by own kernels at memory speed, the rest by cuBLASLt.
#include "backend/cuda/matmul.h"

#include <algorithm>
#include <optional>

#include "backend/cuda/copy.h"
#include "backend/cuda/cublaslt.h"
#include "backend/cuda/kernel_memo.h"
#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "backend/views.h"
#include "graph/shape.h"
#include "mlx/primitives/matmul.h"

namespace mlx::core::cuda {

using mlx_device::DotArgs;

namespace {

constexpr int64_t kMostDotRows = 4;

/** One dimension of the matrix steps by 1, the other by at least the length of that one. */
bool is_blas_layout(const array& a) {
  int64_t rows = a.shape(-2), cols = a.shape(-1);
  int64_t row_stride = a.strides(-2), col_stride = a.strides(-1);
  auto row_major = col_stride == 1 && (row_stride >= cols || rows == 1);
  auto col_major = row_stride == 1 && (col_stride >= rows || cols == 1);
  return row_major || col_major;
}

array as_blas_layout(Encoder& encoder, const array& a) {
  // cuBLASLt takes no batch that steps backwards.
  bool goes_forward = std::none_of(a.strides().begin(), a.strides().end(),
                                   [](int64_t stride) { return stride < 0; });
  return goes_forward && is_blas_layout(a) ? a : as_row_contiguous(encoder, a);
}

/** A row-major matrix is the transpose of a column-major one. */
LtOperand operand_of(const array& a, bool& is_row_major) {
  int64_t rows = a.shape(-2), cols = a.shape(-1);
  is_row_major = a.strides(-1) == 1 && (a.strides(-2) >= cols || rows == 1);
  LtOperand operand;
  int64_t stride = is_row_major ? a.strides(-2) : a.strides(-1);
  operand.ld = std::max(stride, is_row_major ? cols : rows);
  return operand;
}

Strides batch_strides(const array& a) {
  return Strides(a.strides().begin(), a.strides().end() - 2);
}

struct Batches {
  int64_t count = 1;  // one strided batch ...
  int64_t a = 0, b = 0, c = 0;
  Shape outer;  // ... for each of these
  Strides outer_a, outer_b, outer_c;
};

Batches batches_of(const array& a, const array& b, const array* c, const array& out) {
  Shape shape(out.shape().begin(), out.shape().end() - 2);
  auto [merged, strides] =
      collapse_dims(shape, {batch_strides(a), batch_strides(b),
                            c != nullptr ? batch_strides(*c) : Strides(shape.size(), 0)});
  Batches batches;
  size_t last = merged.size() - 1;
  batches.count = merged[last];
  batches.a = strides[0][last];
  batches.b = strides[1][last];
  batches.c = strides[2][last];
  batches.outer = Shape(merged.begin(), merged.end() - 1);
  batches.outer_a = Strides(strides[0].begin(), strides[0].end() - 1);
  batches.outer_b = Strides(strides[1].begin(), strides[1].end() - 1);
  batches.outer_c = Strides(strides[2].begin(), strides[2].end() - 1);
  return batches;
}

bool has_dot_kernel(Dtype dtype) { return dtype != complex64; }

/** One factor of a product with few rows: its rows follow the sum. */
struct DotRows {
  CuDevicePtr at;
  int64_t stride;  // between rows
  int64_t batch;   // between matrices; 0 if there is one
};

/** Which kernel: the shape alone decides, as the order of summation follows. */
struct DotPlan {
  const Kernel& kernel;
  int block_rows;
};

DotPlan dot_plan(Dtype dtype, const DotRows& w, const DotRows& x, int64_t m, int64_t n, int64_t k,
                 int64_t batch) {
  const char* type = device_type(dtype);
  int width = static_cast<int>(16 / dtype.size());  // neighbours that are read at once
  auto fits = [&] {
    return (k % width | w.stride % width | x.stride % width | w.batch % width | x.batch % width) ==
               0 &&
           (w.at | x.at) % (width * dtype.size()) == 0;
  };
  while (width > 1 && !fits()) width /= 2;
  const int64_t all_rows = n * batch;
  const bool is_half = dtype == float16 || dtype == bfloat16;
  if (is_half && width == 8 && m >= 3 && all_rows >= 4096) {
    auto make_source = [&](const std::string& name) {
      return simple_source(name, "dot_cores.cuh", fmt::format("dot_cores<{}>", type), "DotArgs",
                           256, 4);
    };
    return {named_kernel(make_source, "dot_cores_{}", type), 16};
  }
  // Enough warps to fill a large GPU.
  const int rows = all_rows >= 8192 ? 4 : all_rows >= 4096 ? 2 : 1;
  int share = 1;
  while (share < 8 && all_rows / rows * share < 4096 && k >= 64 * share * width) share *= 2;
  auto make_source = [&](const std::string& name) {
    return simple_source(name, "dot.cuh",
                         fmt::format("dot_rows<{}, {}, {}, {}, {}>", type, m, rows, share, width),
                         "DotArgs", 256, m <= 2 && dtype.size() <= 4 ? 4 : 2);
  };
  return {named_kernel(make_source, "dot_rows_{}_{}_{}_{}_{}", type, m, rows, share, width),
          8 / share * rows};
}

/** Products with few rows of one side, the other side's rows contiguous. True if done. */
bool multiply_by_dots(Encoder& encoder, const array& a, const array& b, const array* c, array& out,
                      float alpha, float beta) {
  const int64_t out_rows = out.shape(-2), out_cols = out.shape(-1), k = a.shape(-1);
  if (!has_dot_kernel(out.dtype()) || k == 0) return false;
  auto steps_by_one = [&](int64_t stride) { return stride == 1 || k == 1; };
  if (!steps_by_one(a.strides(-1)) || !steps_by_one(b.strides(-2))) return false;
  // The side with few rows is x, the rows of the other are dotted with it.
  const bool few_rows = out_rows <= kMostDotRows || out_rows <= out_cols;
  const int64_t m = few_rows ? out_rows : out_cols, n = few_rows ? out_cols : out_rows;
  if (m > kMostDotRows) return false;
  Batches batches = batches_of(a, b, c, out);
  if (!batches.outer.empty() || batches.count > 65535) return false;
  if (batches.count == 1) batches.a = batches.b = 0;  // of no meaning, and perhaps odd
  const DotRows left{encoder.input(a), a.strides(-2), batches.a};
  const DotRows right{encoder.input(b), b.strides(-1), batches.b};
  const DotRows &w = few_rows ? right : left, &x = few_rows ? left : right;
  auto plan = dot_plan(out.dtype(), w, x, m, n, k, batches.count);
  DotArgs args{};
  args.w = pointer(w.at);
  args.x = pointer(x.at);
  if (c != nullptr) {
    args.c = pointer(encoder.input(*c));
    args.c_n_stride = c->strides(few_rows ? -1 : -2);
    args.c_m_stride = c->strides(few_rows ? -2 : -1);
    args.batch_c = batches.c;
  }
  args.out = mutable_pointer(encoder.output(out));
  args.m = m;
  args.n = n;
  args.k = k;
  args.w_stride = w.stride;
  args.x_stride = x.stride;
  args.out_n_stride = few_rows ? 1 : out_cols;
  args.out_m_stride = few_rows ? out_cols : 1;
  args.batch_w = w.batch;
  args.batch_x = x.batch;
  args.batch_out = m * n;
  args.alpha = alpha;
  args.beta = beta;
  auto blocks = static_cast<unsigned>((n + plan.block_rows - 1) / plan.block_rows);
  encoder.launch(plan.kernel, {blocks, static_cast<unsigned>(batches.count)}, {256}, args);
  return true;
}

void multiply_by_blas(Encoder& encoder, const array& a, const array& b, const array* c, array& out,
                      float alpha, float beta) {
  Batches batches = batches_of(a, b, c, out);
  int64_t m = out.shape(-2), n = out.shape(-1);
  const int64_t k = a.shape(-1);
  // One matrix b for a stack of evenly spaced matrices a is one taller product.
  bool rows_follow = a.strides(-1) == 1 && batches.a == m * a.strides(-2);
  if (batches.outer.empty() && batches.count > 1 && batches.b == 0 && rows_follow && c == nullptr) {
    m *= batches.count;
    batches.count = 1;
  }
  // cuBLASLt is column-major: out.T = b.T @ a.T.
  LtProduct product;
  product.dtype = out.dtype();
  product.m = n;
  product.n = m;
  product.k = k;
  product.batch = batches.count;
  product.alpha = alpha;
  product.beta = beta;
  bool a_row_major = false, b_row_major = false, c_row_major = false;
  product.a = operand_of(b, b_row_major);
  product.a.transposed = !b_row_major;
  product.a.batch_stride = batches.b;
  product.b = operand_of(a, a_row_major);
  product.b.transposed = !a_row_major;
  product.b.batch_stride = batches.a;
  product.d = LtOperand{0, n, out.shape(-2) * n, false};
  product.c = product.d;
  if (c != nullptr) {
    product.c = operand_of(*c, c_row_major);
    product.c.batch_stride = batches.c;
  }
  int64_t outer = static_cast<int64_t>(num_elements(batches.outer));
  const auto itemsize = static_cast<int64_t>(out.itemsize());
  for (int64_t i = 0; i < outer; ++i) {
    LtProduct part = product;
    part.a.data = encoder.input(b) + element_offset(i, batches.outer, batches.outer_b) * itemsize;
    part.b.data = encoder.input(a) + element_offset(i, batches.outer, batches.outer_a) * itemsize;
    part.d.data = encoder.output(out) + i * batches.count * product.d.batch_stride * itemsize;
    part.c.data = part.d.data;
    if (c != nullptr)
      part.c.data =
          encoder.input(*c) + element_offset(i, batches.outer, batches.outer_c) * itemsize;
    record_product(encoder, part);
  }
}

}  // namespace

void multiply(Encoder& encoder, array a, array b, const array* c, array& out, float alpha,
              float beta) {
  encoder.allocate(out);
  if (out.size() == 0) return;
  std::optional<array> addend;
  if (c != nullptr && beta != 0.0f) addend = *c;
  if (a.shape(-1) == 0 && !addend) {
    CuDevicePtr target = encoder.output(out);
    encoder.fill_bytes(target, 0, out.nbytes());
    return;
  }
  if (multiply_by_dots(encoder, a, b, addend ? &*addend : nullptr, out, alpha, beta)) return;
  a = as_blas_layout(encoder, a);
  b = as_blas_layout(encoder, b);
  // A row-major c with gaps is fine; a broadcast or column-major one is copied.
  if (addend && !(addend->strides(-1) == 1 && addend->strides(-2) >= addend->shape(-1))) {
    array copied = array::placeholder(addend->shape(), addend->dtype());
    copy_contiguous(encoder, *addend, copied);
    addend = copied;
  }
  if (multiply_by_dots(encoder, a, b, addend ? &*addend : nullptr, out, alpha, beta)) return;
  multiply_by_blas(encoder, a, b, addend ? &*addend : nullptr, out, alpha, addend ? beta : 0.0f);
}

namespace {

void eval_matmul(const Primitive& primitive, const std::vector<array>& inputs,
                 std::vector<array>& outputs) {
  Encoder& encoder = Encoder::of(primitive.stream());
  auto copy = [&](const array& in, array& out) { copy_contiguous(encoder, in, out); };
  views::eval_matmul(inputs, outputs, copy, [&](const array& a, const array& b, array& out) {
    multiply(encoder, a, b, nullptr, out, 1.0f, 0.0f);
  });
}

void eval_addmm(const Primitive& primitive, const std::vector<array>& inputs,
                std::vector<array>& outputs) {
  const auto [alpha, beta] = static_cast<const AddMM&>(primitive).state();
  multiply(Encoder::of(primitive.stream()), inputs[0], inputs[1], &inputs[2], outputs[0], alpha,
           beta);
}

}  // namespace

void register_matmul(KernelTable& table) {
  table.add<Matmul>(eval_matmul);
  table.add<AddMM>(eval_addmm);
}

}  // namespace mlx::core::cuda
