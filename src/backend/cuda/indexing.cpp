// Gather, scatter and slice updates on the GPU. Updates are applied in the order of their indices:
// positions are sorted by where they go, then each place is one thread's.
#include "backend/cuda/indexing.h"

#include <algorithm>

#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "backend/cuda/scan.h"
#include "backend/cuda/sort.h"
#include "graph/shape.h"
#include "mlx/primitives/indexing.h"

namespace mlx::core::cuda {

using mlx_device::AxisArgs;
using mlx_device::IndexArgs;
using mlx_device::kMaxDims;
using mlx_device::kMaxIndexArrays;
using mlx_device::SliceArgs;

namespace {

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

constexpr int kThreads = 256;

unsigned blocks_of(int64_t count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

const Kernel& index_kernel(const std::string& body, const std::string& args) {
  std::string name = body;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return get_kernel(name,
                    [&] { return simple_source(name, "indexing.cuh", body, args, kThreads); });
}

/** The update operators shared by the scatter primitives. */
template <class P>
const char* update_name(typename P::ReduceType type) {
  if (type == P::Sum) return "ReduceSum";
  if (type == P::None) return "Assign";
  if constexpr (requires { P::Prod; }) {
    if (type == P::Prod) return "ReduceProd";
    if (type == P::Max) return "ReduceMax";
    if (type == P::Min) return "ReduceMin";
  }
  throw_internal("unknown update");
}

/** `out` starts as `in`: in its memory where nobody else needs it. */
void start_from(Encoder& encoder, const array& in, array& out) {
  bool reusable = in.is_donatable() && in.flags().row_contiguous && in.data_size() == in.size() &&
                  in.size() > 0 && block_of(in.buffer()).device_valid.load();
  if (reusable) {
    out.copy_shared_buffer(in);
  } else {
    copy_contiguous(encoder, in, out);
  }
}

/** Index arrays of one dtype, row-major in their common shape. */
std::vector<array> prepare_indices(Encoder& encoder, const array* indices, size_t count,
                                   const Shape& shape) {
  std::vector<array> prepared;
  for (size_t k = 0; k < count; ++k) {
    array index = indices[k];
    if (index.shape() != shape) {
      Strides strides(shape.size(), 0);
      size_t lead = shape.size() - index.ndim();
      for (size_t i = 0; i < index.ndim(); ++i)
        strides[lead + i] = index.shape()[i] == 1 ? 0 : index.strides()[i];
      array spread = array::placeholder(shape, index.dtype());
      spread.copy_shared_buffer(index, strides, view_flags(shape, strides, index.data_size()),
                                index.data_size());
      index = spread;
    }
    if (k > 0 && index.dtype() != prepared[0].dtype()) {
      for (array* one : {&prepared[0], &index}) {
        std::vector<array> outputs{array::placeholder(one->shape(), int64)};
        run_tape(encoder, cast_tape(one->dtype(), int64), {*one}, outputs);
        *one = outputs[0];
      }
    }
    prepared.push_back(as_row_contiguous(encoder, index));
  }
  // An early one may have another dtype than the last.
  for (array& index : prepared) {
    if (index.dtype() == prepared.back().dtype()) continue;
    std::vector<array> outputs{array::placeholder(index.shape(), prepared.back().dtype())};
    run_tape(encoder, cast_tape(index.dtype(), prepared.back().dtype()), {index}, outputs);
    index = outputs[0];
  }
  return prepared;
}

void check_ranks(size_t num_indices, size_t dims) {
  if (num_indices > static_cast<size_t>(kMaxIndexArrays) || dims > static_cast<size_t>(kMaxDims)) {
    throw_runtime(
        "gpu", "indexing with {} index arrays over {} dimensions: at most {} and {} are supported.",
        num_indices, dims, kMaxIndexArrays, kMaxDims);
  }
}

/** Fills what gather and scatter share; `target` is what the indices name places of. `unit`
 * elements move together. */
void set_axes(Encoder& encoder, IndexArgs& args, const array& target,
              const std::vector<array>& indices, const std::vector<int>& axes, const Shape& slice,
              int64_t unit) {
  args.num_indices = static_cast<int>(axes.size());
  for (size_t k = 0; k < axes.size(); ++k) {
    args.indices[k] = pointer(encoder.input(indices[k]));
    args.lengths[k] = target.shape()[axes[k]];
    args.max_starts[k] = target.shape()[axes[k]] - slice[axes[k]];
    args.axis_strides[k] = target.strides()[axes[k]] / unit;
  }
}

int set_slice(IndexArgs& args, const Shape& dims, const Strides& strides, int64_t unit) {
  size_t last = dims.size() - 1;
  args.slice = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    size_t from = last - d;
    args.shape[d] = d == 0 ? dims[from] / unit : dims[from];
    args.strides[d] = d == 0 ? strides[from] : strides[from] / unit;
    args.slice *= args.shape[d];
  }
  return static_cast<int>(dims.size());
}

const char* index_type(const std::vector<array>& indices) {
  return indices.empty() ? "uint32_t" : device_type(indices[0].dtype());
}

void eval_gather(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, slice] = static_cast<const Gather&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  encoder.allocate(out);
  if (out.size() == 0) return;
  const array& source = inputs[0];
  Shape index_shape(out.shape().begin(), out.shape().end() - static_cast<ptrdiff_t>(slice.size()));
  std::vector<array> indices =
      prepare_indices(encoder, inputs.data() + 1, axes.size(), index_shape);
  auto [dims, all_strides] = collapse_dims(slice, {source.strides()});
  const Strides& strides = all_strides[0];
  check_ranks(axes.size(), dims.size());
  IndexArgs args{};
  CuDevicePtr from = encoder.input(source);
  CuDevicePtr to = encoder.output(out);
  // Neighbours move together, up to 16 bytes.
  auto fits = [&](int64_t unit) {
    auto bytes = static_cast<uint64_t>(unit) * source.itemsize();
    if (bytes > 16 || strides.back() != 1 || dims.back() % unit != 0 || from % bytes != 0 ||
        to % bytes != 0)
      return false;
    for (size_t d = 0; d + 1 < dims.size(); ++d) {
      if (strides[d] % unit != 0) return false;
    }
    for (int axis : axes) {
      if (source.strides()[axis] % unit != 0) return false;
    }
    return true;
  };
  int64_t unit = 1;
  while (fits(2 * unit)) unit *= 2;
  set_axes(encoder, args, source, indices, axes, slice, unit);
  int rank = set_slice(args, dims, strides, unit);
  args.in = pointer(from);
  args.out = mutable_pointer(to);
  args.positions = static_cast<long long>(out.size()) / (args.slice * unit);
  size_t bytes = static_cast<size_t>(unit) * source.itemsize();
  const Kernel& kernel =
      index_kernel(fmt::format("gather<{}, {}, {}>", bytes == 16 ? "Raw16" : bits_type(bytes),
                               index_type(indices), rank),
                   "IndexArgs");
  encoder.launch(kernel, {blocks_of(args.positions * args.slice)}, {kThreads}, args);
}

void eval_gather_axis(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  int axis = static_cast<const GatherAxis&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  encoder.allocate(out);
  if (out.size() == 0) return;
  array source = as_row_contiguous(encoder, inputs[0]);
  array index = as_row_contiguous(encoder, inputs[1]);
  AxisArgs args{};
  args.in = pointer(encoder.input(source));
  args.indices = pointer(encoder.input(index));
  args.out = mutable_pointer(encoder.output(out));
  args.pre = args.post = 1;
  for (int d = 0; d < axis; ++d) args.pre *= out.shape()[d];
  for (size_t d = axis + 1; d < out.ndim(); ++d) args.post *= out.shape()[d];
  args.length = source.shape()[axis];
  args.index_length = out.shape()[axis];
  const Kernel& kernel = index_kernel(
      fmt::format("gather_axis<{}, {}>", bits_type(out.itemsize()), device_type(index.dtype())),
      "AxisArgs");
  encoder.launch(kernel, {blocks_of(static_cast<int64_t>(out.size()))}, {kThreads}, args);
}

/** Updates of slices at index arrays; `updates` is row-major: [positions, slice]. */
void run_scatter(Encoder& encoder, const array& out, const std::vector<array>& indices,
                 const std::vector<int>& axes, const Shape& slice, const array& updates,
                 const char* op) {
  auto [dims, strides] = collapse_dims(slice, {out.strides()});
  check_ranks(axes.size(), dims.size());
  IndexArgs args{};
  int rank = set_slice(args, dims, strides[0], 1);
  args.positions = static_cast<long long>(updates.size()) / args.slice;
  const char* type = device_type(out.dtype());
  bool may_overlap =
      std::any_of(axes.begin(), axes.end(), [&](int axis) { return slice[axis] != 1; });
  if (may_overlap && args.positions > 1) {
    set_axes(encoder, args, out, indices, axes, slice, 1);
    args.in = pointer(encoder.input(updates));
    args.out = mutable_pointer(encoder.output(out));
    const Kernel& kernel = index_kernel(
        fmt::format("scatter_in_order<{}, {}, {}, {}>", type, op, index_type(indices), rank),
        "IndexArgs");
    encoder.launch(kernel, {1}, {32}, args);
    return;
  }
  array keys = encoder.temporary({static_cast<int>(args.positions)}, uint64);
  set_axes(encoder, args, out, indices, axes, slice, 1);
  args.out = mutable_pointer(encoder.output(keys));
  encoder.launch(index_kernel(fmt::format("scatter_keys<{}>", index_type(indices)), "IndexArgs"),
                 {blocks_of(args.positions)}, {kThreads}, args);
  auto [sorted, order] = sort_pairs(encoder, keys);
  args.in = pointer(encoder.input(updates));
  args.keys = pointer(encoder.input(sorted));
  args.order = pointer(encoder.input(order));
  args.out = mutable_pointer(encoder.output(out));
  const Kernel& kernel =
      index_kernel(fmt::format("scatter_sorted<{}, {}, {}>", type, op, rank), "IndexArgs");
  encoder.launch(kernel, {blocks_of(args.positions * args.slice)}, {kThreads}, args);
}

void eval_scatter(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [type, axes] = static_cast<const Scatter&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  start_from(encoder, inputs[0], out);
  if (inputs.back().size() == 0 || out.size() == 0) return;
  array updates = as_row_contiguous(encoder, inputs.back());
  size_t index_ndim = updates.ndim() - out.ndim();
  Shape index_shape(updates.shape().begin(), updates.shape().begin() + index_ndim);
  Shape slice(updates.shape().begin() + index_ndim, updates.shape().end());
  std::vector<array> indices =
      prepare_indices(encoder, inputs.data() + 1, axes.size(), index_shape);
  run_scatter(encoder, out, indices, axes, slice, updates, update_name<Scatter>(type));
}

void eval_scatter_axis(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [type, axis] = static_cast<const ScatterAxis&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  start_from(encoder, inputs[0], out);
  array indices = as_row_contiguous(encoder, inputs[1]);
  array updates = as_row_contiguous(encoder, inputs[2]);
  if (updates.size() == 0 || out.size() == 0) return;
  const char* op = update_name<ScatterAxis>(type);
  AxisArgs args{};
  args.pre = args.post = 1;
  for (int d = 0; d < axis; ++d) args.pre *= out.shape()[d];
  for (size_t d = axis + 1; d < out.ndim(); ++d) args.post *= out.shape()[d];
  args.length = out.shape()[axis];
  args.index_length = updates.shape()[axis];
  if (args.pre * args.post == 1) {
    Shape slice(out.ndim(), 1);
    run_scatter(encoder, out, {indices}, {axis}, slice, updates, op);
    return;
  }
  args.in = pointer(encoder.input(updates));
  args.indices = pointer(encoder.input(indices));
  args.out = mutable_pointer(encoder.output(out));
  const Kernel& kernel =
      index_kernel(fmt::format("scatter_axis<{}, {}, {}>", device_type(out.dtype()), op,
                               device_type(indices.dtype())),
                   "AxisArgs");
  encoder.launch(kernel, {blocks_of(args.pre * args.post)}, {kThreads}, args);
}

void eval_masked_scatter(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  start_from(encoder, inputs[0], out);
  if (out.size() == 0) return;
  array mask = as_row_contiguous(encoder, inputs[1]);
  array source = as_row_contiguous(encoder, inputs[2]);
  int batch = out.shape()[0];
  int row = static_cast<int>(out.size()) / batch;
  array flat = array::placeholder({batch, row}, bool_);
  flat.copy_shared_buffer(mask, row_major_strides(flat.shape()), {true, true, false}, mask.size());
  array counts = array::placeholder(flat.shape(), int32);
  run_scan(encoder, Scan(primitive.stream(), Scan::Sum, 1, false, false), flat, counts);
  IndexArgs args{};
  args.in = pointer(encoder.input(source));
  args.indices[0] = pointer(encoder.input(flat));
  args.order = pointer(encoder.input(counts));
  args.out = mutable_pointer(encoder.output(out));
  args.positions = static_cast<long long>(out.size());
  args.lengths[0] = row;
  args.slice = static_cast<long long>(source.size()) / batch;
  const Kernel& kernel =
      index_kernel(fmt::format("masked_scatter<{}>", bits_type(out.itemsize())), "IndexArgs");
  encoder.launch(kernel, {blocks_of(args.positions)}, {kThreads}, args);
}

/** The common part of the slice kernels: shape and strides of the slice, innermost first. */
void set_dims(SliceArgs& args, const Shape& shape, const Strides& in, const Strides& out) {
  auto [dims, strides] = collapse_dims(shape, {in, out});
  check_ranks(0, dims.size());
  args.size = 1;
  for (int d = 0; d < kMaxDims; ++d) args.shape[d] = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    size_t from = dims.size() - 1 - d;
    args.shape[d] = dims[from];
    args.in_strides[d] = strides[0][from];
    args.out_strides[d] = strides[1][from];
    args.size *= dims[from];
  }
}

void set_starts(Encoder& encoder, SliceArgs& args, const array& sliced, const array& starts,
                const std::vector<int>& axes, const Shape& slice) {
  check_ranks(0, axes.size());
  args.starts = pointer(encoder.input(starts));
  args.num_starts = static_cast<int>(axes.size());
  args.starts_stride = starts.ndim() == 0 ? 0 : starts.strides()[0];
  for (size_t k = 0; k < axes.size(); ++k) {
    args.start_axis_lengths[k] = sliced.shape()[axes[k]];
    args.start_lengths[k] = sliced.shape()[axes[k]] - slice[axes[k]];
    args.start_strides[k] = sliced.strides()[axes[k]];
  }
}

void launch_slice_update(Encoder& encoder, SliceArgs args, const array& out, const array& updates,
                         int64_t offset, const char* op, const char* start_type) {
  args.in = pointer(encoder.input(updates));
  args.out = mutable_pointer(encoder.output(out) + offset * static_cast<int64_t>(out.itemsize()));
  const Kernel& kernel = index_kernel(
      fmt::format("slice_update<{}, {}, {}>", device_type(out.dtype()), op, start_type),
      "SliceArgs");
  encoder.launch(kernel, {blocks_of(args.size)}, {kThreads}, args);
}

void eval_slice_update(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [type, start, stop, steps] = static_cast<const SliceUpdate&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  start_from(encoder, inputs[0], out);
  if (inputs[1].size() == 0 || out.size() == 0) return;
  Strides strides = out.strides();
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    offset += strides[i] * start[i];
    strides[i] *= steps[i];
  }
  if (type == SliceUpdate::None) {
    copy_into(encoder, inputs[1], out, strides, offset);
    return;
  }
  SliceArgs args{};
  set_dims(args, inputs[1].shape(), inputs[1].strides(), strides);
  launch_slice_update(encoder, args, out, inputs[1], offset, update_name<SliceUpdate>(type),
                      "int32_t");
}

void eval_dynamic_slice_update(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto axes = static_cast<const DynamicSliceUpdate&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  start_from(encoder, inputs[0], out);
  if (inputs[1].size() == 0 || out.size() == 0) return;
  SliceArgs args{};
  set_dims(args, inputs[1].shape(), inputs[1].strides(), out.strides());
  set_starts(encoder, args, out, inputs[2], axes, inputs[1].shape());
  launch_slice_update(encoder, args, out, inputs[1], 0, "Assign", device_type(inputs[2].dtype()));
}

void eval_dynamic_slice(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, slice] = static_cast<const DynamicSlice&>(primitive).state();
  Encoder& encoder = Encoder::of(primitive.stream());
  array& out = outputs[0];
  encoder.allocate(out);
  if (out.size() == 0) return;
  SliceArgs args{};
  set_dims(args, out.shape(), inputs[0].strides(), out.strides());
  set_starts(encoder, args, inputs[0], inputs[1], axes, slice);
  args.in = pointer(encoder.input(inputs[0]));
  args.out = mutable_pointer(encoder.output(out));
  const Kernel& kernel =
      index_kernel(fmt::format("dynamic_slice<{}, {}>", bits_type(out.itemsize()),
                               device_type(inputs[1].dtype())),
                   "SliceArgs");
  encoder.launch(kernel, {blocks_of(args.size)}, {kThreads}, args);
}

}  // namespace

void register_indexing(KernelTable& table) {
  table.add<Gather>(eval_gather);
  table.add<GatherAxis>(eval_gather_axis);
  table.add<Scatter>(eval_scatter);
  table.add<ScatterAxis>(eval_scatter_axis);
  table.add<MaskedScatter>(eval_masked_scatter);
  table.add<SliceUpdate>(eval_slice_update);
  table.add<DynamicSlice>(eval_dynamic_slice);
  table.add<DynamicSliceUpdate>(eval_dynamic_slice_update);
}

}  // namespace mlx::core::cuda
