// Loops over a block for formulas: float32, float16 and bfloat16 as float32 vectors, float64 as its
// own, the other dtypes as scalar loops that the compiler vectorises.
#if defined(MLX_CPU_ELEMENT_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MLX_CPU_ELEMENT_BLOCK_INL_H_
#undef MLX_CPU_ELEMENT_BLOCK_INL_H_
#else
#define MLX_CPU_ELEMENT_BLOCK_INL_H_
#endif

#include <cstring>

#include "backend/cpu/element/kernels.h"
#include "backend/cpu/simd/memory-inl.h"
#include "backend/cpu/simd/scalar-inl.h"
#include "mlx/primitives/op_list.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

template <class T>
inline constexpr bool kAsFloatVector =
    std::is_same_v<T, float> || std::is_same_v<T, float16_t> || std::is_same_v<T, bfloat16_t>;

/** The lanes in which a formula computes T, if it runs on vectors. */
template <class T>
using LaneOf = std::conditional_t<std::is_same_v<T, double>, double, float>;
template <class T>
using LaneVector = hn::Vec<hn::ScalableTag<LaneOf<T>>>;

template <class D, class M>
HWY_INLINE void store_mask(D d, M mask, bool* p) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (sizeof(hn::Vec<D>) == 64 && sizeof(hn::TFromD<D>) == 4) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_maskz_set1_epi8(mask.raw, 1));
    return;
  }
#endif
  const hn::RebindToSigned<D> di;
  auto ones = hn::And(hn::VecFromMask(di, hn::RebindMask(di, mask)), hn::Set(di, 1));
  const hn::Rebind<uint8_t, D> d8;
  hn::StoreU(hn::DemoteTo(d8, ones), d8, reinterpret_cast<uint8_t*>(p));
}

/** Ops of an instruction or two, whose loop is worth unrolling. */
template <class Op>
inline constexpr bool kIsCheap =
    std::is_same_v<Op, Add> || std::is_same_v<Op, Subtract> || std::is_same_v<Op, Multiply> ||
    std::is_same_v<Op, Maximum> || std::is_same_v<Op, Minimum> || std::is_same_v<Op, Square> ||
    std::is_same_v<Op, Negative> || std::is_same_v<Op, Abs>;

/** Asks for what a long formula reads some vectors later: the processor's own prefetching does not
 * look that far past arithmetic, and stops at the end of a page. */
HWY_INLINE void ask_ahead(const void* p) {
  constexpr size_t kAheadBytes = 2048;
  __builtin_prefetch(static_cast<const char*>(p) + kAheadBytes);
}

/** Ops whose NaNs are those of their sources, made quiet by the processor, or its own. */
template <class Op>
inline constexpr bool kHasPlainNans = std::is_same_v<Op, Add> || std::is_same_v<Op, Subtract> ||
                                      std::is_same_v<Op, Multiply> || std::is_same_v<Op, Square>;

/** Runs Op over n elements of kSources arrays of T. The last, partial vector goes through buffers,
 * so that every element takes the same path. */
template <class Op, class T, int kSources>
void vector_block(void* dst, const void* const* sources, size_t n, const void* params) {
  const hn::ScalableTag<LaneOf<T>> d;
  using V = LaneVector<T>;
  using Y = std::conditional_t<kSources == 1, std::invoke_result<Op, V>,
                               std::invoke_result<Op, V, V>>::type;
  constexpr bool is_mask = !std::is_same_v<Y, V>;
  using R = std::conditional_t<is_mask, bool, T>;
  const size_t lanes = hn::Lanes(d);
  const bool stream = has_wish(params, kStreamResult);
  const T* a = static_cast<const T*>(sources[0]);
  const T* b = static_cast<const T*>(sources[kSources - 1]);
  R* out = static_cast<R*>(dst);
  // Only cheap ops gain from not reading a constant again.
  constexpr bool takes_constant = kSources == 2 && kIsCheap<Op>;
  const bool is_constant = takes_constant && has_wish(params, kConstantSecond);
  const V constant = is_constant ? load_float(d, b) : hn::Zero(d);
  auto run = [&](const T* x0, const T* x1, R* y) HWY_ATTR {
    Y result;
    if constexpr (kSources == 1) {
      result = Op()(load_float(d, x0));
    } else {
      V second = takes_constant && is_constant ? constant : load_float(d, x1);
      result = Op()(load_float(d, x0), second);
    }
    if constexpr (is_mask) {
      store_mask(d, result, y);
    } else {
      if (stream)
        stream_float(d, result, y);
      else
        store_float(d, result, y);
    }
  };
  size_t i = 0;
  if constexpr (std::is_same_v<T, bfloat16_t> && !is_mask) {
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
      V x0_even, x0_odd, y_even, y_odd;
      if constexpr (!kIsCheap<Op>) {
        ask_ahead(a + i);
        if constexpr (kSources == 2) ask_ahead(b + i);
      }
      load_even_odd(d, a + i, x0_even, x0_odd);
      if constexpr (kSources == 1) {
        y_even = Op()(x0_even);
        y_odd = Op()(x0_odd);
      } else {
        V x1_even = constant, x1_odd = constant;
        if (!is_constant) load_even_odd(d, b + i, x1_even, x1_odd);
        y_even = Op()(x0_even, x1_even);
        y_odd = Op()(x0_odd, x1_odd);
      }
      auto bits = round_even_odd<kHasPlainNans<Op>>(d, y_even, y_odd);
      const hn::DFromV<decltype(bits)> d32;
      auto* to = reinterpret_cast<uint32_t*>(out + i);
      if (stream)
        hn::Stream(bits, d32, to);
      else
        hn::StoreU(bits, d32, to);
    }
  }
  if constexpr (kIsCheap<Op>) {
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      run(a + i, b + i, out + i);
      run(a + i + lanes, b + i + lanes, out + i + lanes);
      run(a + i + 2 * lanes, b + i + 2 * lanes, out + i + 2 * lanes);
      run(a + i + 3 * lanes, b + i + 3 * lanes, out + i + 3 * lanes);
    }
  }
  for (; i + lanes <= n; i += lanes) {
    ask_ahead(a + i);
    if constexpr (kSources == 2) ask_ahead(b + i);
    run(a + i, b + i, out + i);
  }
  if (size_t left = n - i; left > 0) {
    HWY_ALIGN uint8_t buffers[kSources + 1][HWY_MAX_BYTES] = {};
    auto* x0 = reinterpret_cast<T*>(buffers[0]);
    auto* x1 = reinterpret_cast<T*>(buffers[kSources - 1]);
    auto* y = reinterpret_cast<R*>(buffers[kSources]);
    std::memcpy(x0, a + i, left * sizeof(T));
    if constexpr (kSources == 2) std::memcpy(x1, b + i, left * sizeof(T));
    run(x0, x1, y);
    std::memcpy(out + i, y, left * sizeof(R));
  }
}

/** What an item is in memory: for bool a byte that is 0 or 1, over which compilers vectorise. */
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

template <class Op, class T>
void scalar_unary_block(void* dst, const void* const* sources, size_t n, const void*) {
  using R = decltype(Op()(T()));
  const auto* a = static_cast<const Stored<T>*>(sources[0]);
  auto* out = static_cast<Stored<R>*>(dst);
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<Stored<R>>(Op()(static_cast<T>(a[i])));
}

template <class Op, class T>
void scalar_binary_block(void* dst, const void* const* sources, size_t n, const void*) {
  using R = decltype(Op()(T(), T()));
  const auto* a = static_cast<const Stored<T>*>(sources[0]);
  const auto* b = static_cast<const Stored<T>*>(sources[1]);
  auto* out = static_cast<Stored<R>*>(dst);
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<Stored<R>>(Op()(static_cast<T>(a[i]), static_cast<T>(b[i])));
  }
}

/** Comparisons of float64 stay scalar: their masks have no byte for each lane. */
template <class Op, class T, class... Vectors>
consteval bool runs_on_vectors() {
  if constexpr (std::is_same_v<T, double>)
    return std::is_same_v<std::invoke_result_t<Op, Vectors...>, LaneVector<T>>;
  else
    return kAsFloatVector<T>;
}

template <class Op, class T>
BlockKernel unary_block() {
  if constexpr (runs_on_vectors<Op, T, LaneVector<T>>())
    return &vector_block<Op, T, 1>;
  else
    return &scalar_unary_block<Op, T>;
}
template <class Op, class T>
BlockKernel binary_block() {
  if constexpr (runs_on_vectors<Op, T, LaneVector<T>, LaneVector<T>>())
    return &vector_block<Op, T, 2>;
  else
    return &scalar_binary_block<Op, T>;
}

// ---- which dtypes an op is compiled for

enum Kinds : unsigned {
  kReal = 1,     // float16, bfloat16, float32, float64
  kComplex = 2,  // complex64
  kInteger = 4,  // the eight integers
  kBool = 8,
  kInexact = kReal | kComplex,
  kDiscrete = kInteger | kBool,
  kNumbers = kReal | kInteger | kBool,
  kAll = kNumbers | kComplex,
};

#define MLX_BLOCK_CASE(kind, val, T)      \
  case Dtype::Val::val:                   \
    if constexpr ((kKinds & (kind)) != 0) \
      return Make::template make<T>();    \
    else                                  \
      return nullptr;

template <class Op>
struct MakeUnary {
  template <class T>
  static BlockKernel make() {
    return unary_block<Op, T>();
  }
};
template <class Op>
struct MakeBinary {
  template <class T>
  static BlockKernel make() {
    return binary_block<Op, T>();
  }
};

template <class Make, unsigned kKinds>
BlockKernel kernel_for(Dtype::Val dtype) {
  switch (dtype) {
    MLX_BLOCK_CASE(kBool, bool_, bool)
    MLX_BLOCK_CASE(kInteger, uint8, uint8_t)
    MLX_BLOCK_CASE(kInteger, uint16, uint16_t)
    MLX_BLOCK_CASE(kInteger, uint32, uint32_t)
    MLX_BLOCK_CASE(kInteger, uint64, uint64_t)
    MLX_BLOCK_CASE(kInteger, int8, int8_t)
    MLX_BLOCK_CASE(kInteger, int16, int16_t)
    MLX_BLOCK_CASE(kInteger, int32, int32_t)
    MLX_BLOCK_CASE(kInteger, int64, int64_t)
    MLX_BLOCK_CASE(kReal, float16, float16_t)
    MLX_BLOCK_CASE(kReal, float32, float)
    MLX_BLOCK_CASE(kReal, float64, double)
    MLX_BLOCK_CASE(kReal, bfloat16, bfloat16_t)
    MLX_BLOCK_CASE(kComplex, complex64, complex64_t)
  }
  return nullptr;
}
#undef MLX_BLOCK_CASE

/** A row of a family's switch over ops: the formula of an op of the OpList, and the dtypes it has.
 */
#define MLX_ELEMENT_ROW(arity, Op, kinds) \
  case op_index<::mlx::core::Op>():       \
    return arity##_kernel<Op, kinds>(dtype);

template <class Op, unsigned kKinds>
BlockKernel unary_kernel(Dtype::Val dtype) {
  return kernel_for<MakeUnary<Op>, kKinds>(dtype);
}
template <class Op, unsigned kKinds>
BlockKernel binary_kernel(Dtype::Val dtype) {
  return kernel_for<MakeBinary<Op>, kKinds>(dtype);
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#endif  // MLX_CPU_ELEMENT_BLOCK_INL_H_
