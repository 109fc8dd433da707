// Derivatives, batching and shapes of the writes at computed places: their transposes are reads.
#include "base/pool_allocator.h"
#include "graph/shape.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/sort.h"
#include "mlx/primitives/indexing.h"
#include "ops/indexing_batches.h"

namespace mlx::core {

namespace {

/** Starts and stops of a slice as its public function takes them: a stop before the first element
 * of a backward slice must not be mistaken for a position from the end. */
Shape public_stop(const Shape& stop, const Shape& strides, const Shape& shape) {
  Shape result = stop;
  for (size_t i = 0; i < stop.size(); ++i) {
    if (strides[i] < 0 && stop[i] < 0) result[i] = -shape[i] - 1;
  }
  return result;
}

enum class UpdateKind { assign, sum, prod, extremum };

template <class P>
UpdateKind update_kind(typename P::ReduceType type) {
  if (type == P::None) return UpdateKind::assign;
  if (type == P::Sum) return UpdateKind::sum;
  if constexpr (requires { P::Prod; }) {
    if (type == P::Prod) return UpdateKind::prod;
  }
  return UpdateKind::extremum;
}

/** The cotangents of a write's inputs: the target (0), the updates, and whatever says where.
 * `read(x)` gives the elements of x at these places, `assign(x, y)` writes y there, `scale(x, y)`
 * multiplies. */
template <class Read, class Assign, class Scale>
Arrays update_vjp(UpdateKind kind, const Arrays& primals, int updates_index, const array& cotangent,
                  const std::vector<int>& argnums, const array& output, Read&& read,
                  Assign&& assign, Scale&& scale, Stream s) {
  const array& target = primals[0];
  const array& updates = primals[updates_index];
  auto keep_where_equal = [&](const array& a, const array& b, const array& x) {
    return where(equal(a, b, s), x, zeros_of(x, s), s);
  };
  auto of_target = [&] {
    switch (kind) {
      case UpdateKind::assign:
        return assign(cotangent, zeros_of(updates, s));
      case UpdateKind::sum:
        return cotangent;
      case UpdateKind::prod:
        return scale(cotangent, updates);
      case UpdateKind::extremum:
        return keep_where_equal(target, output, cotangent);
    }
    throw_internal("unknown update");
  };
  auto of_updates = [&] {
    if (kind == UpdateKind::prod) return multiply(read(cotangent), read(target), s);
    if (kind != UpdateKind::extremum) return read(cotangent);
    return keep_where_equal(updates, read(output), read(cotangent));
  };
  Arrays grads;
  for (int i : argnums) {
    grads.push_back(i == 0               ? of_target()
                    : i == updates_index ? of_updates()
                                         : zeros_of(primals[i], s));
  }
  return grads;
}

/** The tangents of a write's target and updates, zero where none is given. */
std::pair<array, array> update_tangents(const Arrays& primals, int updates_index,
                                        const Arrays& tangents, const std::vector<int>& argnums,
                                        Stream s) {
  array target = zeros_of(primals[0], s);
  array updates = zeros_of(primals[updates_index], s);
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 0) target = tangents[i];
    if (argnums[i] == updates_index) updates = tangents[i];
  }
  return {target, updates};
}

}  // namespace

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
  const Stream s = stream();
  const Arrays indices(primals.begin() + 1, primals.end() - 1);
  const Shape& shape = primals.back().shape();
  const Shape slice_sizes(shape.end() - primals[0].ndim(), shape.end());
  auto read = [&](const array& x) { return gather(x, indices, axes_, slice_sizes, s); };
  auto assign = [&](const array& x, const array& y) { return scatter(x, indices, y, axes_, s); };
  // Exact where no element is updated twice.
  auto scale = [&](const array& x, const array& y) {
    return scatter_prod(x, indices, y, axes_, s);
  };
  const int last = static_cast<int>(primals.size()) - 1;
  return update_vjp(update_kind<Scatter>(reduce_type_), primals, last, cotangents[0], argnums,
                    outputs[0], read, assign, scale, s);
}

Arrays Scatter::jvp(const Arrays& primals, const Arrays& tangents,
                    const std::vector<int>& argnums) {
  if (reduce_type_ != None && reduce_type_ != Sum)
    return Primitive::jvp(primals, tangents, argnums);
  const int last = static_cast<int>(primals.size()) - 1;
  auto [target, updates] = update_tangents(primals, last, tangents, argnums, stream());
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
                        const std::vector<int>& argnums, const Arrays& outputs) {
  const Stream s = stream();
  auto read = [&](const array& x) { return take_along_axis(x, primals[1], axis_, s); };
  auto assign = [&](const array& x, const array& y) {
    return put_along_axis(x, primals[1], y, axis_, s);
  };
  return update_vjp(update_kind<ScatterAxis>(reduce_type_), primals, 2, cotangents[0], argnums,
                    outputs[0], read, assign, assign, s);
}

Arrays ScatterAxis::jvp(const Arrays& primals, const Arrays& tangents,
                        const std::vector<int>& argnums) {
  auto [target, updates] = update_tangents(primals, 2, tangents, argnums, stream());
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
  auto [target, source] = update_tangents(primals, 2, tangents, argnums, stream());
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
  const Stream s = stream();
  const Shape stop = public_stop(stop_, strides_, primals[0].shape());
  auto read = [&](const array& x) { return slice(x, start_, stop, strides_, s); };
  auto assign = [&](const array& x, const array& y) {
    return slice_update(x, y, start_, stop, strides_, s);
  };
  auto scale = [&](const array& x, const array& y) {
    return slice_update_prod(x, y, start_, stop, strides_, s);
  };
  return update_vjp(update_kind<SliceUpdate>(reduce_type_), primals, 1, cotangents[0], argnums,
                    outputs[0], read, assign, scale, s);
}

Arrays SliceUpdate::jvp(const Arrays& primals, const Arrays& tangents,
                        const std::vector<int>& argnums) {
  if (reduce_type_ != None && reduce_type_ != Sum)
    return Primitive::jvp(primals, tangents, argnums);
  auto [target, updates] = update_tangents(primals, 1, tangents, argnums, stream());
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

// DynamicSliceUpdate

bool DynamicSliceUpdate::is_equivalent(const Primitive& other) const {
  return same_state<DynamicSliceUpdate>(*this, other);
}

Arrays DynamicSliceUpdate::vjp(const Arrays& primals, const Arrays& cotangents,
                               const std::vector<int>& argnums, const Arrays& outputs) {
  const Stream s = stream();
  const array& start = primals[2];
  auto read = [&](const array& x) { return slice(x, start, axes_, primals[1].shape(), s); };
  auto assign = [&](const array& x, const array& y) { return slice_update(x, y, start, axes_, s); };
  return update_vjp(UpdateKind::assign, primals, 1, cotangents[0], argnums, outputs[0], read,
                    assign, assign, s);
}

Arrays DynamicSliceUpdate::jvp(const Arrays& primals, const Arrays& tangents,
                               const std::vector<int>& argnums) {
  auto [target, updates] = update_tangents(primals, 1, tangents, argnums, stream());
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
