// Block kernels that look for the place of an extremum, for each SIMD target.
#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/search_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/search.simd.cpp"
#include "hwy/foreach_target.h"
//
#include "backend/cpu/reduce_ops-inl.h"
#include "mlx/types/complex.h"

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
size_t find(const void* x_, size_t n, const void* value_) {
  using A = Accumulator<T>;
  auto x = static_cast<const T*>(x_);
  const A value = *static_cast<const A*>(value_);
  const hn::ScalableTag<A> d;
  const size_t width = hn::Lanes(d);
  size_t i = 0;
  if (value != value) {
    if constexpr (!std::is_integral_v<A>) {
      while (i + width <= n && hn::AllFalse(d, hn::IsNaN(load(d, x + i)))) i += width;
      while (i < n && static_cast<A>(x[i]) == static_cast<A>(x[i])) ++i;
    }
    return i;
  }
  const auto wanted = hn::Set(d, value);
  auto is_wanted = [&](size_t at) HWY_ATTR { return hn::Eq(load(d, x + at), wanted); };
  for (; i + 4 * width <= n; i += 4 * width) {
    const auto first = hn::Or(is_wanted(i), is_wanted(i + width));
    const auto second = hn::Or(is_wanted(i + 2 * width), is_wanted(i + 3 * width));
    if (!hn::AllFalse(d, hn::Or(first, second))) break;
  }
  while (i + width <= n && hn::AllFalse(d, is_wanted(i))) i += width;
  while (i < n && static_cast<A>(x[i]) != value) ++i;
  return i;
}

/** Where b beats a: strictly, or as the first NaN. */
template <class Op, class D>
HWY_INLINE hn::Mask<D> beats(D, hn::Vec<D> b, hn::Vec<D> a) {
  hn::Mask<D> better;
  if constexpr (std::is_same_v<Op, MinOp>)
    better = hn::Lt(b, a);
  else
    better = hn::Gt(b, a);
  if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
    better = hn::Or(better, hn::AndNot(hn::IsNaN(a), hn::IsNaN(b)));
  }
  return better;
}

template <class Op, typename T, class D>
HWY_INLINE size_t best_span(D d, const T* const* rows, size_t num_rows, uint32_t first_row,
                            size_t c, size_t columns, Accumulator<T>* best, void* index_,
                            int64_t ahead) {
  const hn::RebindToUnsigned<D> du;
  using U = hn::TFromD<decltype(du)>;
  auto index = static_cast<U*>(index_);
  const size_t width = hn::Lanes(d);
  for (; c + width <= columns; c += width) {
    auto value = hn::LoadU(d, best + c);
    auto where = hn::LoadU(du, index + c);
    for (size_t r = 0; r < num_rows; ++r) {
      prefetch_far(rows[r] + c, ahead);
      auto x = load(d, rows[r] + c);
      auto better = beats<Op>(d, x, value);
      value = hn::IfThenElse(better, x, value);
      where = hn::IfThenElse(hn::RebindMask(du, better), hn::Set(du, static_cast<U>(first_row + r)),
                             where);
    }
    hn::StoreU(value, d, best + c);
    hn::StoreU(where, du, index + c);
  }
  return c;
}

template <class Op, typename T>
void best_rows(const void* const* rows_, size_t num_rows, uint32_t first_row, size_t columns,
               void* best_, void* index, int64_t ahead) {
  using A = Accumulator<T>;
  const T* rows[kRowGroup];
  for (size_t r = 0; r < num_rows; ++r) rows[r] = static_cast<const T*>(rows_[r]);
  auto best = static_cast<A*>(best_);
  size_t c = best_span<Op, T>(hn::ScalableTag<A>(), rows, num_rows, first_row, 0, columns, best,
                              index, ahead);
  best_span<Op, T>(hn::CappedTag<A, 1>(), rows, num_rows, first_row, c, columns, best, index,
                   ahead);
}

template <class Op, typename T>
constexpr SearchKernels kKernels{find<T>, best_rows<Op, T>};

size_t find_complex(const void* x_, size_t n, const void* value_) {
  auto x = static_cast<const complex64_t*>(x_);
  auto value = *static_cast<const complex64_t*>(value_);
  size_t i = 0;
  while (i < n && !(value != value ? x[i] != x[i] : x[i] == value)) ++i;
  return i;
}

constexpr SearchKernels kComplexKernels{find_complex, nullptr};

template <class Op>
const SearchKernels* find_kernels(Dtype storage) {
  switch (storage.val()) {
    case Dtype::Val::float16:
      return &kKernels<Op, float16_t>;
    case Dtype::Val::bfloat16:
      return &kKernels<Op, bfloat16_t>;
    case Dtype::Val::float32:
      return &kKernels<Op, float>;
    case Dtype::Val::float64:
      return &kKernels<Op, double>;
    case Dtype::Val::int32:
      return &kKernels<Op, int32_t>;
    case Dtype::Val::uint32:
      return &kKernels<Op, uint32_t>;
    case Dtype::Val::int64:
      return &kKernels<Op, int64_t>;
    case Dtype::Val::uint64:
      return &kKernels<Op, uint64_t>;
    case Dtype::Val::complex64:
      return &kComplexKernels;
    default:
      return nullptr;
  }
}

const SearchKernels* simd_search_kernels(bool min, Dtype storage) {
  return min ? find_kernels<MinOp>(storage) : find_kernels<MaxOp>(storage);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(simd_search_kernels);

const SearchKernels* search_kernels(bool min, Dtype storage) {
  return HWY_DYNAMIC_DISPATCH(simd_search_kernels)(min, storage);
}

}  // namespace mlx::core::cpu
#endif
