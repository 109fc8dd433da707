// Running reductions on the CPU: rows in parallel, long rows in segments, columns side by side.
#include "backend/cpu/scan.h"

#include <algorithm>
#include <vector>

#include "backend/cpu/rows.h"
#include "backend/cpu/scan_kernels.h"
#include "backend/cpu/simd/streaming.h"
#include "base/thread_pool.h"
#include "mlx/primitives/scan.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kSegment = 1 << 17;
constexpr int64_t kColumnTile = 512;

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
  bool cut;  // whether long rows are cut into segments
};

void scan_rows(const Job& job, int64_t rows, int64_t length) {
  const int64_t itemsize = static_cast<int64_t>(job.itemsize);
  const int64_t segments = job.cut ? (length + kSegment - 1) / kSegment : 1;
  const size_t carry_size = job.kernels.carry_size;
  if (segments == 1) {
    parallel_rows(rows, length, [&](int64_t begin, int64_t end) {
      alignas(16) char carry[16];
      for (int64_t i = begin; i < end; ++i) {
        job.kernels.set_identity(carry, 1);
        int64_t at = i * length * itemsize;
        job.kernels.row(job.from + at, length, job.to + at, carry, job.mode);
      }
    });
    return;
  }
  // The carry into a segment is the reduction of those before it, each reduced as a whole.
  std::vector<char> carries(rows * segments * carry_size);
  job.kernels.set_identity(carries.data(), rows * segments);
  auto place = [&](int64_t segment) {  // of the segment-th in the order of the scan
    return (job.mode.reverse ? segments - 1 - segment : segment) * kSegment;
  };
  auto count = [&](int64_t begin) { return std::min(kSegment, length - begin); };
  std::vector<char> totals(rows * segments * carry_size);
  job.kernels.set_identity(totals.data(), rows * segments);
  parallel_for(rows * segments, [&](int64_t task) {
    int64_t begin = place(task % segments);
    job.kernels.advance(job.from + (task / segments * length + begin) * itemsize, count(begin),
                        totals.data() + task * carry_size);
  });
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t s = 1; s < segments; ++s) {
      int64_t task = row * segments + s;
      job.kernels.combine(carries.data() + (task - 1) * carry_size,
                          totals.data() + (task - 1) * carry_size,
                          carries.data() + task * carry_size);
    }
  }
  parallel_for(rows * segments, [&](int64_t task) {
    int64_t begin = place(task % segments);
    int64_t at = (task / segments * length + begin) * itemsize;
    job.kernels.row(job.from + at, count(begin), job.to + at, carries.data() + task * carry_size,
                    job.mode);
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
          {reverse, inclusive, !in_place && uses_streaming_stores(out.nbytes())},
          type != Scan::LogAddExp};
  if (columns == 1) {
    scan_rows(job, outer, x.shape()[axis]);
  } else {
    scan_columns(job, outer, x.shape()[axis], columns);
  }
}

}  // namespace

void register_scan(KernelTable& table) { table.add<Scan>(eval_scan); }

}  // namespace mlx::core::cpu
