// From index arrays to element offsets; the one place where indices are wrapped and checked.
#include "backend/cpu/index_offsets.h"

#include <algorithm>
#include <type_traits>

#include "backend/cpu/index_kernels.h"
#include "backend/cpu/strided_cursor.h"
#include "base/dispatch.h"
#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cpu {
namespace {

bool checks_indices() {
  static const bool checks = environment_int("MLX_CHECK_INDICES").value_or(0) != 0;
  return checks;
}

template <typename T>
int64_t as_signed(T index) {
  if constexpr (std::is_same_v<T, uint64_t>) {
    return static_cast<int64_t>(
        std::min(index, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())));
  } else {
    return static_cast<int64_t>(index);
  }
}

template <OutOfRange kRule, typename T>
void add_offsets(const AxisIndices& indices, const T* first, int64_t stride, int64_t count,
                 int64_t* offsets) {
  const int64_t length = indices.axis_length;
  const int64_t max_start = indices.max_start;
  const int64_t axis_stride = indices.axis_stride;
  const bool checks = checks_indices();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = as_signed(first[i * stride]);
    const int64_t start = index < 0 ? index + length : index;
    if (checks && (start < 0 || start > max_start)) {
      throw_out_of_range("gather/scatter", "index {} is out of bounds for an axis of length {}",
                         index, length);
    }
    if constexpr (kRule == OutOfRange::nearest) {
      offsets[i] += std::clamp<int64_t>(start, 0, std::max<int64_t>(max_start, 0)) * axis_stride;
    } else {
      const bool inside = start >= 0 && start <= max_start && offsets[i] != kDropped;
      offsets[i] = inside ? offsets[i] + start * axis_stride : kDropped;
    }
  }
}

}  // namespace

std::optional<Indices32> as_indices32(const AxisIndices& indices, const void* first,
                                      int64_t stride) {
  const bool is_32 = indices.dtype == int32 || indices.dtype == uint32;
  if (!is_32 || stride != 1 || checks_indices() ||
      indices.axis_length > std::numeric_limits<int32_t>::max()) {
    return std::nullopt;
  }
  return Indices32{first, indices.dtype == int32, static_cast<int32_t>(indices.axis_length),
                   static_cast<int32_t>(indices.max_start)};
}

void add_index_offsets(const AxisIndices& indices, const void* first, int64_t stride,
                       OutOfRange rule, int64_t count, int64_t* offsets) {
  if (auto narrow = as_indices32(indices, first, stride)) {
    return add_offsets32(*narrow, indices.axis_stride, rule, count, offsets);
  }
  dispatch_dtype(indices.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      const T* from = static_cast<const T*>(first);
      if (rule == OutOfRange::nearest) {
        add_offsets<OutOfRange::nearest>(indices, from, stride, count, offsets);
      } else {
        add_offsets<OutOfRange::drop>(indices, from, stride, count, offsets);
      }
    } else {
      throw_internal("indices are not integers");
    }
  });
}

void index_offsets(const Shape& shape, const std::vector<AxisIndices>& indices, OutOfRange rule,
                   int64_t begin, int64_t end, int64_t* offsets) {
  std::fill_n(offsets, end - begin, 0);
  const int64_t inner = shape.empty() ? 1 : shape.back();
  const Shape outer(shape.begin(), shape.empty() ? shape.end() : shape.end() - 1);
  for (const AxisIndices& axis : indices) {
    const int64_t inner_stride = shape.empty() ? 0 : axis.strides.back();
    const auto* data = static_cast<const char*>(axis.data);
    StridedCursor rows(outer, axis.strides, begin / inner);
    for (int64_t i = begin; i < end;) {
      const int64_t within = i % inner;
      const int64_t count = std::min(end - i, inner - within);
      const void* first = data + (rows.offset() + within * inner_stride) * axis.dtype.size();
      add_index_offsets(axis, first, inner_stride, rule, count, offsets + (i - begin));
      i += count;
      rows.next();
    }
  }
}

}  // namespace mlx::core::cpu
