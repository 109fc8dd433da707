// Running reductions on the GPU: rows by blocks with a carry, long rows in chunks, other axes by
// columns.
#include "backend/cuda/scan.h"

#include <algorithm>

#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "mlx/primitives/scan.h"

namespace mlx::core::cuda {

using mlx_device::ReduceArgs;
using mlx_device::ScanArgs;

namespace {

constexpr int kThreads = 256;
// Fixed numbers, not the device's: the chunks decide the order of summation.
constexpr int64_t kChunk = 16384;
constexpr int64_t kManyRows = 512;  // from here on rows fill the device without being cut

const char* op_name(Scan::ReduceType type) {
  switch (type) {
    case Scan::Max:
      return "ReduceMax";
    case Scan::Min:
      return "ReduceMin";
    case Scan::Sum:
      return "ReduceSum";
    case Scan::Prod:
      return "ReduceProd";
    case Scan::LogAddExp:
      return "ReduceLogAddExp";
  }
  throw_internal("unknown scan");
}

void launch_rows(Encoder& encoder, const char* op, const array& in, const array& out,
                 const array* carry, ScanArgs args) {
  CuDevicePtr source = encoder.input(in);
  if (carry != nullptr) args.carry = pointer(encoder.input(*carry));
  CuDevicePtr target = encoder.output(out);
  args.in = pointer(source);
  args.out = mutable_pointer(target);
  int width = std::min<int>(16 / static_cast<int>(std::max(in.itemsize(), out.itemsize())), 8);
  auto fits = [&](int w) {
    return args.n % w == 0 && source % (w * in.itemsize()) == 0 &&
           target % (w * out.itemsize()) == 0;
  };
  while (width > 1 && !fits(width)) width /= 2;
  std::string name = fmt::format("scan_rows_{}_{}_{}_{}", op, device_type(in.dtype()),
                                 device_type(out.dtype()), width);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(name, "scan.cuh",
                         fmt::format("scan_rows<{}, {}, {}, {}, {}>", op, device_type(in.dtype()),
                                     device_type(out.dtype()), width, kThreads),
                         "ScanArgs", kThreads);
  });
  encoder.launch(kernel, {static_cast<unsigned>(args.outer * args.splits)}, {kThreads}, args);
}

/** The reduction of each chunk: [rows, splits]. */
void launch_chunk_totals(Encoder& encoder, const char* op, const array& in, const array& totals,
                         const ScanArgs& scan) {
  ReduceArgs args{};
  args.in = pointer(encoder.input(in));
  args.out = mutable_pointer(encoder.output(totals));
  args.outer = scan.outer;
  args.n = scan.n;
  args.inner = 1;
  args.splits = scan.splits;
  args.chunk = scan.chunk;
  std::string name =
      fmt::format("scan_totals_{}_{}_{}", op, device_type(in.dtype()), device_type(totals.dtype()));
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(name, "scan.cuh",
                         fmt::format("reduce_rows<{}, {}, {}, 1, {}>", op, device_type(in.dtype()),
                                     device_type(totals.dtype()), kThreads),
                         "ReduceArgs", kThreads);
  });
  encoder.launch(kernel, {static_cast<unsigned>(args.outer * args.splits)}, {kThreads}, args);
}

}  // namespace

void run_scan(Encoder& encoder, const Scan& scan, const array& given, array& out) {
  auto [type, axis, reverse, inclusive] = scan.state();
  encoder.allocate(out);
  if (out.size() == 0) return;
  array in = as_row_contiguous(encoder, given);
  const char* op = op_name(type);
  ScanArgs args{};
  args.outer = 1;
  args.inner = 1;
  for (int d = 0; d < axis; ++d) args.outer *= in.shape()[d];
  for (size_t d = axis + 1; d < in.ndim(); ++d) args.inner *= in.shape()[d];
  args.n = in.ndim() == 0 ? 1 : in.shape()[axis];
  args.splits = 1;
  args.chunk = args.n;
  args.reverse = reverse;
  args.inclusive = inclusive;
  if (args.inner > 1) {
    args.in = pointer(encoder.input(in));
    args.out = mutable_pointer(encoder.output(out));
    std::string name =
        fmt::format("scan_cols_{}_{}_{}", op, device_type(in.dtype()), device_type(out.dtype()));
    const Kernel& kernel = get_kernel(name, [&] {
      return simple_source(name, "scan.cuh",
                           fmt::format("scan_cols<{}, {}, {}>", op, device_type(in.dtype()),
                                       device_type(out.dtype())),
                           "ScanArgs", 256);
    });
    encoder.launch(kernel, {static_cast<unsigned>((args.outer * args.inner + 255) / 256)}, {256},
                   args);
    return;
  }
  if (args.outer >= kManyRows || args.n <= 2 * kChunk) {
    launch_rows(encoder, op, in, out, nullptr, args);
    return;
  }
  args.chunk = kChunk;
  args.splits = (args.n + kChunk - 1) / kChunk;
  Dtype wide = out.dtype() == float16 || out.dtype() == bfloat16 ? float32 : out.dtype();
  Shape shape{static_cast<int>(args.outer), static_cast<int>(args.splits)};
  array totals = encoder.temporary(shape, wide);
  launch_chunk_totals(encoder, op, in, totals, args);
  array carries = encoder.temporary(shape, wide);
  ScanArgs over_chunks{};
  over_chunks.outer = args.outer;
  over_chunks.n = args.splits;
  over_chunks.inner = 1;
  over_chunks.splits = 1;
  over_chunks.chunk = args.splits;
  over_chunks.reverse = reverse;
  launch_rows(encoder, op, totals, carries, nullptr, over_chunks);
  launch_rows(encoder, op, in, out, &carries, args);
}

namespace {

void eval_scan(const Primitive& primitive, const std::vector<array>& inputs,
               std::vector<array>& outputs) {
  run_scan(Encoder::of(primitive.stream()), static_cast<const Scan&>(primitive), inputs[0],
           outputs[0]);
}

}  // namespace

void register_scan(KernelTable& table) { table.add<Scan>(eval_scan); }

}  // namespace mlx::core::cuda
