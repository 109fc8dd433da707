// Copies between layouts: whole-buffer copies, tiled transposes, and the general strided kernel.
#include "backend/cuda/copy.h"

#include "backend/cuda/kernel_memo.h"
#include "backend/cuda/kernels/args.h"
#include "backend/views.h"
#include "base/errors.h"
#include "graph/shape.h"

namespace mlx::core::cuda {

using mlx_device::CopyArgs;
using mlx_device::kMaxDims;
using mlx_device::TransposeArgs;

namespace {

constexpr int kThreads = 256;
constexpr int64_t kMinTransposed = 8;  // shorter sides than this do not fill a tile

void check_rank(size_t ndim) {
  if (ndim > static_cast<size_t>(kMaxDims)) {
    throw_runtime("gpu",
                  "a copy over {} dimensions that cannot be merged: at most {} are supported.",
                  ndim, kMaxDims);
  }
}

/** True if the copy was done by exchanging two dimensions in tiles. All strides in elements. */
bool copy_transposed(Encoder& encoder, const array& in, const array& out, const Shape& shape,
                     const Strides& from, const Strides& to, int64_t offset) {
  size_t last = shape.size() - 1;
  if (shape.size() < 2 || to[last] != 1 || from[last] == 1 || from[last] == 0) return false;
  size_t along = last;
  for (size_t d = 0; d < last; ++d) {
    if (from[d] == 1) along = d;
  }
  if (along == last || shape[along] < kMinTransposed || shape[last] < kMinTransposed ||
      from[last] < 0 || to[along] < 0) {
    return false;
  }
  size_t itemsize = in.itemsize();
  TransposeArgs args{};
  CuDevicePtr source = encoder.input(in);
  CuDevicePtr target = encoder.output(out) + offset * itemsize;
  args.in = reinterpret_cast<const void*>(source);
  args.out = reinterpret_cast<void*>(target);
  args.rows = shape[along];
  args.cols = shape[last];
  args.in_stride = from[last];
  args.out_stride = to[along];
  int batch_dims = 0;
  int64_t batches = 1;
  int vector = itemsize == 1 ? 8 : itemsize == 2 ? 8 : itemsize == 4 ? 4 : 2;
  auto multiple = [&](int64_t value) { return value % vector == 0; };
  bool aligned = multiple(args.rows) && multiple(args.cols) && multiple(args.in_stride) &&
                 multiple(args.out_stride) && source % (vector * itemsize) == 0 &&
                 target % (vector * itemsize) == 0;
  for (size_t d = last; d-- > 0;) {
    if (d == along) continue;
    args.batch_shape[batch_dims] = shape[d];
    args.batch_in_strides[batch_dims] = from[d];
    args.batch_out_strides[batch_dims] = to[d];
    aligned = aligned && multiple(from[d]) && multiple(to[d]);
    batches *= shape[d];
    ++batch_dims;
  }
  int tile = aligned && itemsize < 8 ? 64 : 32;
  if (!aligned) vector = 1;
  std::string name = fmt::format("transpose_{}_{}_{}_{}", itemsize, tile, vector, batch_dims);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(name, "copy.cuh",
                         fmt::format("transpose_tiles<{}, {}, {}, {}>", bits_type(itemsize), tile,
                                     vector, batch_dims),
                         "TransposeArgs", kThreads);
  });
  auto tiles = [&](int64_t length) { return (length + tile - 1) / tile; };
  encoder.launch(kernel, {static_cast<unsigned>(tiles(args.rows) * tiles(args.cols) * batches)},
                 {kThreads}, args);
  return true;
}

}  // namespace

const char* bits_type(size_t itemsize) {
  switch (itemsize) {
    case 1:
      return "uint8_t";
    case 2:
      return "uint16_t";
    case 4:
      return "uint32_t";
    case 8:
      return "uint64_t";
  }
  throw_internal("unknown item size");
}

std::string simple_source(const std::string& name, const std::string& header,
                          const std::string& body, const std::string& args, int threads,
                          int min_blocks) {
  return fmt::format("#include \"{}\"\n\nnamespace mlx_device {{\n", header) +
         kernel_entry(name, body, args, threads, min_blocks) + "}\n";
}

void copy_into(Encoder& encoder, const array& in, const array& out, const Strides& strides,
               int64_t offset) {
  if (in.size() == 0) return;
  auto [shape, merged] = collapse_dims(in.shape(), {in.strides(), strides});
  const Strides& from = merged[0];
  const Strides& to = merged[1];
  if (shape.size() == 1 && from[0] == 1 && to[0] == 1) {
    CuDevicePtr source = encoder.input(in);
    CuDevicePtr target = encoder.output(out) + offset * in.itemsize();
    encoder.copy(target, source, in.nbytes());
    return;
  }
  if (copy_transposed(encoder, in, out, shape, from, to, offset)) return;
  check_rank(shape.size());
  // Neighbours move together where both sides allow it: fewer, wider accesses.
  size_t itemsize = in.itemsize();
  CopyArgs args{};
  CuDevicePtr source = encoder.input(in);
  CuDevicePtr target = encoder.output(out) + offset * itemsize;
  size_t last = shape.size() - 1;
  size_t width = 1;
  if (from[last] == 1 && to[last] == 1) {
    auto fits = [&](size_t n) {
      auto whole = static_cast<int64_t>(n);
      if (n * itemsize > 8 || shape[last] % whole != 0 || source % (n * itemsize) != 0 ||
          target % (n * itemsize) != 0) {
        return false;
      }
      for (size_t d = 0; d < last; ++d) {
        if (from[d] % whole != 0 || to[d] % whole != 0) return false;
      }
      return true;
    };
    while (fits(2 * width)) width *= 2;
  }
  args.in = reinterpret_cast<const void*>(source);
  args.out = reinterpret_cast<void*>(target);
  args.size = static_cast<long long>(in.size() / width);
  auto dims = static_cast<int>(shape.size());
  for (int d = 0; d < dims; ++d) {
    size_t at = last - d;
    int64_t unit = d == 0 ? 1 : static_cast<int64_t>(width);
    args.shape[d] = d == 0 ? shape[at] / static_cast<int64_t>(width) : shape[at];
    args.in_strides[d] = from[at] / unit;
    args.out_strides[d] = to[at] / unit;
  }
  auto make_source = [&](const std::string& name) {
    return simple_source(name, "copy.cuh",
                         fmt::format("copy_strided<{}, {}>", bits_type(itemsize * width), dims),
                         "CopyArgs", kThreads);
  };
  const Kernel& kernel = named_kernel(make_source, "copy_{}_{}", itemsize * width, dims);
  encoder.launch(kernel, {static_cast<unsigned>((args.size + kThreads - 1) / kThreads)}, {kThreads},
                 args);
}

void copy_contiguous(Encoder& encoder, const array& in, array& out) {
  encoder.allocate(out);
  if (in.size() == 0) return;
  copy_into(encoder, in, out, row_major_strides(in.shape()), 0);
}

array as_row_contiguous(Encoder& encoder, const array& in) {
  if (in.flags().row_contiguous) return in;
  array copied = array::placeholder(in.shape(), in.dtype());
  copy_contiguous(encoder, in, copied);
  return copied;
}

namespace {

struct Copies {
  static void allocate(array& out, Stream s) { Encoder::of(s).allocate(out); }
  static void contiguous(const array& in, array& out, Stream s) {
    copy_contiguous(Encoder::of(s), in, out);
  }
  static void into(const array& in, array& out, const Strides& strides, int64_t offset, Stream s) {
    copy_into(Encoder::of(s), in, out, strides, offset);
  }
};

}  // namespace

void register_views(KernelTable& table) { views::register_views<Copies>(table); }

}  // namespace mlx::core::cuda
