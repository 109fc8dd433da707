// Derivatives, batching and shapes of the indexing primitives. Reads and writes at the same places
// are each other's transposes.
#include <numeric>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/indexing.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/shape_like.h"
#include "mlx/ops/sort.h"
#include "mlx/primitives/indexing.h"

namespace mlx::core {

namespace {

using Arrays = std::vector<array>;
using Batched = std::pair<std::vector<array>, std::vector<int>>;

array filled(const Shape& shape, int value, Dtype dtype, Stream s) {
  return broadcast_to(array(value, dtype), shape, s);
}
array zeros_of(const array& like, Stream s) {
  return detail::filled_like(like, 0, like.dtype(), s);
}

template <class P>
bool same_state(const Primitive& a, const Primitive& b) {
  return static_cast<const P&>(a).state() == static_cast<const P&>(b).state();
}

/** The length of the batch. */
int batch_size(const Arrays& inputs, const std::vector<int>& axes) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] >= 0) return inputs[i].shape(axes[i]);
  }
  throw_internal("vmap without a batched input");
}

/** The array with its batch as first axis; an array that has none is repeated. */
array with_batch(const array& x, int axis, int size, Stream s) {
  if (axis >= 0) return moveaxis(x, axis, 0, s);
  Shape shape = x.shape();
  shape.insert(shape.begin(), size);
  return broadcast_to(expand_dims(x, 0, s), shape, s);
}

/** 0, 1, ..., size - 1 along the first of `ndim` dimensions. */
array batch_indices(int size, int ndim, Stream s) {
  std::vector<int> values(size);
  std::iota(values.begin(), values.end(), 0);
  Shape shape(ndim, 1);
  shape[0] = size;
  return array(values.data(), shape, int32);
}

std::vector<int> shifted(std::vector<int> axes, int by = 1) {
  for (int& axis : axes) axis += by;
  return axes;
}

/** Starts and stops of a slice as its public function takes them: a stop before the first element
 * of a backward slice must not be mistaken for a position from the end. */
Shape public_stop(const Shape& stop, const Shape& strides, const Shape& shape) {
  Shape result = stop;
  for (size_t i = 0; i < stop.size(); ++i) {
    if (strides[i] < 0 && stop[i] < 0) result[i] = -shape[i] - 1;
  }
  return result;
}

}  // namespace

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

// Scatter

const char* Scatter::name() const {
  switch (reduce_type_) {
    case Sum:
      return "Scatter Sum";
    case Prod:
      return "Scatter Prod";
    case Min:
      return "Scatter Min";
    case Max:
      return "Scatter Max";
    case None:
      return "Scatter";
  }
  return "Scatter";
}

bool Scatter::is_equivalent(const Primitive& other) const {
  return same_state<Scatter>(*this, other);
}

Arrays Scatter::vjp(const Arrays& primals, const Arrays& cotangents,
                    const std::vector<int>& argnums, const Arrays& outputs) {
  const array& target = primals[0];
  const array& updates = primals.back();
  const array& cotangent = cotangents[0];
  const Arrays indices(primals.begin() + 1, primals.end() - 1);
  const int last = static_cast<int>(primals.size()) - 1;
  const Shape slice_sizes(updates.shape().end() - target.ndim(), updates.shape().end());
  auto read = [&](const array& x) { return gather(x, indices, axes_, slice_sizes, stream()); };
  auto keep_where_equal = [&](const array& a, const array& b, const array& x) {
    return where(equal(a, b, stream()), x, zeros_of(x, stream()), stream());
  };
  Arrays grads;
  for (int i : argnums) {
    if (i > 0 && i < last) {
      grads.push_back(zeros_of(primals[i], stream()));
      continue;
    }
    switch (reduce_type_) {
      case None:
        grads.push_back(
            i == 0 ? scatter(cotangent, indices, zeros_of(updates, stream()), axes_, stream())
                   : read(cotangent));
        break;
      case Sum:
        grads.push_back(i == 0 ? cotangent : read(cotangent));
        break;
      case Prod:
        // Exact where no element is updated twice.
        grads.push_back(i == 0 ? scatter_prod(cotangent, indices, updates, axes_, stream())
                               : multiply(read(cotangent), read(target), stream()));
        break;
      case Max:
      case Min:
        grads.push_back(i == 0 ? keep_where_equal(target, outputs[0], cotangent)
                               : keep_where_equal(updates, read(outputs[0]), read(cotangent)));
        break;
    }
  }
  return grads;
}

Arrays Scatter::jvp(const Arrays& primals, const Arrays& tangents,
                    const std::vector<int>& argnums) {
  if (reduce_type_ != None && reduce_type_ != Sum)
    return Primitive::jvp(primals, tangents, argnums);
  const int last = static_cast<int>(primals.size()) - 1;
  array target = zeros_of(primals[0], stream());
  array updates = zeros_of(primals[last], stream());
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) target = tangents[i];
    if (argnums[i] == last) updates = tangents[i];
  }
  const Arrays indices(primals.begin() + 1, primals.end() - 1);
  return {reduce_type_ == None ? scatter(target, indices, updates, axes_, stream())
                               : scatter_add(target, indices, updates, axes_, stream())};
}

Batched Scatter::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const int size = batch_size(inputs, axes);
  const int ndim = static_cast<int>(inputs[0].ndim()) - (axes[0] >= 0);
  Arrays all;
  for (size_t i = 0; i < inputs.size(); ++i) {
    all.push_back(with_batch(inputs[i], axes[i], size, stream()));
  }
  // The batch is one more indexed axis, along which slices have length 1.
  const int index_ndim = static_cast<int>(all.back().ndim()) - ndim;
  all.back() = expand_dims(all.back(), index_ndim, stream());
  all.insert(all.begin() + 1, batch_indices(size, index_ndim, stream()));
  std::vector<int> scatter_axes = shifted(axes_);
  scatter_axes.insert(scatter_axes.begin(), 0);
  Shape shape = all[0].shape();
  Dtype dtype = all[0].dtype();
  return {
      {array(std::move(shape), dtype,
             make_node<Scatter>(stream(), reduce_type_, std::move(scatter_axes)), std::move(all))},
      {0}};
}

// ScatterAxis

const char* ScatterAxis::name() const {
  return reduce_type_ == Sum ? "ScatterAxis Sum" : "ScatterAxis";
}

bool ScatterAxis::is_equivalent(const Primitive& other) const {
  return same_state<ScatterAxis>(*this, other);
}

Arrays ScatterAxis::vjp(const Arrays& primals, const Arrays& cotangents,
                        const std::vector<int>& argnums, const Arrays&) {
  const array& indices = primals[1];
  const array& cotangent = cotangents[0];
  Arrays grads;
  for (int i : argnums) {
    if (i == 1) {
      grads.push_back(zeros_of(indices, stream()));
    } else if (i == 2) {
      grads.push_back(take_along_axis(cotangent, indices, axis_, stream()));
    } else if (reduce_type_ == Sum) {
      grads.push_back(cotangent);
    } else {
      grads.push_back(
          put_along_axis(cotangent, indices, array(0, cotangent.dtype()), axis_, stream()));
    }
  }
  return grads;
}

Arrays ScatterAxis::jvp(const Arrays& primals, const Arrays& tangents,
                        const std::vector<int>& argnums) {
  array target = zeros_of(primals[0], stream());
  array updates = zeros_of(primals[2], stream());
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) target = tangents[i];
    if (argnums[i] == 2) updates = tangents[i];
  }
  return {reduce_type_ == Sum ? scatter_add_axis(target, primals[1], updates, axis_, stream())
                              : put_along_axis(target, primals[1], updates, axis_, stream())};
}

Batched ScatterAxis::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const int size = batch_size(inputs, axes);
  Arrays all;
  for (size_t i = 0; i < 3; ++i) all.push_back(with_batch(inputs[i], axes[i], size, stream()));
  return {{reduce_type_ == Sum ? scatter_add_axis(all[0], all[1], all[2], axis_ + 1, stream())
                               : put_along_axis(all[0], all[1], all[2], axis_ + 1, stream())},
          {0}};
}

// MaskedScatter

Arrays MaskedScatter::vjp(const Arrays& primals, const Arrays& cotangents,
                          const std::vector<int>& argnums, const Arrays&) {
  const array& mask = primals[1];
  const array& source = primals[2];
  const array& cotangent = cotangents[0];
  Arrays grads;
  for (int i : argnums) {
    if (i == 0) {
      grads.push_back(where(mask, zeros_of(cotangent, stream()), cotangent, stream()));
    } else if (i == 1) {
      grads.push_back(zeros_of(mask, stream()));
    } else {
      // Element j of the source went where the mask holds for the j-th time: these places come
      // first in the stable order by 0 (holds) and 1.
      array order = where(mask, array(0, uint8), array(1, uint8), stream());
      array places = argsort(order, 1, stream());
      array kept = where(mask, cotangent, zeros_of(cotangent, stream()), stream());
      array in_order = take_along_axis(kept, places, 1, stream());
      const int given = in_order.shape(1), wanted = source.shape(1);
      if (given >= wanted) {
        grads.push_back(slice(in_order, {0, 0}, source.shape(), stream()));
      } else {
        grads.push_back(pad(in_order, {1}, {0}, {wanted - given}, array(0, in_order.dtype()),
                            "constant", stream()));
      }
    }
  }
  return grads;
}

Arrays MaskedScatter::jvp(const Arrays& primals, const Arrays& tangents,
                          const std::vector<int>& argnums) {
  array target = zeros_of(primals[0], stream());
  array source = zeros_of(primals[2], stream());
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) target = tangents[i];
    if (argnums[i] == 2) source = tangents[i];
  }
  Shape shape = target.shape();
  Dtype dtype = target.dtype();
  return {array(std::move(shape), dtype, make_node<MaskedScatter>(stream()),
                {target, primals[1], source})};
}

Batched MaskedScatter::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const int size = batch_size(inputs, axes);
  Arrays all;
  for (size_t i = 0; i < 3; ++i) {
    // (batch, rows, n) to (batch * rows, n): each row is masked on its own anyway.
    all.push_back(flatten(with_batch(inputs[i], axes[i], size, stream()), 0, 1, stream()));
  }
  Shape shape = all[0].shape();
  Dtype dtype = all[0].dtype();
  array out(std::move(shape), dtype, make_node<MaskedScatter>(stream()), std::move(all));
  return {{unflatten(out, 0, {size, -1}, stream())}, {0}};
}

// SliceUpdate

const char* SliceUpdate::name() const {
  switch (reduce_type_) {
    case Sum:
      return "SliceUpdate Sum";
    case Prod:
      return "SliceUpdate Prod";
    case Min:
      return "SliceUpdate Min";
    case Max:
      return "SliceUpdate Max";
    case None:
      return "SliceUpdate";
  }
  return "SliceUpdate";
}

bool SliceUpdate::is_equivalent(const Primitive& other) const {
  return same_state<SliceUpdate>(*this, other);
}

Arrays SliceUpdate::vjp(const Arrays& primals, const Arrays& cotangents,
                        const std::vector<int>& argnums, const Arrays& outputs) {
  const array& target = primals[0];
  const array& updates = primals[1];
  const array& cotangent = cotangents[0];
  const Shape stop = public_stop(stop_, strides_, target.shape());
  auto read = [&](const array& x) { return slice(x, start_, stop, strides_, stream()); };
  auto keep_where_equal = [&](const array& a, const array& b, const array& x) {
    return where(equal(a, b, stream()), x, zeros_of(x, stream()), stream());
  };
  Arrays grads;
  for (int i : argnums) {
    switch (reduce_type_) {
      case None:
        grads.push_back(i == 0 ? slice_update(cotangent, zeros_of(updates, stream()), start_, stop,
                                              strides_, stream())
                               : read(cotangent));
        break;
      case Sum:
        grads.push_back(i == 0 ? cotangent : read(cotangent));
        break;
      case Prod:
        grads.push_back(
            i == 0 ? slice_update_prod(cotangent, updates, start_, stop, strides_, stream())
                   : multiply(read(cotangent), read(target), stream()));
        break;
      case Max:
      case Min:
        grads.push_back(i == 0 ? keep_where_equal(target, outputs[0], cotangent)
                               : keep_where_equal(updates, read(outputs[0]), read(cotangent)));
        break;
    }
  }
  return grads;
}

Arrays SliceUpdate::jvp(const Arrays& primals, const Arrays& tangents,
                        const std::vector<int>& argnums) {
  if (reduce_type_ != None && reduce_type_ != Sum)
    return Primitive::jvp(primals, tangents, argnums);
  array target = zeros_of(primals[0], stream());
  array updates = zeros_of(primals[1], stream());
  for (size_t i = 0; i < argnums.size(); ++i) (argnums[i] == 0 ? target : updates) = tangents[i];
  const Shape stop = public_stop(stop_, strides_, primals[0].shape());
  return {reduce_type_ == None
              ? slice_update(target, updates, start_, stop, strides_, stream())
              : slice_update_add(target, updates, start_, stop, strides_, stream())};
}

Batched SliceUpdate::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const int size = batch_size(inputs, axes);
  array target = with_batch(inputs[0], axes[0], size, stream());
  array updates = with_batch(inputs[1], axes[1], size, stream());
  auto with_first = [](Shape shape, int value) {
    shape.insert(shape.begin(), value);
    return shape;
  };
  Shape shape = target.shape();
  Dtype dtype = target.dtype();
  return {{array(std::move(shape), dtype,
                 make_node<SliceUpdate>(stream(), reduce_type_, with_first(start_, 0),
                                        with_first(stop_, size), with_first(strides_, 1)),
                 {target, updates})},
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

namespace {

/** Column k of batched starts. */
array start_column(const array& starts, int k, Stream s) {
  return starts.ndim() == 1 ? starts : take(starts, k, 1, s);
}

}  // namespace

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

// DynamicSliceUpdate

bool DynamicSliceUpdate::is_equivalent(const Primitive& other) const {
  return same_state<DynamicSliceUpdate>(*this, other);
}

Arrays DynamicSliceUpdate::vjp(const Arrays& primals, const Arrays& cotangents,
                               const std::vector<int>& argnums, const Arrays&) {
  const array& updates = primals[1];
  const array& start = primals[2];
  Arrays grads;
  for (int i : argnums) {
    if (i == 0) {
      grads.push_back(
          slice_update(cotangents[0], zeros_of(updates, stream()), start, axes_, stream()));
    } else if (i == 1) {
      grads.push_back(slice(cotangents[0], start, axes_, updates.shape(), stream()));
    } else {
      grads.push_back(zeros_of(start, stream()));
    }
  }
  return grads;
}

Arrays DynamicSliceUpdate::jvp(const Arrays& primals, const Arrays& tangents,
                               const std::vector<int>& argnums) {
  array target = zeros_of(primals[0], stream());
  array updates = zeros_of(primals[1], stream());
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) target = tangents[i];
    if (argnums[i] == 1) updates = tangents[i];
  }
  return {slice_update(target, updates, primals[2], axes_, stream())};
}

Batched DynamicSliceUpdate::vmap(const Arrays& inputs, const std::vector<int>& axes) {
  const int size = batch_size(inputs, axes);
  array target = with_batch(inputs[0], axes[0], size, stream());
  array updates = with_batch(inputs[1], axes[1], size, stream());
  if (axes[2] < 0) {
    return {{slice_update(target, updates, inputs[2], shifted(axes_), stream())}, {0}};
  }
  array starts = moveaxis(inputs[2], axes[2], 0, stream());
  Arrays indices{batch_indices(size, 1, stream())};
  for (size_t k = 0; k < axes_.size(); ++k) {
    indices.push_back(start_column(starts, static_cast<int>(k), stream()));
  }
  std::vector<int> scatter_axes = shifted(axes_);
  scatter_axes.insert(scatter_axes.begin(), 0);
  return {{scatter(target, indices, expand_dims(updates, 1, stream()), scatter_axes, stream())},
          {0}};
}

}  // namespace mlx::core
