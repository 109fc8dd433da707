// Blocking and threading of the packed product: each task packs its own columns of b.
#include "backend/cpu/gemm/product.h"

#include <algorithm>

#include "backend/cpu/gemm/scratch.h"
#include "base/thread_pool.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kDepthBlock = 512;           // a sliver of a this deep fits the first-level cache
constexpr int64_t kBlockBytes = 1 << 20;       // of b packed by a task: in its second-level cache
constexpr int64_t kSharedBytes = 8 << 20;      // of a packed at once, for all tasks
constexpr int64_t kStoredRows = 1024;          // of a tile of sums that is stored when it is done
constexpr int64_t kElementsToShare = 1 << 15;  // less is packed by one thread

/** One product. Lines that one core has packed come slowly to another, so a block of b is packed by
 * the task that uses it, while all of a (a chunk of its rows) streams past. Sums continue from the
 * stored ones in the order of k: no cut changes the bits. */
template <typename T>
class Product {
 public:
  explicit Product(const ProductParts<T>& parts)
      : p_(parts), kernel_(micro_kernel<T>()), flops_(2.0 * p_.m * p_.n * p_.k) {
    // Few rows of a are cached at any depth, and longer blocks mean fewer passes over the sums.
    const int64_t limit = p_.m <= 2 * kernel_.rows ? 2 * kDepthBlock : kDepthBlock;
    // Blocks as equal as can be, multiples of what quantised formats and complex pairs need.
    depth_block_ = round_up(div_up(p_.k, div_up(p_.k, limit)), 32);
  }

  void run() {
    const bool packs_a = p_.a_in_place.data == nullptr;
    const bool direct = p_.direct_out != nullptr;
    // Sums that are stored at their end need the whole depth at once; others take turns, so that
    // less packed memory is on the way.
    const int64_t chunk_depth = packs_a && direct ? depth_block_ : p_.k;
    int64_t chunk_rows = p_.m;
    if (packs_a) {
      const int64_t fit = kSharedBytes / static_cast<int64_t>(sizeof(T)) / chunk_depth;
      const int64_t chunks = div_up(p_.m, std::max<int64_t>(fit, 8 * kernel_.rows));
      chunk_rows = round_up(div_up(p_.m, chunks), kernel_.rows);
    }
    if (!direct) chunk_rows = std::min(chunk_rows, round_up(kStoredRows, kernel_.rows));
    for (int64_t i0 = 0; i0 < p_.m; i0 += chunk_rows) {
      const int64_t rows = std::min(chunk_rows, p_.m - i0);
      for (int64_t k0 = 0; k0 < p_.k; k0 += chunk_depth) {
        const int64_t depth = std::min(chunk_depth, p_.k - k0);
        const T* a_packed = packs_a ? pack_rows(i0, rows, k0, depth) : nullptr;
        split(rows, [&](int64_t first, int64_t count, int64_t j0, int64_t columns) {
          multiply(a_packed, i0, rows, first, count, k0, depth, j0, columns);
        });
      }
    }
  }

 private:
  // Layout: one block for each depth block, in groups of rows. Packers write past their end, so
  // each group has room for that: the next one may be packed by another thread at the same time.
  const T* pack_rows(int64_t i0, int64_t rows, int64_t k0, int64_t depth) {
    const int64_t groups = div_up(rows, group_rows_);
    const int64_t blocks = div_up(depth, depth_block_);
    T* packed = thread_scratch<T>(ScratchUse::packed_a, blocks * block_size(rows, depth_block_));
    auto pack_group = [&](int64_t task) {
      const int64_t k = task / groups * depth_block_;
      const int64_t part = std::min(depth_block_, depth - k);
      const int64_t first = task % groups * group_rows_;
      p_.pack_a(group(packed, rows, k, part, first), kernel_.rows, i0 + first,
                std::min(group_rows_, rows - first), k0 + k, part);
    };
    if (rows * depth < kElementsToShare) {
      for (int64_t task = 0; task < groups * blocks; ++task) pack_group(task);
    } else {
      parallel_for(groups * blocks, pack_group);
    }
    return packed;
  }

  int64_t block_size(int64_t rows, int64_t depth) const {
    return div_up(rows, group_rows_) * (group_rows_ * depth + kPackSlack);
  }

  /** Where the group of row `first` (of a chunk of `rows`) begins in the depth block from k. */
  template <typename P>
  P* group(P* packed, int64_t rows, int64_t k, int64_t part, int64_t first) const {
    return packed + k / depth_block_ * block_size(rows, depth_block_) +
           first / group_rows_ * (group_rows_ * part + kPackSlack);
  }

  /** The rows [first, first + count) of a chunk of `chunk_rows` from i0, times some columns. */
  void multiply(const T* a_packed, int64_t i0, int64_t chunk_rows, int64_t first, int64_t count,
                int64_t k0, int64_t depth, int64_t j0, int64_t columns) {
    const int mr = kernel_.rows;
    const int nr = kernel_.columns;
    const int64_t row = i0 + first;
    T* b_packed =
        thread_scratch<T>(ScratchUse::packed_b, round_up(columns, nr) * depth_block_ + kPackSlack);
    const bool direct = p_.direct_out != nullptr;
    const int64_t ld = direct ? p_.direct_ld : round_up(columns, 16);
    T* sums = direct ? p_.direct_out + row * ld + j0
                     : thread_scratch<T>(ScratchUse::tile, count * ld + kPackSlack);
    for (int64_t k = 0; k < depth; k += depth_block_) {
      const int64_t part = std::min(depth_block_, depth - k);
      p_.pack_b(b_packed, nr, j0, columns, k0 + k, part);
      const Slivers<T> b = packed_slivers(b_packed, nr, part);
      if (a_packed == nullptr) {
        Slivers<T> a = p_.a_in_place;
        a.data += row * a.lane_stride + (k0 + k) * a.depth_stride;
        multiply_block(kernel_, count, columns, part, a, b, sums, ld, k0 + k > 0);
        continue;
      }
      for (int64_t i = first; i < first + count;) {
        const int64_t next = std::min(first + count, (i / group_rows_ + 1) * group_rows_);
        const T* data = group(a_packed, chunk_rows, k, part, i) + i % group_rows_ * part;
        multiply_block(kernel_, next - i, columns, part, packed_slivers(data, mr, part), b,
                       sums + (i - first) * ld, ld, k0 + k > 0);
        i = next;
      }
    }
    if (!direct) p_.store(sums, ld, row, count, j0, columns);
  }

  /** Cuts rows x columns into tasks. Any cut gives the same bits, so it may look at the threads:
   * columns first, as each task packs the columns it multiplies. */
  template <typename F>
  void split(int64_t rows, F&& task) {
    const int64_t mr = kernel_.rows;
    const int64_t nr = kernel_.columns;
    const int64_t row_slivers = div_up(rows, mr);
    const int64_t column_slivers = div_up(p_.n, nr);
    const int64_t threads = num_threads();
    const int64_t most = std::max<int64_t>(1, static_cast<int64_t>(flops_ / kFlopsPerTask));
    const int64_t wanted = std::min(most, flops_ > kFlopsAlone ? 3 * threads : threads);
    const int64_t block = static_cast<int64_t>(sizeof(T)) * depth_block_ * nr;
    const int64_t widest = std::max<int64_t>(1, kBlockBytes / block);
    int64_t column_tasks =
        std::max(div_up(column_slivers, widest), std::min(wanted, column_slivers));
    if (column_tasks > 1 && most > 1) {
      column_tasks = std::min(column_slivers, round_up(column_tasks, threads));
    }
    const int64_t row_tasks =
        std::clamp<int64_t>(div_up(wanted, column_tasks), 1, div_up(row_slivers, 4));
    parallel_for(row_tasks * column_tasks, [&](int64_t index) {
      const int64_t r = index / column_tasks;
      const int64_t c = index % column_tasks;
      const int64_t i0 = row_slivers * r / row_tasks * mr;
      const int64_t i1 = std::min(rows, row_slivers * (r + 1) / row_tasks * mr);
      const int64_t j0 = column_slivers * c / column_tasks * nr;
      const int64_t j1 = std::min(p_.n, column_slivers * (c + 1) / column_tasks * nr);
      task(i0, i1 - i0, j0, j1 - j0);
    });
  }

  const ProductParts<T>& p_;
  const MicroKernel<T>& kernel_;
  const double flops_;
  const int64_t group_rows_ = 8 * kernel_.rows;
  int64_t depth_block_;
};

}  // namespace

template <typename T>
void multiply_blocked(const ProductParts<T>& parts) {
  Product<T>(parts).run();
}
template void multiply_blocked(const ProductParts<float>&);
template void multiply_blocked(const ProductParts<double>&);

}  // namespace mlx::core::cpu
