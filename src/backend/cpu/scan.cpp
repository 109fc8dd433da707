// Running reductions on the CPU: rows in parallel, long rows in segments, columns side by side.
#include "backend/cpu/scan.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "backend/cpu/element/kernels.h"
#include "backend/cpu/rows.h"
#include "backend/cpu/scan_kernels.h"
#include "backend/cpu/simd/streaming.h"
#include "base/thread_pool.h"
#include "mlx/primitives/scan.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kSegment = 1 << 17;  // elements
constexpr int64_t kMaxTile = 512;
constexpr int64_t kShortScan = 32;
constexpr int64_t kAheadBytes = 2048;
constexpr int64_t kNarrow = static_cast<int64_t>(kMaxScanColumns);

ScanOp scan_op(Scan::ReduceType type) {
  switch (type) {
    case Scan::Max:
      return ScanOp::max;
    case Scan::Min:
      return ScanOp::min;
    case Scan::Sum:
      return ScanOp::sum;
    case Scan::Prod:
      return ScanOp::prod;
    case Scan::LogAddExp:
      return ScanOp::log_add_exp;
  }
  return ScanOp::sum;
}

/** `outer` blocks of `length` rows of `columns`: each column of a block is scanned. */
struct Job {
  const ScanKernels& kernels;
  ScanOp op;
  const char* from;
  char* to;
  int64_t itemsize;
  int64_t outer;
  int64_t length;
  int64_t columns;
  ScanMode mode;
};

/** Rows turned to lie across the vectors, some at a time, and back. */
void scan_rows_side_by_side(const Job& job) {
  constexpr int64_t kGroup = 64;
  const int64_t length = job.length;
  const int64_t chunks = (length + kShortScan - 1) / kShortScan;
  ScanMode mode = job.mode;
  mode.stream = false;
  mode.ahead = 0;
  const int64_t grain = std::max(kGroup, rows_per_task(length) / kGroup * kGroup);
  parallel_ranges(job.outer, grain, [&](int64_t begin, int64_t end) {
    alignas(64) char turned[kGroup * kShortScan * 8];
    alignas(64) char carries[kGroup * 8];
    for (int64_t first = begin; first < end; first += kGroup) {
      const int64_t count = std::min(kGroup, end - first);
      job.kernels.set_identity(carries, count);
      for (int64_t k = 0; k < chunks; ++k) {
        const int64_t from = (mode.reverse ? chunks - 1 - k : k) * kShortScan;
        const int64_t steps = std::min(kShortScan, length - from);
        const int64_t at = (first * length + from) * job.itemsize;
        transpose_block(turned, kGroup, job.from + at, length, steps, count, job.itemsize);
        for (int64_t i = 0; i < steps; ++i) {
          char* row = turned + (mode.reverse ? steps - 1 - i : i) * kGroup * job.itemsize;
          job.kernels.step(row, count, row, carries, mode);
        }
        transpose_block(job.to + at, length, turned, kGroup, count, steps, job.itemsize);
      }
    }
  });
}

/** Long blocks in segments: each is reduced, hands the carries on, and is then scanned from the
 * cache. A thread waits only for segments that others have begun. */
void scan_segments(const Job& job) {
  const int64_t columns = job.columns;
  const int64_t rows_each = kSegment / columns / 64 * 64;
  const int64_t segments = (job.length + rows_each - 1) / rows_each;
  const int64_t num_tasks = job.outer * segments;
  const size_t carry_size = job.kernels.carry_size * columns;
  std::vector<char> carries((num_tasks + 1) * carry_size);  // into each segment
  job.kernels.set_identity(carries.data(), (num_tasks + 1) * columns);
  std::vector<std::atomic<bool>> has_carry(num_tasks + 1);
  std::atomic<int64_t> next_task{0};
  auto run = [&](int64_t task) {
    const int64_t segment = task % segments;
    const int64_t begin = (job.mode.reverse ? segments - 1 - segment : segment) * rows_each;
    const int64_t count = std::min(rows_each, job.length - begin);
    const int64_t at = (task / segments * job.length + begin) * columns * job.itemsize;
    char* carry = carries.data() + task * carry_size;
    alignas(16) char total[kNarrow * 8];
    job.kernels.set_identity(total, columns);
    if (segment + 1 < segments) job.kernels.advance(job.from + at, count, columns, total);
    while (segment > 0 && !has_carry[task].load(std::memory_order_acquire)) {
      std::this_thread::yield();
    }
    if (segment + 1 < segments) {
      job.kernels.combine(carry, total, columns, carry + carry_size);
      has_carry[task + 1].store(true, std::memory_order_release);
    }
    std::memcpy(total, carry, carry_size);
    job.kernels.rows(job.from + at, count, columns, job.to + at, total, job.mode);
  };
  parallel_for(std::min<int64_t>(num_threads(), num_tasks), [&](int64_t) {
    for (int64_t task = next_task++; task < num_tasks; task = next_task++) run(task);
  });
}

void scan_narrow(const Job& job) {
  const int64_t size = job.length * job.columns;
  if (job.columns == 1 && job.outer >= 128 && job.op == ScanOp::log_add_exp) {
    return scan_rows_side_by_side(job);  // a single operation an element, which is costly
  }
  const bool is_short = is_short_scan(job.kernels.lanes, job.length, job.columns);
  if (!is_short && job.columns == 1 && job.length <= kShortScan && job.outer > 1) {
    return scan_rows_side_by_side(job);
  }
  if (size > kSegment) return scan_segments(job);
  parallel_rows(job.outer, size, [&](int64_t begin, int64_t end) {
    int64_t at = begin * size * job.itemsize;
    if (is_short) {
      return job.kernels.short_scans(job.from + at, end - begin, job.length, job.columns,
                                     job.to + at, job.mode);
    }
    alignas(16) char carries[kNarrow * 8];
    for (int64_t i = begin; i < end; ++i, at += size * job.itemsize) {
      job.kernels.set_identity(carries, job.columns);
      job.kernels.rows(job.from + at, job.length, job.columns, job.to + at, carries, job.mode);
    }
  });
}

void scan_wide(const Job& job) {
  const int64_t columns = job.columns;
  int64_t tile = kMaxTile;  // narrower where that gives more tasks
  while (tile > kNarrow && job.outer * ((columns + tile - 1) / tile) < 8) tile /= 2;
  const int64_t tiles = (columns + tile - 1) / tile;
  const int64_t tile_elements = job.length * std::min(columns, tile);
  const int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, tile_elements));
  parallel_ranges(job.outer * tiles, grain, [&](int64_t task_begin, int64_t task_end) {
    std::vector<char> carries(tile * job.kernels.carry_size);
    for (int64_t task = task_begin; task < task_end; ++task) {
      const int64_t first = task % tiles * tile;
      const int64_t count = std::min(tile, columns - first);
      job.kernels.set_identity(carries.data(), count);
      for (int64_t k = 0; k < job.length; ++k) {
        const int64_t row = job.mode.reverse ? job.length - 1 - k : k;
        const int64_t at = ((task / tiles * job.length + row) * columns + first) * job.itemsize;
        job.kernels.step(job.from + at, count, job.to + at, carries.data(), job.mode);
      }
    }
  });
}

void eval_scan(const Primitive& primitive, const std::vector<array>& inputs,
               std::vector<array>& outputs) {
  auto [type, axis, reverse, inclusive] = static_cast<const Scan&>(primitive).state();
  array& out = outputs[0];
  allocate_like(inputs[0], out);
  if (out.size() == 0) return;
  array x = row_contiguous(inputs[0]);
  int64_t outer = 1;
  int64_t columns = 1;
  for (int i = 0; i < axis; ++i) outer *= x.shape()[i];
  for (size_t i = axis + 1; i < x.ndim(); ++i) columns *= x.shape()[i];
  const bool in_place = out.data<char>() == x.data<char>();
  const bool stream = !in_place && uses_streaming_stores(out.nbytes());
  const bool narrow = columns <= kNarrow;
  const int64_t itemsize = static_cast<int64_t>(out.itemsize());
  const int64_t ahead = narrow ? kAheadBytes / itemsize : 2 * columns;
  const Job job{scan_kernels(scan_op(type), out.dtype()),
                scan_op(type),
                x.data<char>(),
                out.data<char>(),
                itemsize,
                outer,
                x.shape()[axis],
                columns,
                {reverse, inclusive, stream, reverse ? -ahead : ahead}};
  if (narrow)
    scan_narrow(job);
  else
    scan_wide(job);
}

}  // namespace

void register_scan(KernelTable& table) { table.add<Scan>(eval_scan); }

}  // namespace mlx::core::cpu
