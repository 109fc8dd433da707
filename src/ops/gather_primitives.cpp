// Derivatives, batching and shapes of the reads at computed places: their transposes are writes.
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/primitives/indexing.h"
#include "ops/indexing_batches.h"

namespace mlx::core {

// Gather

bool Gather::is_equivalent(const Primitive& other) const {
  return same_state<Gather>(*this, other);
}

Arrays Gather::vjp(const Arrays& primals, const Arrays& cotangents, const std::vector<int>& argnums,
                   const Arrays&) {
  Arrays grads;
  Arrays indices(primals.begin() + 1, primals.end());
  for (int i : argnums) {
    grads.push_back(i == 0 ? scatter_add(zeros_of(primals[0], stream()), indices, cotangents[0],
                                         axes_, stream())
                           : zeros_of(primals[i], stream()));
  }
  return grads;
}

Arrays Gather::jvp(const Arrays& primals, const Arrays& tangents, const std::vector<int>& argnums) {
  Arrays indices(primals.begin() + 1, primals.end());
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) return {gather(tangents[i], indices, axes_, slice_sizes_, stream())};
  }
  return {zeros_of(gather(primals[0], indices, axes_, slice_sizes_, stream()), stream())};
}

Batched Gather::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  bool batched_indices = false;
  for (size_t i = 1; i < inputs.size(); ++i) batched_indices |= axes[i] >= 0;
  const int size = batch_size(inputs, axes);
  Arrays indices(inputs.begin() + 1, inputs.end());
  const int index_ndim = indices.empty() ? 0 : static_cast<int>(indices[0].ndim());
  if (!batched_indices) {
    // The batch goes through as one more dimension of the slices.
    array source = moveaxis(inputs[0], axes[0], 0, stream());
    Shape slice_sizes = slice_sizes_;
    slice_sizes.insert(slice_sizes.begin(), size);
    return {{gather(source, indices, shifted(axes_), slice_sizes, stream())}, {index_ndim}};
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    indices[i] = with_batch(indices[i], axes[i + 1], size, stream());
  }
  if (axes[0] < 0) return {{gather(inputs[0], indices, axes_, slice_sizes_, stream())}, {0}};
  // Each batch element reads its own source: the batch is one more indexed axis.
  const int ndim = static_cast<int>(indices[0].ndim());
  array source = moveaxis(inputs[0], axes[0], 0, stream());
  Shape slice_sizes = slice_sizes_;
  slice_sizes.insert(slice_sizes.begin(), 1);
  std::vector<int> gather_axes = shifted(axes_);
  gather_axes.insert(gather_axes.begin(), 0);
  indices.insert(indices.begin(), batch_indices(size, ndim, stream()));
  array out = gather(source, indices, gather_axes, slice_sizes, stream());
  return {{squeeze(out, ndim, stream())}, {0}};
}

// GatherAxis

bool GatherAxis::is_equivalent(const Primitive& other) const {
  return same_state<GatherAxis>(*this, other);
}

Arrays GatherAxis::vjp(const Arrays& primals, const Arrays& cotangents,
                       const std::vector<int>& argnums, const Arrays&) {
  Arrays grads;
  for (int i : argnums) {
    grads.push_back(i == 0 ? scatter_add_axis(zeros_of(primals[0], stream()), primals[1],
                                              cotangents[0], axis_, stream())
                           : zeros_of(primals[i], stream()));
  }
  return grads;
}

Arrays GatherAxis::jvp(const Arrays& primals, const Arrays& tangents,
                       const std::vector<int>& argnums) {
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) return {take_along_axis(tangents[i], primals[1], axis_, stream())};
  }
  return {filled(primals[1].shape(), 0, primals[0].dtype(), stream())};
}

Batched GatherAxis::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const int size = batch_size(inputs, axes);
  return {{take_along_axis(with_batch(inputs[0], axes[0], size, stream()),
                           with_batch(inputs[1], axes[1], size, stream()), axis_ + 1, stream())},
          {0}};
}

// DynamicSlice

bool DynamicSlice::is_equivalent(const Primitive& other) const {
  return same_state<DynamicSlice>(*this, other);
}

Arrays DynamicSlice::vjp(const Arrays& primals, const Arrays& cotangents,
                         const std::vector<int>& argnums, const Arrays&) {
  Arrays grads;
  for (int i : argnums) {
    grads.push_back(i == 0 ? slice_update(zeros_of(primals[0], stream()), cotangents[0], primals[1],
                                          axes_, stream())
                           : zeros_of(primals[1], stream()));
  }
  return grads;
}

Arrays DynamicSlice::jvp(const Arrays& primals, const Arrays& tangents,
                         const std::vector<int>& argnums) {
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) return {slice(tangents[i], primals[1], axes_, slice_size_, stream())};
  }
  return {filled(slice_size_, 0, primals[0].dtype(), stream())};
}

Batched DynamicSlice::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const int size = batch_size(inputs, axes);
  if (axes[1] < 0) {
    Shape slice_size = slice_size_;
    slice_size.insert(slice_size.begin(), size);
    return {{slice(moveaxis(inputs[0], axes[0], 0, stream()), inputs[1], shifted(axes_), slice_size,
                   stream())},
            {0}};
  }
  // Starts of their own for each batch element: a gather of one slice each.
  array starts = moveaxis(inputs[1], axes[1], 0, stream());
  Arrays indices;
  for (size_t k = 0; k < axes_.size(); ++k) {
    indices.push_back(start_column(starts, static_cast<int>(k), stream()));
  }
  if (axes[0] < 0) return {{gather(inputs[0], indices, axes_, slice_size_, stream())}, {0}};
  indices.insert(indices.begin(), batch_indices(size, 1, stream()));
  std::vector<int> gather_axes = shifted(axes_);
  gather_axes.insert(gather_axes.begin(), 0);
  Shape slice_size = slice_size_;
  slice_size.insert(slice_size.begin(), 1);
  array out =
      gather(moveaxis(inputs[0], axes[0], 0, stream()), indices, gather_axes, slice_size, stream());
  return {{squeeze(out, 1, stream())}, {0}};
}

}  // namespace mlx::core
