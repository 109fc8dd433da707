// The reductions: kernels and layout of one, empty ones, and the two drivers.
#include "backend/cpu/reduce.h"

#include "backend/cpu/reduce_job.h"
#include "graph/shape.h"

namespace mlx::core::cpu {

namespace {

/** True where no order of the operations changes the result. */
bool is_exact(ReduceOp op, Dtype accumulator) {
  return op == ReduceOp::min || op == ReduceOp::max || !issubdtype(accumulator, inexact);
}

void store_identities(const ReduceJob& job) {
  dispatch_accumulator(job.accumulator, [&](auto tag) {
    using A = typename decltype(tag)::type;
    const std::vector<A> values(job.layout.num_outputs, identity_of<A>(job.op));
    ReduceJob packed = job;
    packed.layout.out = {{job.layout.num_outputs, 1}};
    packed.layout.out_base = 0;
    packed.store(0, job.layout.num_outputs, values.data());
  });
}

}  // namespace

bool reduces_in_runs(const Shape& shape, const std::vector<bool>& reduced) {
  ReduceLayout layout = reduce_layout(shape, row_major_strides(shape), reduced, false);
  // Short rows are better reduced side by side from memory.
  return layout.along_rows
             ? is_dense(layout.reduced) && layout.length > static_cast<int64_t>(kShortRow)
             : layout.num_column_dims() == 1 && layout.kept.back().stride == 1;
}

void reduce(ReduceOp op, bool truth, const StridedView& x, const std::vector<bool>& reduced,
            void* out, Dtype out_dtype, const ElementSource* source) {
  const Dtype accumulator = truth ? bool_ : reduce_accumulator(op, x.dtype);
  const bool any_order = source == nullptr && is_exact(op, accumulator);
  ReduceJob job{op,
                x.dtype,
                accumulator,
                static_cast<const char*>(x.data),
                reduce_layout(x.shape, x.strides, reduced, any_order),
                static_cast<char*>(out),
                out_dtype,
                source,
                reduce_kernels(op, accumulator),
                nullptr};
  const bool reads_in_place = truth ? x.dtype == bool_ : true;
  const ReduceKernels* own = reads_in_place ? reduce_kernels(op, x.dtype) : nullptr;
  if (own != nullptr && own->accumulator == job.kernels->accumulator) job.direct = own;
  if (job.layout.num_outputs == 0) return;
  if (job.layout.length == 0) return store_identities(job);
  job.data += job.layout.base * static_cast<int64_t>(x.dtype.size());
  if (job.layout.along_rows)
    reduce_rows(job);
  else
    reduce_columns(job);
}

}  // namespace mlx::core::cpu
