// Application of rows of updates: the arithmetic of all scatters and slice updates.
#include "backend/cpu/scatter.h"

#include <hwy/cache_control.h>

#include "backend/cpu/index_offsets.h"
#include "base/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/scatter.simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mlx::core::cpu {
namespace HWY_NAMESPACE {

template <UpdateOp kOp, typename T>
HWY_INLINE T combine(T old, T update) {
  if constexpr (kOp == UpdateOp::assign) {
    return update;
  } else if constexpr (kOp == UpdateOp::sum) {
    return static_cast<T>(old + update);
  } else if constexpr (kOp == UpdateOp::prod) {
    return static_cast<T>(old * update);
  } else if constexpr (kOp == UpdateOp::max) {
    return old > update ? old : update;
  } else {
    return old < update ? old : update;
  }
}

/** One row; where target and updates overlap, they are the same elements. */
template <UpdateOp kOp, typename T>
HWY_INLINE void apply_row(T* target, const T* updates, const RowLayout& row) {
  if (row.target_stride == 1 && row.update_stride == 1) {
    for (int64_t j = 0; j < row.count; ++j) target[j] = combine<kOp>(target[j], updates[j]);
  } else if (row.target_stride == 1 && row.update_stride == 0) {
    const T update = *updates;
    for (int64_t j = 0; j < row.count; ++j) target[j] = combine<kOp>(target[j], update);
  } else {
    for (int64_t j = 0; j < row.count; ++j) {
      T& element = target[j * row.target_stride];
      element = combine<kOp>(element, updates[j * row.update_stride]);
    }
  }
}

template <UpdateOp kOp, typename T>
void apply_rows_of(const RowLayout& row, T* target, const int64_t* target_offsets, const T* updates,
                   const int64_t* update_offsets, int64_t num_rows) {
  constexpr int64_t kDistance = 16;
  for (int64_t r = 0; r < num_rows; ++r) {
    if (r + kDistance < num_rows && target_offsets[r + kDistance] != kDropped) {
      hwy::Prefetch(target + target_offsets[r + kDistance]);
      hwy::Prefetch(updates + update_offsets[r + kDistance]);
    }
    if (target_offsets[r] == kDropped) continue;
    T* to = target + target_offsets[r];
    const T* from = updates + update_offsets[r];
    if (row.count == 1) {
      *to = combine<kOp>(*to, *from);
    } else {
      apply_row<kOp>(to, from, row);
    }
  }
}

void ApplyRows(Dtype dtype, UpdateOp op, const RowLayout& row, void* target,
               const int64_t* target_offsets, const void* updates, const int64_t* update_offsets,
               int64_t num_rows) {
  auto run = [&]<UpdateOp kOp, typename T>() {
    apply_rows_of<kOp>(row, static_cast<T*>(target), target_offsets, static_cast<const T*>(updates),
                       update_offsets, num_rows);
  };
  if (op == UpdateOp::assign) {
    dispatch_itemsize(dtype.size(), [&](auto tag) {
      run.template operator()<UpdateOp::assign, typename decltype(tag)::type>();
    });
    return;
  }
  dispatch_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    switch (op) {
      case UpdateOp::sum:
        return run.template operator()<UpdateOp::sum, T>();
      case UpdateOp::prod:
        return run.template operator()<UpdateOp::prod, T>();
      case UpdateOp::max:
        return run.template operator()<UpdateOp::max, T>();
      case UpdateOp::min:
        return run.template operator()<UpdateOp::min, T>();
      case UpdateOp::assign:
        return;
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mlx::core::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mlx::core::cpu {

HWY_EXPORT(ApplyRows);

void apply_rows(Dtype dtype, UpdateOp op, const RowLayout& row, void* target,
                const int64_t* target_offsets, const void* updates, const int64_t* update_offsets,
                int64_t num_rows) {
  HWY_DYNAMIC_DISPATCH(ApplyRows)
  (dtype, op, row, target, target_offsets, updates, update_offsets, num_rows);
}

}  // namespace mlx::core::cpu
#endif
