// Sort, argsort, partition and searchsorted on the GPU.
#include "backend/cuda/sort.h"

#include <algorithm>
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

constexpr int64_t kRadixTile = 8192;  // of the kernel
constexpr unsigned kThreads = 512;

unsigned blocks_of(int64_t count) { return static_cast<unsigned>((count + 255) / 256); }

const Kernel& sort_kernel(const std::string& body, const std::string& name, int threads,
                          int min_blocks = 1) {
  return get_kernel(
      name, [&] { return simple_source(name, "sort.cuh", body, "SortArgs", threads, min_blocks); });
}

/** Exclusive sums of each row of counts. */
array exclusive_sums(Encoder& encoder, const array& counts, int64_t rows, int64_t n) {
  array whole = array::placeholder({static_cast<int>(rows), static_cast<int>(n)}, uint32);
  whole.copy_shared_buffer(counts, row_major_strides(whole.shape()), {true, true, false},
                           counts.size());
  Scan scan(Stream(0, Device::gpu), Scan::Sum, 1, false, false);
  array result = array::placeholder(whole.shape(), uint32);
  run_scan(encoder, scan, whole, result);
  return result;
}

/** What radix passes give; the names of the device's SortResult. */
enum class Result { values, places, pairs };

std::string flat(std::string text) {
  std::erase_if(text, [](char c) { return c == '<' || c == '>' || c == ' '; });
  std::replace(text.begin(), text.end(), ',', '_');
  return text;
}

/** Rows up to this length are sorted by comparisons; 8 bytes a key are many radix passes. */
int64_t short_row(Dtype dtype) { return dtype.size() > 4 ? 1024 : 256; }

/** All passes of rows that fit a tile, by a block a row. */
void radix_sort_in_tiles(Encoder& encoder, const array& in, int64_t rows, int64_t n, bool places,
                         const array& out) {
  const int threads = n > 4096 ? 512 : 256;
  const auto steps =
      static_cast<int>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(n, 512)))) / threads;
  const int min_blocks = in.itemsize() > 4 ? 1
                         : threads == 512  ? 2
                         : steps == 16     ? 3
                         : steps == 8      ? 4
                                           : 6;
  std::string of = fmt::format("<{}, {}, {}, {}>", device_type(in.dtype()),
                               places ? "kSortedPlaces" : "kSortedValues", threads, steps);
  SortArgs args{};
  args.in = pointer(encoder.input(in));
  args.out = mutable_pointer(encoder.output(out));
  args.n = n;
  const size_t shared = static_cast<size_t>(threads) * steps * std::max<size_t>(in.itemsize(), 2);
  encoder.launch(sort_kernel("radix_row" + of, "radix_row_" + flat(of), threads, min_blocks),
                 {static_cast<unsigned>(rows)}, {static_cast<unsigned>(threads)}, args, shared);
}

/** All radix passes over rows of `in`: into `to_keys` (sorted values, or the keys of pairs) and
 * `to_places`. */
void radix_sort(Encoder& encoder, const array& in, int64_t rows, int64_t n, Result result,
                const array* to_keys, const array* to_places) {
  if (n <= kRadixTile && result != Result::pairs) {
    const bool places = result == Result::places;
    radix_sort_in_tiles(encoder, in, rows, n, places, places ? *to_places : *to_keys);
    return;
  }
  const char* type = device_type(in.dtype());
  const char* what = result == Result::values   ? "kSortedValues"
                     : result == Result::places ? "kSortedPlaces"
                                                : "kSortedPairs";
  const auto itemsize = static_cast<int>(in.itemsize());
  const int passes = itemsize;
  const int64_t blocks = (n + kRadixTile - 1) / kRadixTile;
  const bool with_places = result != Result::values;
  Dtype key_dtype = itemsize == 1   ? uint8
                    : itemsize == 2 ? uint16
                    : itemsize == 4 ? uint32
                                    : uint64;
  const Shape shape{static_cast<int>(rows), static_cast<int>(n)}, none{1};
  array counts = encoder.temporary({static_cast<int>(rows * 256 * blocks)}, uint32);
  array key_a = encoder.temporary(passes > 1 ? shape : none, key_dtype);
  array key_b = encoder.temporary(passes > 2 ? shape : none, key_dtype);
  array place_a = encoder.temporary(passes > 1 && with_places ? shape : none, uint32);
  array place_b = encoder.temporary(passes > 2 && with_places ? shape : none, uint32);
  // Passes between the first and the last see keys only, whatever the elements were.
  const char* bits = bits_type(itemsize);
  for (int pass = 0; pass < passes; ++pass) {
    const bool first = pass == 0, last = pass == passes - 1;
    const array& key_from = first ? in : pass % 2 == 1 ? key_a : key_b;
    const array& place_from = pass % 2 == 1 ? place_a : place_b;
    const array& place_to = last && with_places ? *to_places : pass % 2 == 0 ? place_a : place_b;
    const array* key_to = last ? to_keys : pass % 2 == 0 ? &key_a : &key_b;
    SortArgs args{};
    args.rows = rows;
    args.n = n;
    args.blocks = blocks;
    args.shift = 8 * pass;
    std::string of_count = fmt::format("<{}, {}, {}>", first ? type : bits, what, first);
    std::string of_move =
        fmt::format("<{}, {}, {}, {}>", first || last ? type : bits, what, first, last);
    args.in = pointer(encoder.input(key_from));
    args.counts = mutable_pointer(encoder.output(counts));
    encoder.launch(sort_kernel("radix_count" + of_count, "radix_count_" + flat(of_count), kThreads),
                   {static_cast<unsigned>(rows * blocks)}, {kThreads}, args);
    array sums = exclusive_sums(encoder, counts, rows, 256 * blocks);
    args.in = pointer(encoder.input(key_from));
    args.counts = mutable_pointer(encoder.input(sums));
    if (with_places && !first) args.indices_in = pointer(encoder.input(place_from));
    if (key_to != nullptr) args.out = mutable_pointer(encoder.output(*key_to));
    if (with_places) args.indices_out = mutable_pointer(encoder.output(place_to));
    size_t shared =
        kRadixTile * static_cast<size_t>(with_places ? std::max(itemsize, 4) : itemsize);
    encoder.launch(sort_kernel("radix_move" + of_move, "radix_move_" + flat(of_move), kThreads, 2),
                   {static_cast<unsigned>(rows * blocks)}, {kThreads}, args, shared);
  }
}

/** Sorts rows of the last axis: values, or the places they come from. */
void sort_rows(Encoder& encoder, const Rows& rows, const array& out, bool places) {
  const char* type = device_type(rows.x.dtype());
  SortArgs args{};
  args.rows = rows.count;
  args.n = rows.length;
  if (rows.length <= short_row(rows.x.dtype())) {
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
  const bool fetch = rows.x.dtype() == complex64 && !places;
  if (!fetch) {
    radix_sort(encoder, rows.x, rows.count, rows.length, places ? Result::places : Result::values,
               places ? nullptr : &out, places ? &out : nullptr);
    return;
  }
  array order =
      encoder.temporary({static_cast<int>(rows.count), static_cast<int>(rows.length)}, uint32);
  radix_sort(encoder, rows.x, rows.count, rows.length, Result::places, nullptr, &order);
  args.in = pointer(encoder.input(rows.x));
  args.indices_in = pointer(encoder.input(order));
  args.out = mutable_pointer(encoder.output(out));
  const Kernel& values =
      sort_kernel("values_at_places<complex_t>", "values_at_places_complex", 256);
  encoder.launch(values, {blocks_of(rows.count * rows.length)}, {256}, args);
}

void run_sort(const Primitive& primitive, int axis, const array& in, array& out, bool places) {
  Encoder& encoder = Encoder::of(primitive.stream());
  if (out.size() == 0) {
    encoder.allocate(out);
    return;
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
  array sorted = encoder.temporary(keys.shape(), uint64);
  radix_sort(encoder, keys, 1, n, Result::pairs, &sorted, &places);
  return {sorted, places};
}

void register_sort(KernelTable& table) {
  table.add<Sort>(eval_sort);
  table.add<ArgSort>(eval_argsort);
  table.add<Partition>(eval_partition);
  table.add<ArgPartition>(eval_argpartition);
  table.add<SearchSorted>(eval_searchsorted);
}

}  // namespace mlx::core::cuda
