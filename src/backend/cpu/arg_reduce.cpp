// Positions of extrema: along rows, the block kernels of min and max find the value and a search
// its place; down columns, value and place are kept side by side.
#include "backend/cpu/arg_reduce.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/errors.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kBlock = 1024;
constexpr int64_t kTaskElements = 65536;
constexpr int64_t kSegmentElements = 1 << 18;
constexpr int64_t kColumnTile = 1024;

template <typename A>
bool is_nan(const A& v) {
  return v != v;
}

template <typename A>
struct Best {
  A value;
  int64_t index;
};

template <typename A>
class ArgReducer {
 public:
  ArgReducer(bool min, const StridedView& x, int axis, uint32_t* out)
      : min_(min),
        storage_(x.dtype),
        data_(static_cast<const char*>(x.data)),
        itemsize_(size_of(x.dtype)),
        out_(out) {
    ReduceOp op = min ? ReduceOp::min : ReduceOp::max;
    kernels_ = reduce_kernels(op, reduce_accumulator(x.dtype));
    const ReduceKernels* own = reduce_kernels(op, x.dtype);
    direct_ = own != nullptr && own->accumulator == reduce_accumulator(x.dtype) ? own : nullptr;
    for (size_t i = 0; i < x.shape.size(); ++i) {
      if (static_cast<int>(i) == axis) continue;
      append_dim(kept_, x.shape[i], x.strides[i]);
    }
    count_ = num_elements(kept_);
    length_ = x.shape.empty() ? 1 : x.shape[axis];
    stride_ = x.shape.empty() ? 1 : x.strides[axis];
  }

  void run() const {
    if (count_ == 0) return;
    bool side_by_side = stride_ != 1 && !kept_.empty() && kept_.back().stride == 1 &&
                        kept_.back().size >= 16 && direct_ != nullptr &&
                        direct_->best_rows != nullptr;
    if (side_by_side)
      reduce_columns();
    else
      reduce_rows();
  }

 private:
  const char* at(int64_t offset) const { return data_ + offset * static_cast<int64_t>(itemsize_); }

  bool beats(const A& b, const A& a) const {
    if (is_nan(a)) return false;
    return is_nan(b) || (min_ ? b < a : a < b);
  }

  /** The best of elements [begin, end) of the row at `base`; the first among equals. */
  Best<A> search(int64_t base, int64_t begin, int64_t end) const {
    alignas(64) A chunk[kBlock];
    alignas(64) A lanes[kLanes];
    Best<A> best{};
    for (int64_t i = begin; i < end; i += kBlock) {
      int64_t n = std::min(kBlock, end - i);
      const ReduceKernels* kernels = direct_;
      const void* block = at(base + i * stride_);
      if (direct_ == nullptr || stride_ != 1) {
        load_accumulators(storage_, false, block, stride_, n, chunk);
        block = chunk;
        kernels = kernels_;
      }
      // Any element of the block is a neutral start; lanes beyond the block keep it.
      A first;
      load_accumulators(storage_, false, at(base + i * stride_), 1, 1, &first);
      std::fill_n(lanes, kLanes, first);
      kernels->accumulate(block, n, lanes);
      kernels->fold(lanes);
      if (i == begin || beats(lanes[0], best.value)) {
        best = {lanes[0], i + static_cast<int64_t>(kernels->find(block, n, &lanes[0]))};
      }
    }
    return best;
  }

  void reduce_rows() const {
    int64_t segments = (length_ + kSegmentElements - 1) / kSegmentElements;
    if (segments == 1) {
      int64_t grain = std::max<int64_t>(1, kTaskElements / length_);
      parallel_ranges(count_, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          out_[i] = static_cast<uint32_t>(search(offset_at(kept_, i), 0, length_).index);
        }
      });
      return;
    }
    std::vector<Best<A>> partial(count_ * segments);
    parallel_for(count_ * segments, [&](int64_t task) {
      int64_t begin = task % segments * kSegmentElements;
      partial[task] = search(offset_at(kept_, task / segments), begin,
                             std::min(length_, begin + kSegmentElements));
    });
    for (int64_t i = 0; i < count_; ++i) {
      Best<A> best = partial[i * segments];
      for (int64_t s = 1; s < segments; ++s) {
        const Best<A>& other = partial[i * segments + s];
        if (beats(other.value, best.value)) best = other;
      }
      out_[i] = static_cast<uint32_t>(best.index);
    }
  }

  void reduce_columns() const {
    const int64_t inner = kept_.back().size;
    const int64_t tile = std::min(inner, kColumnTile);
    const int64_t tiles = (inner + tile - 1) / tile;
    const int64_t groups = count_ / inner * tiles;
    int64_t segment_rows = length_;
    if (groups < 16) {
      segment_rows = std::max<int64_t>({64, kSegmentElements / tile, (length_ + 63) / 64});
    }
    const int64_t segments = (length_ + segment_rows - 1) / segment_rows;
    using Index = std::conditional_t<sizeof(A) == 8, uint64_t, uint32_t>;
    auto best = std::make_unique_for_overwrite<A[]>(groups * segments * tile);
    auto index = std::make_unique_for_overwrite<Index[]>(groups * segments * tile);
    int64_t grain = std::max<int64_t>(1, kTaskElements / (segment_rows * tile));
    parallel_ranges(groups * segments, grain, [&](int64_t task_begin, int64_t task_end) {
      for (int64_t task = task_begin; task < task_end; ++task) {
        int64_t g = task / segments;
        int64_t first = g % tiles * tile;
        int64_t base = offset_at(kept_, g / tiles * inner + first);
        int64_t begin = task % segments * segment_rows;
        scan_tile(base, std::min(tile, inner - first), begin,
                  std::min(length_, begin + segment_rows), &best[task * tile], &index[task * tile]);
      }
    });
    for (int64_t g = 0; g < groups; ++g) {
      int64_t first = g % tiles * tile;
      int64_t count = std::min(tile, inner - first);
      A* values = &best[g * segments * tile];
      Index* places = &index[g * segments * tile];
      for (int64_t s = 1; s < segments; ++s) {
        for (int64_t c = 0; c < count; ++c) {
          if (!beats(values[s * tile + c], values[c])) continue;
          values[c] = values[s * tile + c];
          places[c] = places[s * tile + c];
        }
      }
      uint32_t* to = out_ + g / tiles * inner + first;
      for (int64_t c = 0; c < count; ++c) to[c] = static_cast<uint32_t>(places[c]);
    }
  }

  template <typename Index>
  void scan_tile(int64_t base, int64_t count, int64_t begin, int64_t end, A* best,
                 Index* index) const {
    load_accumulators(storage_, false, at(base + begin * stride_), 1, count, best);
    std::fill_n(index, count, static_cast<Index>(begin));
    for (int64_t row = begin + 1; row < end; row += kRowGroup) {
      int64_t n = std::min<int64_t>(kRowGroup, end - row);
      const void* rows[kRowGroup];
      for (int64_t r = 0; r < n; ++r) rows[r] = at(base + (row + r) * stride_);
      direct_->best_rows(rows, n, static_cast<uint32_t>(row), count, best, index);
    }
  }

  bool min_;
  Dtype storage_;
  const char* data_;
  size_t itemsize_;
  uint32_t* out_;
  Dims kept_;
  int64_t count_;
  int64_t length_;
  int64_t stride_;
  const ReduceKernels* kernels_;
  const ReduceKernels* direct_;
};

}  // namespace

void arg_reduce(bool min, const StridedView& x, int axis, uint32_t* out) {
  auto run = [&]<typename A>(A) { ArgReducer<A>(min, x, axis, out).run(); };
  switch (reduce_accumulator(x.dtype).val()) {
    case Dtype::Val::int32:
      return run(int32_t{});
    case Dtype::Val::uint32:
      return run(uint32_t{});
    case Dtype::Val::int64:
      return run(int64_t{});
    case Dtype::Val::uint64:
      return run(uint64_t{});
    case Dtype::Val::float32:
      return run(float{});
    case Dtype::Val::float64:
      return run(double{});
    case Dtype::Val::complex64:
      return run(complex64_t{});
    default:
      throw_internal("no accumulator for this dtype");
  }
}

}  // namespace mlx::core::cpu
