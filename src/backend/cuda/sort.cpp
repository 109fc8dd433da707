// Sort, argsort, partition and searchsorted on the GPU.
#include "backend/cuda/sort.h"

#include <bit>

#include "backend/cuda/kernels/args.h"
#include "backend/cuda/rows.h"
#include "backend/cuda/scan.h"
#include "graph/shape.h"
#include "mlx/primitives/sort.h"

namespace mlx::core::cuda {

using mlx_device::ScanArgs;
using mlx_device::SortArgs;

namespace {

constexpr int64_t kShortRow = 2048;
constexpr int64_t kRadixTile = 4096;  // of the kernel

unsigned blocks_of(int64_t count) { return static_cast<unsigned>((count + 255) / 256); }

const Kernel& sort_kernel(const std::string& body, const std::string& name, int threads) {
  return get_kernel(name,
                    [&] { return simple_source(name, "sort.cuh", body, "SortArgs", threads); });
}

/** Exclusive sums of each row of counts, in place of a copy. */
array exclusive_sums(Encoder& encoder, const array& counts, int64_t rows, int64_t n) {
  array whole = array::placeholder({static_cast<int>(rows), static_cast<int>(n)}, uint32);
  whole.copy_shared_buffer(counts, row_major_strides(whole.shape()), {true, true, false},
                           counts.size());
  array result = array::placeholder(whole.shape(), uint32);
  Scan scan(Stream(0, Device::gpu), Scan::Sum, 1, false, false);
  run_scan(encoder, scan, whole, result);
  return result;
}

struct Keys {
  array keys;
  array places;
};

/** All radix passes over rows of keys; the places go along if `with_places`. */
Keys radix_sort(Encoder& encoder, Keys current, int64_t rows, int64_t n, bool with_places) {
  const char* type = bits_type(current.keys.itemsize());
  int64_t blocks = (n + kRadixTile - 1) / kRadixTile;
  Keys other{encoder.temporary(current.keys.shape(), current.keys.dtype()),
             with_places ? encoder.temporary(current.places.shape(), uint32) : current.places};
  const Kernel& count =
      sort_kernel(fmt::format("radix_count<{}>", type), fmt::format("radix_count_{}", type), 256);
  const Kernel& move = sort_kernel(fmt::format("radix_move<{}, {}>", type, with_places),
                                   fmt::format("radix_move_{}_{}", type, with_places), 256);
  for (int shift = 0; shift < static_cast<int>(8 * current.keys.itemsize()); shift += 8) {
    SortArgs args{};
    args.rows = rows;
    args.n = n;
    args.blocks = blocks;
    args.shift = shift;
    array counts = encoder.temporary({static_cast<int>(rows * 256 * blocks)}, uint32);
    args.in = pointer(encoder.input(current.keys));
    args.counts = mutable_pointer(encoder.output(counts));
    encoder.launch(count, {static_cast<unsigned>(rows * blocks)}, {256}, args);
    array sums = exclusive_sums(encoder, counts, rows, 256 * blocks);
    args.in = pointer(encoder.input(current.keys));
    args.counts = mutable_pointer(encoder.input(sums));
    args.out = mutable_pointer(encoder.output(other.keys));
    if (with_places) {
      args.indices_in = pointer(encoder.input(current.places));
      args.indices_out = mutable_pointer(encoder.output(other.places));
    }
    encoder.launch(move, {static_cast<unsigned>(rows * blocks)}, {256}, args);
    std::swap(current, other);
  }
  return current;
}

/** Sorts rows of the last axis: values, or the places they come from. */
void sort_rows(Encoder& encoder, const Rows& rows, const array& out, bool places) {
  const char* type = device_type(rows.x.dtype());
  SortArgs args{};
  args.rows = rows.count;
  args.n = rows.length;
  if (rows.length <= kShortRow) {
    auto size =
        static_cast<int>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(rows.length, 64))));
    int threads = std::min(512, size / 2);
    const Kernel& kernel =
        sort_kernel(fmt::format("sort_short_rows<{}, {}, {}>", type, size, places),
                    fmt::format("sort_short_{}_{}_{}", type, size, places), threads);
    args.in = pointer(encoder.input(rows.x));
    args.out = mutable_pointer(encoder.output(out));
    encoder.launch(kernel, {static_cast<unsigned>(rows.count)}, {static_cast<unsigned>(threads)},
                   args);
    return;
  }
  // A complex value cannot be had back from its key: the places are sorted and the values fetched.
  size_t itemsize = rows.x.itemsize();
  Dtype key_dtype = itemsize == 1   ? uint8
                    : itemsize == 2 ? uint16
                    : itemsize == 4 ? uint32
                                    : uint64;
  Shape shape{static_cast<int>(rows.count), static_cast<int>(rows.length)};
  Keys keys{encoder.temporary(shape, key_dtype),
            encoder.temporary(places ? shape : Shape{1}, uint32)};
  args.in = pointer(encoder.input(rows.x));
  args.out = mutable_pointer(encoder.output(keys.keys));
  args.indices_out = mutable_pointer(encoder.output(keys.places));
  const Kernel& make = sort_kernel(fmt::format("make_sort_keys<{}, {}>", type, places),
                                   fmt::format("make_sort_keys_{}_{}", type, places), 256);
  encoder.launch(make, {blocks_of(rows.count * rows.length)}, {256}, args);
  Keys sorted = radix_sort(encoder, keys, rows.count, rows.length, places);
  if (places) {
    encoder.copy_array(sorted.places, out);
    return;
  }
  args.in = pointer(encoder.input(sorted.keys));
  args.out = mutable_pointer(encoder.output(out));
  const Kernel& values = sort_kernel(fmt::format("values_of_sort_keys<{}>", type),
                                     fmt::format("sort_values_{}", type), 256);
  encoder.launch(values, {blocks_of(rows.count * rows.length)}, {256}, args);
}

void run_sort(const Primitive& primitive, int axis, const array& in, array& out, bool places) {
  Encoder& encoder = Encoder::of(primitive.stream());
  if (out.size() == 0) {
    encoder.allocate(out);
    return;
  }
  if (in.dtype() == complex64 && !places && in.shape(axis) > kShortRow) {
    throw_runtime("sort", "No kernel for the GPU for complex64 rows longer than {}; use mx.cpu.",
                  kShortRow);
  }
  int last = static_cast<int>(in.ndim()) - 1;
  if (axis == last) {
    encoder.allocate(out);
    sort_rows(encoder, as_rows(encoder, in), out, places);
    return;
  }
  // The axis goes last, and back in the strides of the output.
  Shape shape = in.shape();
  Strides strides = in.strides();
  std::swap(shape[axis], shape[last]);
  std::swap(strides[axis], strides[last]);
  array moved = array::placeholder(shape, in.dtype());
  moved.copy_shared_buffer(in, strides, view_flags(shape, strides, in.data_size()), in.data_size());
  Strides out_strides = row_major_strides(shape);
  std::swap(out_strides[axis], out_strides[last]);
  encoder.allocate(out, out_strides, view_flags(out.shape(), out_strides, out.size()));
  sort_rows(encoder, as_rows(encoder, moved), out, places);
}

void eval_sort(const Primitive& primitive, const std::vector<array>& inputs,
               std::vector<array>& outputs) {
  run_sort(primitive, static_cast<const Sort&>(primitive).state(), inputs[0], outputs[0], false);
}
void eval_argsort(const Primitive& primitive, const std::vector<array>& inputs,
                  std::vector<array>& outputs) {
  run_sort(primitive, static_cast<const ArgSort&>(primitive).state(), inputs[0], outputs[0], true);
}
// A sorted row is a partition for every kth.
void eval_partition(const Primitive& primitive, const std::vector<array>& inputs,
                    std::vector<array>& outputs) {
  run_sort(primitive, static_cast<const Partition&>(primitive).state().second, inputs[0],
           outputs[0], false);
}
void eval_argpartition(const Primitive& primitive, const std::vector<array>& inputs,
                       std::vector<array>& outputs) {
  run_sort(primitive, static_cast<const ArgPartition&>(primitive).state().second, inputs[0],
           outputs[0], true);
}

void eval_searchsorted(const Primitive& primitive, const std::vector<array>& inputs,
                       std::vector<array>& outputs) {
  Encoder& encoder = Encoder::of(primitive.stream());
  encoder.allocate(outputs[0]);
  if (outputs[0].size() == 0) return;
  array sorted = as_row_contiguous(encoder, inputs[0]);
  array values = as_row_contiguous(encoder, inputs[1]);
  SortArgs args{};
  args.in = pointer(encoder.input(sorted));
  args.values = pointer(encoder.input(values));
  args.out = mutable_pointer(encoder.output(outputs[0]));
  args.rows = static_cast<long long>(values.size());
  args.n = static_cast<long long>(sorted.size());
  args.right = static_cast<const SearchSorted&>(primitive).state();
  const char* type = device_type(sorted.dtype());
  const Kernel& kernel = sort_kernel(fmt::format("search_sorted<{}>", type),
                                     fmt::format("search_sorted_{}", type), 256);
  encoder.launch(kernel, {blocks_of(args.rows)}, {256}, args);
}

}  // namespace

std::pair<array, array> sort_pairs(Encoder& encoder, const array& keys) {
  auto n = static_cast<int64_t>(keys.size());
  array places = encoder.temporary(keys.shape(), uint32);
  array copy = encoder.temporary(keys.shape(), uint64);
  SortArgs args{};
  args.rows = 1;
  args.n = n;
  args.in = pointer(encoder.input(keys));
  args.out = mutable_pointer(encoder.output(copy));
  args.indices_out = mutable_pointer(encoder.output(places));
  const Kernel& make =
      sort_kernel("make_sort_keys<uint64_t, true>", "make_sort_keys_uint64_t_true", 256);
  encoder.launch(make, {blocks_of(n)}, {256}, args);
  Keys sorted = radix_sort(encoder, {copy, places}, 1, n, true);
  return {sorted.keys, sorted.places};
}

void register_sort(KernelTable& table) {
  table.add<Sort>(eval_sort);
  table.add<ArgSort>(eval_argsort);
  table.add<Partition>(eval_partition);
  table.add<ArgPartition>(eval_argpartition);
  table.add<SearchSorted>(eval_searchsorted);
}

}  // namespace mlx::core::cuda
