// Reductions: any axes and layouts become runs of kept and reduced dimensions, each reduced as rows
// or columns.
#include "backend/cuda/reduce.h"

#include <algorithm>
#include <numeric>

#include "backend/cuda/copy.h"
#include "backend/cuda/element.h"
#include "backend/cuda/kernels/args.h"
#include "backend/cuda/tape_value.h"
#include "base/errors.h"
#include "graph/shape.h"
#include "mlx/primitives/reduce.h"

namespace mlx::core::cuda {

using mlx_device::ReduceArgs;

namespace {

// Fixed numbers, not the device's: the split decides the order of summation.
constexpr int64_t kWantedBlocks = 1024;
constexpr int64_t kMinChunk = 4096;  // elements of a row that a block takes at least
constexpr int64_t kMinColumnChunk = 64;
constexpr int64_t kShortRow = 512;

const char* op_name(ReduceOp op) {
  switch (op) {
    case ReduceOp::and_:
      return "ReduceAnd";
    case ReduceOp::or_:
      return "ReduceOr";
    case ReduceOp::sum:
      return "ReduceSum";
    case ReduceOp::prod:
      return "ReduceProd";
    case ReduceOp::min:
      return "ReduceMin";
    case ReduceOp::max:
      return "ReduceMax";
  }
  throw_internal("unknown reduction");
}

/** Partial results are kept at full width. */
Dtype partial_dtype(Dtype out) { return out == float16 || out == bfloat16 ? float32 : out; }

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Elements read at once: 16 bytes where sizes and addresses allow. */
int vector_width(CuDevicePtr address, size_t itemsize, int64_t n, int64_t chunk) {
  int width = static_cast<int>(16 / itemsize);
  while (width > 1 && (address % (width * itemsize) != 0 || n % width != 0 || chunk % width != 0))
    width /= 2;
  return width;
}

/** What is reduced: an array, or the value of a tape over these inputs. */
struct Source {
  Dtype dtype;
  const array* in;
  const TapeValue* tape = nullptr;
};

/** Launches an instance of a reduction's template, whose last argument names what it reads. */
void launch_source(Encoder& encoder, const Source& source, std::string name,
                   const std::string& instance, const ReduceArgs& args, unsigned blocks,
                   int threads) {
  if (source.tape == nullptr) {
    const Kernel& kernel = get_kernel(
        name, [&] { return simple_source(name, "reduce.cuh", instance, "ReduceArgs", threads); });
    encoder.launch(kernel, {blocks}, {static_cast<unsigned>(threads)}, args);
    return;
  }
  name += "_of_" + source.tape->name();
  const Kernel& kernel =
      get_kernel(name, [&] { return source.tape->text(name, instance, threads); });
  encoder.launch(kernel, {blocks}, {static_cast<unsigned>(threads)},
                 source.tape->arguments(encoder, args));
}

void launch_rows(Encoder& encoder, ReduceOp op, const Source& in, const array& out,
                 ReduceArgs args) {
  CuDevicePtr source = in.tape == nullptr ? encoder.input(*in.in) : 0;
  args.in = reinterpret_cast<const void*>(source);
  args.out = reinterpret_cast<void*>(encoder.output(out));
  const char* from = device_type(in.dtype);
  const char* to = device_type(out.dtype());
  if (args.splits == 1 && args.n <= kShortRow && args.outer > 1) {
    int width = args.n <= 4 ? 4 : args.n <= 8 ? 8 : args.n <= 16 ? 16 : 32;
    launch_source(encoder, in,
                  fmt::format("reduce_short_{}_{}_{}_{}", op_name(op), from, to, width),
                  fmt::format("reduce_short_rows<{}, {}, {}, {}>", op_name(op), from, to, width),
                  args, static_cast<unsigned>(ceil_div(args.outer, 256 / width)), 256);
    return;
  }
  int width = vector_width(source, in.dtype.size(), args.n, args.chunk);
  int threads = args.chunk >= 8192 ? 512 : args.chunk >= 2048 ? 256 : 128;
  launch_source(
      encoder, in, fmt::format("reduce_rows_{}_{}_{}_{}_{}", op_name(op), from, to, width, threads),
      fmt::format("reduce_rows<{}, {}, {}, {}, {}>", op_name(op), from, to, width, threads), args,
      static_cast<unsigned>(args.outer * args.splits), threads);
}

void launch_cols(Encoder& encoder, ReduceOp op, const Source& in, const array& out,
                 ReduceArgs args) {
  CuDevicePtr source = in.tape == nullptr ? encoder.input(*in.in) : 0;
  args.in = reinterpret_cast<const void*>(source);
  args.out = reinterpret_cast<void*>(encoder.output(out));
  int width = std::min(4, vector_width(source, in.dtype.size(), args.inner, args.inner));
  while (width > 1 && args.inner < 32 * width) width /= 2;
  const char* from = device_type(in.dtype);
  const char* to = device_type(out.dtype());
  int64_t tiles = ceil_div(args.inner, 32 * width);
  launch_source(encoder, in, fmt::format("reduce_cols_{}_{}_{}_{}", op_name(op), from, to, width),
                fmt::format("reduce_cols<{}, {}, {}, {}>", op_name(op), from, to, width), args,
                static_cast<unsigned>(tiles * args.splits * args.outer), 256);
}

/** A run of neighbouring dimensions that are all kept or all reduced. */
struct Run {
  int64_t length;
  bool is_reduced;
};

void reduce_source(Encoder& encoder, ReduceOp op, const Source& in, const array& out, int64_t outer,
                   int64_t n, int64_t inner) {
  bool rows = inner == 1;
  int64_t units = rows ? outer : outer * ceil_div(inner, 32);
  int64_t smallest = rows ? kMinChunk : kMinColumnChunk;
  int64_t splits =
      std::clamp<int64_t>(ceil_div(kWantedBlocks, units), 1, std::max<int64_t>(1, n / smallest));
  int64_t chunk = ceil_div(ceil_div(n, splits), 16) * 16;
  splits = std::max<int64_t>(1, ceil_div(n, chunk));
  ReduceArgs args{nullptr, nullptr, outer, n, inner, splits, chunk};
  auto launch = rows ? launch_rows : launch_cols;
  if (splits == 1) {
    launch(encoder, op, in, out, args);
    return;
  }
  array partial = encoder.temporary({static_cast<int>(outer * splits), static_cast<int>(inner)},
                                    partial_dtype(out.dtype()));
  launch(encoder, op, in, partial, args);
  launch(encoder, op, {partial.dtype(), &partial}, out,
         {nullptr, nullptr, outer, splits, inner, 1, ceil_div(splits, 16) * 16});
}

}  // namespace

void reduce_middle(Encoder& encoder, ReduceOp op, const array& in, const array& out, int64_t outer,
                   int64_t n, int64_t inner) {
  reduce_source(encoder, op, {in.dtype(), &in}, out, outer, n, inner);
}

namespace {

ReduceOp to_op(Reduce::ReduceType type) {
  switch (type) {
    case Reduce::And:
      return ReduceOp::and_;
    case Reduce::Or:
      return ReduceOp::or_;
    case Reduce::Sum:
      return ReduceOp::sum;
    case Reduce::Prod:
      return ReduceOp::prod;
    case Reduce::Min:
      return ReduceOp::min;
    case Reduce::Max:
      return ReduceOp::max;
  }
  throw_internal("unknown reduction");
}

/** The value of a reduction of nothing, as a tape-free fill. */
void fill_neutral(Encoder& encoder, ReduceOp op, const array& out) {
  ReduceArgs args{nullptr, nullptr, static_cast<long long>(out.size()), 0, 1, 1, 16};
  args.out = reinterpret_cast<void*>(encoder.output(out));
  const char* type = device_type(out.dtype());
  std::string name = fmt::format("reduce_short_{}_{}_{}_32", op_name(op), type, type);
  const Kernel& kernel = get_kernel(name, [&] {
    return simple_source(name, "reduce.cuh",
                         fmt::format("reduce_short_rows<{0}, {1}, {1}, 32>", op_name(op), type),
                         "ReduceArgs", 256);
  });
  encoder.launch(kernel, {static_cast<unsigned>(ceil_div(args.outer, 8))}, {256}, args);
}

/** Reduces dense memory with these dimensions and strides over `axes`; allocates `out`, whose
 * dimensions keep the order that they have in memory. */
void reduce_dense(Encoder& encoder, ReduceOp op, const Source& in, const Shape& shape,
                  const Strides& strides, const std::vector<int>& axes, array& out) {
  std::vector<int> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return strides[a] > strides[b]; });
  std::vector<Run> runs;
  Strides out_strides(out.ndim(), 1);
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    int d = order[i];
    out_strides[d] = stride;
    stride *= out.shape()[d];
  }
  for (int d : order) {
    if (shape[d] == 1) continue;
    bool is_reduced = std::find(axes.begin(), axes.end(), d) != axes.end();
    if (!runs.empty() && runs.back().is_reduced == is_reduced) {
      runs.back().length *= shape[d];
    } else {
      runs.push_back({shape[d], is_reduced});
    }
  }
  array::Flags flags = view_flags(out.shape(), out_strides, out.size());
  if (flags.row_contiguous) {
    encoder.allocate(out);
  } else {
    encoder.allocate(out, out_strides, flags);
  }
  size_t num_reduced =
      std::count_if(runs.begin(), runs.end(), [](const Run& run) { return run.is_reduced; });
  if (num_reduced == 0) {
    runs.push_back({1, true});
    num_reduced = 1;
  }
  Source current = in;
  array last = out;  // keeps what is read next
  for (; num_reduced > 0; --num_reduced) {
    size_t at = runs.size();
    while (!runs[--at].is_reduced) {
    }
    int64_t outer = 1;
    int64_t inner = 1;
    for (size_t i = 0; i < at; ++i) outer *= runs[i].length;
    for (size_t i = at + 1; i < runs.size(); ++i) inner *= runs[i].length;
    array target = num_reduced == 1 ? out
                                    : encoder.temporary({static_cast<int>(outer * inner)},
                                                        partial_dtype(out.dtype()));
    reduce_source(encoder, op, current, target, outer, runs[at].length, inner);
    last = target;
    current = {last.dtype(), &last};
    runs.erase(runs.begin() + static_cast<ptrdiff_t>(at));
  }
}

void eval_reduce(const Primitive& primitive, const std::vector<array>& inputs,
                 std::vector<array>& outputs) {
  auto [type, axes] = static_cast<const Reduce&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  ReduceOp op = to_op(type);
  array& out = outputs[0];
  if (out.size() == 0) {
    encoder.allocate(out);
    return;
  }
  if (inputs[0].size() == 0) {
    encoder.allocate(out);
    fill_neutral(encoder, op, out);
    return;
  }
  // In the order of memory: a dense array in any order of dimensions needs no copy.
  array in = inputs[0];
  bool dense = in.flags().contiguous && in.data_size() == in.size();
  if (!dense) in = as_row_contiguous(encoder, in);
  reduce_dense(encoder, op, {in.dtype(), &in}, in.shape(), in.strides(), axes, out);
}

/** A tape's value goes into the reduction as it would be read from memory: with the same bits. */
void eval_fused_reduce(const Primitive& primitive, const std::vector<array>& inputs,
                       std::vector<array>& outputs) {
  const auto& fused = static_cast<const FusedReduce&>(primitive);
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  TapeValue value(encoder, fused.tape(), fused.dtype(), fused.shape(), inputs);
  if (!value.fits() || out.size() == 0) {
    // Layouts that are not read in order: the value is stored, then reduced.
    std::vector<array> stored{array::placeholder(fused.shape(), fused.dtype())};
    run_tape(encoder, fused.tape(), inputs, stored);
    eval_reduce(*fused.reduce(), stored, outputs);
    return;
  }
  auto [type, axes] = static_cast<const Reduce&>(*fused.reduce()).state();
  reduce_dense(encoder, to_op(type), {fused.dtype(), nullptr, &value}, fused.shape(),
               row_major_strides(fused.shape()), axes, out);
}

void eval_arg_reduce(const Primitive& primitive, const std::vector<array>& inputs,
                     std::vector<array>& outputs) {
  auto [type, axis] = static_cast<const ArgReduce&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  encoder.allocate(out);
  if (out.size() == 0) return;
  // The axis goes last; the order of the others stays, as in the output.
  const array& in = inputs[0];
  Shape shape = in.shape();
  Strides strides = in.strides();
  if (in.ndim() > 0) {
    shape.erase(shape.begin() + axis);
    shape.push_back(in.shape()[axis]);
    strides.erase(strides.begin() + axis);
    strides.push_back(in.strides()[axis]);
  }
  array moved = array::placeholder(shape, in.dtype());
  moved.copy_shared_buffer(in, strides, view_flags(shape, strides, in.data_size()), in.data_size());
  array rows = as_row_contiguous(encoder, moved);
  int64_t n = in.ndim() == 0 ? 1 : in.shape()[axis];
  CuDevicePtr source = encoder.input(rows);
  mlx_device::RowArgs args{reinterpret_cast<const void*>(source),
                           reinterpret_cast<void*>(encoder.output(out)),
                           static_cast<long long>(rows.size()) / n, n};
  int width = vector_width(source, rows.itemsize(), n, n);
  int threads = n >= 8192 ? 512 : n >= 1024 ? 256 : n >= 128 ? 64 : 32;
  std::string name = fmt::format("arg_reduce_{}_{}_{}_{}", device_type(in.dtype()),
                                 static_cast<int>(type), width, threads);
  const Kernel& kernel = get_kernel(name, [&, type = type] {
    return simple_source(name, "reduce.cuh",
                         fmt::format("arg_reduce_rows<{}, {}, {}, {}>", device_type(in.dtype()),
                                     type == ArgReduce::ArgMax, width, threads),
                         "RowArgs", threads);
  });
  encoder.launch(kernel, {static_cast<unsigned>(args.rows)}, {static_cast<unsigned>(threads)},
                 args);
}

}  // namespace

void register_reduce(KernelTable& table) {
  table.add<Reduce>(eval_reduce);
  table.add<ArgReduce>(eval_arg_reduce);
  table.add<FusedReduce>(eval_fused_reduce);
}

}  // namespace mlx::core::cuda
