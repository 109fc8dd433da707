// Plans of cuBLASLt and their cache.
#include "backend/cuda/cublaslt.h"

#include <complex>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "backend/cuda/library.h"
#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cuda {

namespace {

constexpr size_t kWorkspaceBytes = size_t{32} << 20;

int data_type(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return kLtR16F;
    case Dtype::Val::bfloat16:
      return kLtR16BF;
    case Dtype::Val::float32:
      return kLtR32F;
    case Dtype::Val::float64:
      return kLtR64F;
    case Dtype::Val::complex64:
      return kLtC32F;
    default:
      throw_runtime("matmul", "No kernel for the GPU with inputs of type {}.", dtype_name(dtype));
  }
}

/** As in MLX: float32 products may use TF32 unless MLX_ENABLE_TF32=0. */
int compute_type(Dtype dtype) {
  static const bool tf32 = environment_int("MLX_ENABLE_TF32").value_or(1) != 0;
  if (dtype == float64) return kLtCompute64F;
  return dtype == float32 && tf32 ? kLtCompute32FFastTf32 : kLtCompute32F;
}

int scale_type(Dtype dtype) {
  return dtype == float64 ? kLtR64F : dtype == complex64 ? kLtC32F : kLtR32F;
}

uint32_t alignment(CuDevicePtr address) {
  uint32_t bytes = 256;
  while (bytes > 1 && address % bytes != 0) bytes /= 2;
  return bytes;
}

/** Everything that a plan depends on, compared as bytes. */
struct PlanKey {
  int64_t numbers[16];
  bool operator<(const PlanKey& other) const {
    return std::memcmp(numbers, other.numbers, sizeof(numbers)) < 0;
  }
};

PlanKey key_of(const LtProduct& p) {
  int64_t alignments = alignment(p.a.data) | (int64_t{alignment(p.b.data)} << 16) |
                       (int64_t{alignment(p.c.data)} << 32) | (int64_t{alignment(p.d.data)} << 48);
  return {{static_cast<int64_t>(p.dtype.val()), p.m, p.n, p.k, p.batch, p.a.ld, p.b.ld, p.c.ld,
           p.d.ld, p.a.batch_stride, p.b.batch_stride, p.c.batch_stride, p.d.batch_stride,
           p.a.transposed + 2 * p.b.transposed, alignments, p.beta != 0.0f}};
}

LtHandle handle() {
  static LtHandle created = [] {
    LtHandle value = nullptr;
    check_lt(cublaslt().create(&value), "starting cuBLASLt");
    return value;
  }();
  return created;
}

class Plan {
 public:
  explicit Plan(const LtProduct& p) {
    const auto& api = cublaslt();
    check_lt(api.desc_create(&desc_, compute_type(p.dtype), scale_type(p.dtype)),
             "describing a product");
    set_op(kLtDescTransA, p.a.transposed);
    set_op(kLtDescTransB, p.b.transposed);
    int type = data_type(p.dtype);
    a_ = layout(type, p.a.transposed ? p.k : p.m, p.a.transposed ? p.m : p.k, p.a, p.batch);
    b_ = layout(type, p.b.transposed ? p.n : p.k, p.b.transposed ? p.k : p.n, p.b, p.batch);
    c_ = layout(type, p.m, p.n, p.c, p.batch);
    d_ = layout(type, p.m, p.n, p.d, p.batch);
    choose(p);
  }

  void run(const LtProduct& p, CuDevicePtr workspace, CuStream stream) const {
    double wide[2] = {p.alpha, p.beta};
    float narrow[2] = {p.alpha, p.beta};
    std::complex<float> complex[2] = {p.alpha, p.beta};
    const void* alpha = &narrow[0];
    const void* beta = &narrow[1];
    if (p.dtype == float64) {
      alpha = &wide[0];
      beta = &wide[1];
    } else if (p.dtype == complex64) {
      alpha = &complex[0];
      beta = &complex[1];
    }
    auto at = [](CuDevicePtr address) { return reinterpret_cast<void*>(address); };
    check_lt(cublaslt().matmul(handle(), desc_, alpha, at(p.a.data), a_, at(p.b.data), b_, beta,
                               at(p.c.data), c_, at(p.d.data), d_, &algo_, at(workspace),
                               kWorkspaceBytes, stream),
             "a product");
  }

 private:
  void set_op(int attribute, bool transposed) {
    int32_t op = transposed ? kLtOpT : kLtOpN;
    check_lt(cublaslt().desc_set(desc_, attribute, &op, sizeof(op)), "describing a product");
  }

  static LtLayout layout(int type, int64_t rows, int64_t cols, const LtOperand& operand,
                         int64_t batch) {
    const auto& api = cublaslt();
    LtLayout created = nullptr;
    check_lt(api.layout_create(&created, type, rows, cols, operand.ld), "describing a matrix");
    if (batch > 1) {
      auto count = static_cast<int32_t>(batch);
      int64_t stride = operand.batch_stride;
      check_lt(api.layout_set(created, kLtLayoutBatchCount, &count, sizeof(count)),
               "describing a batch");
      check_lt(api.layout_set(created, kLtLayoutBatchStride, &stride, sizeof(stride)),
               "describing a batch");
    }
    return created;
  }

  void choose(const LtProduct& p) {
    const auto& api = cublaslt();
    LtPreference preference = nullptr;
    check_lt(api.preference_create(&preference), "choosing an algorithm");
    auto set = [&](int attribute, const void* value, size_t size) {
      check_lt(api.preference_set(preference, attribute, value, size), "choosing an algorithm");
    };
    size_t workspace = kWorkspaceBytes;
    set(kLtPrefMaxWorkspace, &workspace, sizeof(workspace));
    // Partial sums may be combined in a fixed order only: same bits on every run.
    uint32_t reductions = kLtReductionComputeType;
    set(kLtPrefReductionMask, &reductions, sizeof(reductions));
    const CuDevicePtr addresses[] = {p.a.data, p.b.data, p.c.data, p.d.data};
    for (int i = 0; i < 4; ++i) {
      uint32_t bytes = alignment(addresses[i]);
      set(kLtPrefAlignmentA + i, &bytes, sizeof(bytes));
    }
    LtHeuristic found{};
    int count = 0;
    LtStatus status =
        api.get_heuristic(handle(), desc_, a_, b_, c_, d_, preference, 1, &found, &count);
    api.preference_destroy(preference);
    check_lt(status, "choosing an algorithm");
    if (count == 0) {
      throw_runtime("matmul", "cuBLASLt has no algorithm for a product of {}x{}x{} in {}.", p.n,
                    p.k, p.m, dtype_name(p.dtype));
    }
    algo_ = found.algo;
  }

  LtMatmulDesc desc_ = nullptr;
  LtLayout a_ = nullptr, b_ = nullptr, c_ = nullptr, d_ = nullptr;
  LtAlgo algo_{};
};

/** Plans live as long as the process; there is one for each shape that a program uses. */
const Plan& plan_for(const LtProduct& product) {
  static auto* plans = new std::map<PlanKey, std::unique_ptr<Plan>>;
  static auto* mutex = new std::mutex;
  std::lock_guard lock(*mutex);
  auto& plan = (*plans)[key_of(product)];
  if (plan == nullptr) plan = std::make_unique<Plan>(product);
  return *plan;
}

}  // namespace

void record_product(Encoder& encoder, const LtProduct& product) {
  const Plan& plan = plan_for(product);
  // Reused by the stream's next product, which runs after this one.
  array workspace = encoder.temporary({static_cast<int>(kWorkspaceBytes)}, uint8);
  CuDevicePtr scratch = encoder.output(workspace);
  encoder.call([&plan, product, scratch](CuStream stream) { plan.run(product, scratch, stream); });
}

}  // namespace mlx::core::cuda
