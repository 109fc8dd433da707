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

constexpr int64_t kSegment = 1 << 17;
constexpr int64_t kColumnTile = 512;
constexpr int64_t kShortScan = 32;
constexpr int64_t kNarrow = 32;  // columns that a step cannot do side by side well
constexpr int64_t kAheadBytes = 2048;

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

struct Job {
  const ScanKernels& kernels;
  const char* from;
  char* to;
  size_t itemsize;
  ScanMode mode;
};

/** Rows of a few elements: turned to lie across the vectors, and back. */
void scan_short_rows(const Job& job, int64_t rows, int64_t length) {
  constexpr int64_t kGroup = 64;
  const size_t itemsize = job.itemsize;
  ScanMode mode = job.mode;
  mode.stream = false;
  mode.ahead = 0;
  parallel_ranges(rows, rows_per_task(length) / kGroup * kGroup, [&](int64_t begin, int64_t end) {
    alignas(64) char turned[kGroup * kShortScan * 8];
    alignas(64) char carries[kGroup * 8];
    for (int64_t first = begin; first < end; first += kGroup) {
      const int64_t count = std::min(kGroup, end - first);
      const int64_t at = first * length * static_cast<int64_t>(itemsize);
      transpose_block(turned, kGroup, job.from + at, length, length, count, itemsize);
      job.kernels.set_identity(carries, count);
      for (int64_t k = 0; k < length; ++k) {
        char* row = turned + (mode.reverse ? length - 1 - k : k) * kGroup * itemsize;
        job.kernels.step(row, count, row, carries, mode);
      }
      transpose_block(job.to + at, length, turned, kGroup, count, length, itemsize);
    }
  });
}

/** Long rows in segments: each is reduced, hands the carry on, and is then scanned from the cache.
 * A thread waits only for segments that others have begun. */
void scan_long_rows(const Job& job, int64_t rows, int64_t length) {
  const int64_t itemsize = static_cast<int64_t>(job.itemsize);
  const int64_t segments = (length + kSegment - 1) / kSegment;
  const int64_t num_tasks = rows * segments;
  const size_t carry_size = job.kernels.carry_size;
  std::vector<char> carries((num_tasks + 1) * carry_size);  // into each segment
  job.kernels.set_identity(carries.data(), num_tasks + 1);
  std::vector<std::atomic<bool>> has_carry(num_tasks + 1);
  std::atomic<int64_t> next_task{0};
  auto run = [&](int64_t task) {
    const int64_t segment = task % segments;
    const int64_t begin = (job.mode.reverse ? segments - 1 - segment : segment) * kSegment;
    const int64_t count = std::min(kSegment, length - begin);
    const int64_t at = (task / segments * length + begin) * itemsize;
    char* carry = carries.data() + task * carry_size;
    alignas(16) char total[16];
    job.kernels.set_identity(total, 1);
    if (segment + 1 < segments) job.kernels.advance(job.from + at, count, total);
    while (segment > 0 && !has_carry[task].load(std::memory_order_acquire)) {
      std::this_thread::yield();
    }
    if (segment + 1 < segments) {
      job.kernels.combine(carry, total, carry + carry_size);
      has_carry[task + 1].store(true, std::memory_order_release);
    }
    std::memcpy(total, carry, carry_size);
    job.kernels.row(job.from + at, count, job.to + at, total, job.mode);
  };
  parallel_for(std::min<int64_t>(num_threads(), num_tasks), [&](int64_t) {
    for (int64_t task = next_task++; task < num_tasks; task = next_task++) run(task);
  });
}

void scan_rows(const Job& job, int64_t rows, int64_t length) {
  if (length <= kShortScan && rows > 1) return scan_short_rows(job, rows, length);
  if (length > kSegment) return scan_long_rows(job, rows, length);
  parallel_rows(rows, length, [&](int64_t begin, int64_t end) {
    alignas(16) char carry[16];
    for (int64_t i = begin; i < end; ++i) {
      job.kernels.set_identity(carry, 1);
      const int64_t at = i * length * static_cast<int64_t>(job.itemsize);
      job.kernels.row(job.from + at, length, job.to + at, carry, job.mode);
    }
  });
}

/** A few long columns: turned to rows, some at a time, and back. */
void scan_narrow_columns(const Job& job, int64_t outer, int64_t length, int64_t columns) {
  constexpr int64_t kRows = 512;
  const int64_t itemsize = static_cast<int64_t>(job.itemsize);
  const int64_t chunks = (length + kRows - 1) / kRows;
  ScanMode mode = job.mode;
  mode.stream = false;
  mode.ahead = 0;
  parallel_for(outer, [&](int64_t o) {
    std::vector<char> turned(kRows * columns * itemsize);
    std::vector<char> carries(columns * job.kernels.carry_size);
    job.kernels.set_identity(carries.data(), columns);
    for (int64_t k = 0; k < chunks; ++k) {
      const int64_t begin = (mode.reverse ? chunks - 1 - k : k) * kRows;
      const int64_t rows = std::min(kRows, length - begin);
      const int64_t at = (o * length + begin) * columns * itemsize;
      transpose_block(turned.data(), rows, job.from + at, columns, columns, rows, job.itemsize);
      for (int64_t c = 0; c < columns; ++c) {
        char* line = turned.data() + c * rows * itemsize;
        job.kernels.row(line, rows, line, carries.data() + c * job.kernels.carry_size, mode);
      }
      transpose_block(job.to + at, columns, turned.data(), rows, rows, columns, job.itemsize);
    }
  });
}

void scan_columns(const Job& job, int64_t outer, int64_t length, int64_t columns) {
  const int64_t itemsize = static_cast<int64_t>(job.itemsize);
  const int64_t tiles = (columns + kColumnTile - 1) / kColumnTile;
  int64_t tile_elements = length * std::min(columns, kColumnTile);
  int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, tile_elements));
  parallel_ranges(outer * tiles, grain, [&](int64_t task_begin, int64_t task_end) {
    std::vector<char> carries(kColumnTile * job.kernels.carry_size);
    for (int64_t task = task_begin; task < task_end; ++task) {
      int64_t first = task % tiles * kColumnTile;
      int64_t count = std::min(kColumnTile, columns - first);
      job.kernels.set_identity(carries.data(), count);
      for (int64_t k = 0; k < length; ++k) {
        int64_t row = job.mode.reverse ? length - 1 - k : k;
        int64_t at = ((task / tiles * length + row) * columns + first) * itemsize;
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
  Job job{scan_kernels(scan_op(type), out.dtype()),
          x.data<char>(),
          out.data<char>(),
          out.itemsize(),
          {reverse, inclusive, !in_place && uses_streaming_stores(out.nbytes()), 0}};
  const int64_t ahead =
      columns == 1 ? kAheadBytes / static_cast<int64_t>(out.itemsize()) : 2 * columns;
  job.mode.ahead = reverse ? -ahead : ahead;
  if (columns == 1) {
    scan_rows(job, outer, x.shape()[axis]);
  } else if (columns < kNarrow && x.shape()[axis] >= 512) {
    scan_narrow_columns(job, outer, x.shape()[axis], columns);
  } else {
    scan_columns(job, outer, x.shape()[axis], columns);
  }
}

}  // namespace

void register_scan(KernelTable& table) { table.add<Scan>(eval_scan); }

}  // namespace mlx::core::cpu
