// The fake cuBLASLt: strided batched products by plain loops.
#include <complex>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "backend/cuda/driver_api.h"
#include "mlx/types/half_types.h"

using namespace mlx::core::cuda;

#define FAKE extern "C" __attribute__((visibility("default")))

extern "C" CuResult cuStreamSynchronize(CuStream);

namespace {

struct Desc {
  int transpose_a = 0, transpose_b = 0;
  int epilogue = kLtEpilogueDefault;
  const void* bias = nullptr;
};
struct Layout {
  int type;
  uint64_t rows, cols;
  int64_t ld;
  int batch = 1;
  int64_t batch_stride = 0;
};

Desc* of(LtMatmulDesc d) { return reinterpret_cast<Desc*>(d); }
Layout* of(LtLayout l) { return reinterpret_cast<Layout*>(l); }

template <typename T>
auto widen(T x) {
  if constexpr (sizeof(T) == 2)
    return static_cast<float>(x);
  else
    return x;
}

template <typename T, typename Scale>
void multiply(const Desc& desc, Scale alpha, const void* a, const Layout& la, const void* b,
              const Layout& lb, Scale beta, const void* c, const Layout& lc, void* d,
              const Layout& ld) {
  using Sum = decltype(widen(T{}));
  uint64_t depth = desc.transpose_a ? la.rows : la.cols;
  for (int batch = 0; batch < ld.batch; ++batch) {
    const T* pa = static_cast<const T*>(a) + batch * la.batch_stride;
    const T* pb = static_cast<const T*>(b) + batch * lb.batch_stride;
    const T* pc = static_cast<const T*>(c) + batch * lc.batch_stride;
    T* pd = static_cast<T*>(d) + batch * ld.batch_stride;
    for (uint64_t col = 0; col < ld.cols; ++col) {
      for (uint64_t row = 0; row < ld.rows; ++row) {
        Sum sum{};
        for (uint64_t k = 0; k < depth; ++k) {
          auto av = widen(desc.transpose_a ? pa[row * la.ld + k] : pa[k * la.ld + row]);
          auto bv = widen(desc.transpose_b ? pb[k * lb.ld + col] : pb[col * lb.ld + k]);
          sum += av * bv;
        }
        sum *= static_cast<Sum>(alpha);
        if (beta != Scale(0)) sum += static_cast<Sum>(beta) * widen(pc[col * lc.ld + row]);
        if (desc.epilogue == kLtEpilogueBias) sum += widen(static_cast<const T*>(desc.bias)[row]);
        pd[col * ld.ld + row] = static_cast<T>(sum);
      }
    }
  }
}

}  // namespace

FAKE LtStatus cublasLtCreate(LtHandle* h) { return *h = reinterpret_cast<LtHandle>(1), 0; }
FAKE const char* cublasLtGetStatusString(LtStatus) { return "an error of the fake cuBLASLt"; }
FAKE size_t cublasLtGetVersion() { return 1; }
FAKE LtStatus cublasLtMatmulDescCreate(LtMatmulDesc* out, int, int) {
  return *out = reinterpret_cast<LtMatmulDesc>(new Desc), 0;
}
FAKE LtStatus cublasLtMatmulDescDestroy(LtMatmulDesc d) { return delete of(d), 0; }
FAKE LtStatus cublasLtMatmulDescSetAttribute(LtMatmulDesc d, int attribute, const void* value,
                                             size_t size) {
  switch (attribute) {
    case kLtDescTransA:
      std::memcpy(&of(d)->transpose_a, value, size);
      return 0;
    case kLtDescTransB:
      std::memcpy(&of(d)->transpose_b, value, size);
      return 0;
    case kLtDescEpilogue:
      std::memcpy(&of(d)->epilogue, value, size);
      return 0;
    case kLtDescBiasPointer:
      std::memcpy(&of(d)->bias, value, size);
      return 0;
  }
  return 7;
}
FAKE LtStatus cublasLtMatrixLayoutCreate(LtLayout* out, int type, uint64_t rows, uint64_t cols,
                                         int64_t ld) {
  if (ld < static_cast<int64_t>(rows)) return 7;
  return *out = reinterpret_cast<LtLayout>(new Layout{type, rows, cols, ld}), 0;
}
FAKE LtStatus cublasLtMatrixLayoutDestroy(LtLayout l) { return delete of(l), 0; }
FAKE LtStatus cublasLtMatrixLayoutSetAttribute(LtLayout l, int attribute, const void* value,
                                               size_t size) {
  switch (attribute) {
    case kLtLayoutBatchCount:
      std::memcpy(&of(l)->batch, value, size);
      return 0;
    case kLtLayoutBatchStride:
      std::memcpy(&of(l)->batch_stride, value, size);
      return 0;
  }
  return 7;
}
FAKE LtStatus cublasLtMatmulPreferenceCreate(LtPreference* p) {
  return *p = reinterpret_cast<LtPreference>(1), 0;
}
FAKE LtStatus cublasLtMatmulPreferenceDestroy(LtPreference) { return 0; }
FAKE LtStatus cublasLtMatmulPreferenceSetAttribute(LtPreference, int, const void*, size_t) {
  return 0;
}
FAKE LtStatus cublasLtMatmulAlgoGetHeuristic(LtHandle, LtMatmulDesc, LtLayout a, LtLayout b,
                                             LtLayout c, LtLayout, LtPreference, int,
                                             LtHeuristic* out, int* found) {
  // As the real one: batches do not step backwards.
  for (LtLayout l : {a, b, c})
    if (of(l)->batch_stride < 0) return 15;
  *out = LtHeuristic{};
  return *found = 1, 0;
}
FAKE LtStatus cublasLtMatmul(LtHandle, LtMatmulDesc desc, const void* alpha, const void* a,
                             LtLayout la, const void* b, LtLayout lb, const void* beta,
                             const void* c, LtLayout lc, void* d, LtLayout ld, const LtAlgo*, void*,
                             size_t, CuStream stream) {
  if (std::getenv("MLX_FAKE_CUDA_DRY") != nullptr) return 0;
  cuStreamSynchronize(stream);
  auto run = [&]<typename T, typename Scale>(T, Scale) {
    multiply<T, Scale>(*of(desc), *static_cast<const Scale*>(alpha), a, *of(la), b, *of(lb),
                       *static_cast<const Scale*>(beta), c, *of(lc), d, *of(ld));
  };
  switch (of(ld)->type) {
    case kLtR32F:
      run(float{}, float{});
      return 0;
    case kLtR64F:
      run(double{}, double{});
      return 0;
    case kLtR16F:
      run(mlx::core::float16_t{}, float{});
      return 0;
    case kLtR16BF:
      run(mlx::core::bfloat16_t{}, float{});
      return 0;
    case kLtC32F:
      run(std::complex<float>{}, std::complex<float>{});
      return 0;
  }
  return 15;
}
