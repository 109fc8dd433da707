// Ranges on the CPU.
#include "backend/cpu/element/creation.h"

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

}  // namespace

void register_creation(KernelTable& table) { table.add<Arange>(eval_arange); }

}  // namespace mlx::core::cpu
