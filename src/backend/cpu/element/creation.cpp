// Ranges and views on the CPU.
#include "backend/cpu/element/creation.h"

#include "backend/cpu/copy.h"
#include "base/dispatch.h"
#include "base/thread_pool.h"
#include "mlx/primitives/creation.h"

namespace mlx::core::cpu {

namespace {

void eval_arange(const Primitive& primitive, const std::vector<array>&,
                 std::vector<array>& outputs) {
  auto [start, stop, step] = static_cast<const Arange&>(primitive).state();
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  dispatch_dtype(out.dtype(), [&, start = start, step = step](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.data<T>();
    auto size = static_cast<int64_t>(out.size());
    parallel_ranges(size, 1 << 16, [&](int64_t begin, int64_t end) {
      if constexpr (std::is_integral_v<T>) {
        auto first = static_cast<int64_t>(start), stride = static_cast<int64_t>(step);
        for (int64_t i = begin; i < end; ++i) to[i] = static_cast<T>(first + i * stride);
      } else {
        for (int64_t i = begin; i < end; ++i) {
          to[i] = static_cast<T>(start + static_cast<double>(i) * step);
        }
      }
    });
  });
}

void eval_view(const Primitive&, const std::vector<array>& inputs, std::vector<array>& outputs) {
  array in = inputs[0];
  array& out = outputs[0];
  size_t from = in.itemsize(), to = out.itemsize();
  bool last_is_dense = in.ndim() > 0 && in.strides().back() == 1;
  if (from != to) {
    // Items can be cut or joined in place if the last axis is dense and the others keep whole items.
    bool fits = last_is_dense;
    for (size_t i = 0; i + 1 < in.ndim() && fits; ++i) {
      fits = in.strides()[i] * static_cast<int64_t>(from) % static_cast<int64_t>(to) == 0;
    }
    fits = fits && static_cast<size_t>(in.offset()) % to == 0;
    if (!fits) {
      array dense = array::placeholder(in.shape(), in.dtype());
      copy_contiguous(in, dense);
      in = dense;
    }
  }
  Strides strides = in.strides();
  for (size_t i = 0; i + 1 < strides.size(); ++i) {
    strides[i] = strides[i] * static_cast<int64_t>(from) / static_cast<int64_t>(to);
  }
  array::Flags flags = in.flags();
  if (from != to) flags.col_contiguous = flags.row_contiguous && out.ndim() <= 1;
  out.copy_shared_buffer(in, strides, flags, in.data_size() * from / to);
}

}  // namespace

void register_creation(KernelTable& table) {
  table.add<Arange>(eval_arange);
  table.add<View>(eval_view);
}

}  // namespace mlx::core::cpu
