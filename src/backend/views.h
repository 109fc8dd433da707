// Layout primitives, the same on every device: views share the input's buffer; what no strides can
// express is copied by the backend's functions.
#pragma once

#include <algorithm>
#include <optional>

#include "graph/broadcast.h"
#include "graph/shape.h"
#include "mlx/primitives/control.h"
#include "mlx/primitives/creation.h"
#include "mlx/primitives/shape.h"
#include "runtime/kernel_table.h"

namespace mlx::core::views {

/* `Copies` is a backend's way to move elements:
 *   static void allocate(array& out, Stream s);                     memory for a row-major output
 *   static void contiguous(const array& in, array& out, Stream s);  allocates, then copies in
 * row-major order static void into(const array& in, array& out, const Strides& strides, int64_t
 * offset, Stream s); into part of `out`; units are elements */

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

inline void make_view(const array& in, array& out, const Strides& strides, int64_t offset = 0) {
  size_t data_size = in.data_size();
  if (out.size() == 0) data_size = 0;
  out.copy_shared_buffer(in, strides, view_flags(out.shape(), strides, data_size), data_size,
                         offset);
}

template <class Copies>
void eval_as_strided(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [shape, strides, offset] = static_cast<const AsStrided&>(primitive).state();
  const array& in = inputs[0];
  if (!in.flags().row_contiguous) {
    array copied = array::placeholder(in.shape(), in.dtype());
    Copies::contiguous(in, copied, primitive.stream());
    make_view(copied, outputs[0], strides, static_cast<int64_t>(offset));
  } else {
    make_view(in, outputs[0], strides, static_cast<int64_t>(offset));
  }
}

inline void eval_broadcast(const Primitive&, Inputs inputs, Outputs outputs) {
  make_broadcast_view(inputs[0], outputs[0]);
}

inline void eval_expand_dims(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  Strides strides = inputs[0].strides();
  for (int axis : static_cast<const ExpandDims&>(primitive).state()) {
    strides.insert(strides.begin() + axis, 1);
  }
  make_view(inputs[0], outputs[0], strides);
}

inline void eval_squeeze(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  Strides strides = inputs[0].strides();
  const auto& axes = static_cast<const Squeeze&>(primitive).state();
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis)
    strides.erase(strides.begin() + *axis);
  make_view(inputs[0], outputs[0], strides);
}

inline void eval_transpose(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const auto& axes = static_cast<const Transpose&>(primitive).state();
  Strides strides(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) strides[i] = inputs[0].strides()[axes[i]];
  make_view(inputs[0], outputs[0], strides);
}

/** Strides that show the elements of `in` in row-major order under `shape`, if there are any: each
 * run of input dimensions that one stride steps through is cut into output dimensions. */
inline std::optional<Strides> reshape_strides(const array& in, const Shape& shape) {
  if (in.flags().row_contiguous || in.size() == 0) return row_major_strides(shape);
  auto [runs, run_strides] = collapse_dims(in.shape(), {in.strides()});
  Strides strides(shape.size(), 1);
  size_t run = 0;
  int64_t left = runs.empty() ? 1 : runs[0];
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    while (left == 1 && run + 1 < runs.size()) left = runs[++run];
    if (left % shape[i] != 0) return std::nullopt;
    left /= shape[i];
    strides[i] = run_strides[0][run] * left;
  }
  return strides;
}

/** The rows of all of the matrices in `in` as one matrix; `copy` fills a row-contiguous array. */
template <typename Copy>
array as_one_matrix(const array& in, Copy&& copy) {
  auto columns = static_cast<size_t>(in.shape(-1));
  size_t rows = 1;
  for (size_t i = 0; i + 1 < in.ndim(); ++i) rows *= static_cast<size_t>(in.shape()[i]);
  array matrix = array::placeholder({static_cast<ShapeElem>(rows), static_cast<ShapeElem>(columns)},
                                    in.dtype());
  if (auto strides = reshape_strides(in, matrix.shape())) {
    make_view(in, matrix, *strides);
  } else {
    copy(in, matrix);
  }
  return matrix;
}

/** Multiplies matrices, which `multiply(a, b, out)` can for equal batches, also with one matrix b
 * for all of a's rows. */
template <typename Copy, typename Multiply>
void eval_matmul(Inputs inputs, Outputs outputs, Copy&& copy, Multiply&& multiply) {
  const array& b = inputs[1];
  if (b.ndim() != 2 || inputs[0].ndim() == 2) return multiply(inputs[0], b, outputs[0]);
  array a = as_one_matrix(inputs[0], copy);
  array out = array::placeholder({a.shape(0), b.shape(1)}, a.dtype());
  multiply(a, b, out);
  Strides strides = row_major_strides(outputs[0].shape());
  make_view(out, outputs[0], strides);
}

template <class Copies>
void eval_reshape(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  if (auto strides = reshape_strides(inputs[0], outputs[0].shape())) {
    make_view(inputs[0], outputs[0], *strides);
  } else {
    Copies::contiguous(inputs[0], outputs[0], primitive.stream());
  }
}

inline void eval_slice(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [start, stop, steps] = static_cast<const Slice&>(primitive).state();
  const array& in = inputs[0];
  array& out = outputs[0];
  Strides strides(in.ndim());
  int64_t offset = 0;
  for (size_t i = 0; i < in.ndim(); ++i) {
    strides[i] = in.strides()[i] * steps[i];
    offset += in.strides()[i] * start[i];
  }
  if (out.size() == 0) offset = 0;
  size_t span = 1;
  for (size_t i = 0; i < in.ndim(); ++i) {
    span += static_cast<size_t>(std::max(0, out.shape()[i] - 1)) *
            static_cast<size_t>(std::abs(strides[i]));
  }
  size_t data_size = out.size() == 0 ? 0 : span;
  out.copy_shared_buffer(in, strides, view_flags(out.shape(), strides, data_size), data_size,
                         offset);
}

template <class Copies>
void eval_contiguous(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const array& in = inputs[0];
  bool keep = in.flags().row_contiguous ||
              (static_cast<const Contiguous&>(primitive).state() && in.flags().col_contiguous);
  if (keep) {
    outputs[0].copy_shared_buffer(in);
  } else {
    Copies::contiguous(in, outputs[0], primitive.stream());
  }
}

inline void eval_identity(const Primitive&, Inputs inputs, Outputs outputs) {
  outputs[0].copy_shared_buffer(inputs[0]);
}

inline void eval_split(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [indices, axis] = static_cast<const Split&>(primitive).state();
  const array& in = inputs[0];
  for (size_t i = 0; i < outputs.size(); ++i) {
    int64_t start = i == 0 ? 0 : indices[i - 1];
    size_t span = spanned_elements(outputs[i].shape(), in.strides());
    outputs[i].copy_shared_buffer(in, in.strides(),
                                  view_flags(outputs[i].shape(), in.strides(), span), span,
                                  outputs[i].size() == 0 ? 0 : start * in.strides()[axis]);
  }
}

template <class Copies>
void eval_concatenate(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  int axis = static_cast<const Concatenate&>(primitive).state();
  array& out = outputs[0];
  Copies::allocate(out, primitive.stream());
  int64_t position = 0;
  for (const auto& in : inputs) {
    Copies::into(in, out, out.strides(), position * out.strides()[axis], primitive.stream());
    position += in.shape(axis);
  }
}

template <class Copies>
void eval_pad(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, low, high] = static_cast<const Pad&>(primitive).state();
  array& out = outputs[0];
  Copies::allocate(out, primitive.stream());
  // The value everywhere, then the inside over it.
  array value = array::placeholder(out.shape(), out.dtype());
  value.copy_shared_buffer(inputs[1], Strides(out.ndim(), 0), {false, false, false}, 1);
  Copies::into(value, out, out.strides(), 0, primitive.stream());
  int64_t offset = 0;
  for (size_t i = 0; i < axes.size(); ++i) offset += low[i] * out.strides()[axes[i]];
  Copies::into(inputs[0], out, out.strides(), offset, primitive.stream());
}

inline void eval_number_of_elements(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, inverted, dtype] = static_cast<const NumberOfElements&>(primitive).state();
  double count = 1;
  for (int axis : axes) count *= inputs[0].shape(axis);
  array value(inverted ? 1.0 / count : count, dtype);
  outputs[0].copy_shared_buffer(value);
}

/** The outputs are the first inputs. */
inline void eval_depends(const Primitive&, Inputs inputs, Outputs outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].copy_shared_buffer(inputs[i]);
}

/** The outputs are the last inputs. */
inline void eval_custom(const Primitive&, Inputs inputs, Outputs outputs) {
  size_t first = inputs.size() - outputs.size();
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].copy_shared_buffer(inputs[first + i]);
}

template <class Copies>
void eval_view(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  array in = inputs[0];
  array& out = outputs[0];
  size_t from = in.itemsize(), to = out.itemsize();
  bool last_is_dense = in.ndim() > 0 && in.strides().back() == 1;
  if (from != to) {
    // Items can be cut or joined in place if the last axis is dense and the others keep whole
    // items.
    bool fits = last_is_dense;
    for (size_t i = 0; i + 1 < in.ndim() && fits; ++i) {
      fits = in.strides()[i] * static_cast<int64_t>(from) % static_cast<int64_t>(to) == 0;
    }
    fits = fits && static_cast<size_t>(in.offset()) % to == 0;
    if (!fits) {
      array dense = array::placeholder(in.shape(), in.dtype());
      Copies::contiguous(in, dense, primitive.stream());
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

template <class Copies>
void register_views(KernelTable& table) {
  table.add<AsStrided>(eval_as_strided<Copies>);
  table.add<Broadcast>(eval_broadcast);
  table.add<BroadcastAxes>(eval_broadcast);
  table.add<ExpandDims>(eval_expand_dims);
  table.add<Squeeze>(eval_squeeze);
  table.add<Transpose>(eval_transpose);
  table.add<Reshape>(eval_reshape<Copies>);
  table.add<Flatten>(eval_reshape<Copies>);
  table.add<Unflatten>(eval_reshape<Copies>);
  table.add<Slice>(eval_slice);
  table.add<Contiguous>(eval_contiguous<Copies>);
  table.add<Copy>(eval_identity);
  table.add<StopGradient>(eval_identity);
  table.add<Split>(eval_split);
  table.add<Concatenate>(eval_concatenate<Copies>);
  table.add<Pad>(eval_pad<Copies>);
  table.add<NumberOfElements>(eval_number_of_elements);
  table.add<View>(eval_view<Copies>);
  table.add<Depends>(eval_depends);
  table.add<CustomTransforms>(eval_custom);
}

}  // namespace mlx::core::views
