// Layout primitives on the CPU: views share the input's buffer; only a layout that no strides can express
// is copied.
#include "backend/cpu/views.h"

#include <optional>

#include "backend/cpu/copy.h"
#include "graph/shape.h"
#include "mlx/primitives/control.h"
#include "mlx/primitives/shape.h"

namespace mlx::core::cpu {

namespace {

using Inputs = const std::vector<array>&;
using Outputs = std::vector<array>&;

void make_view(const array& in, array& out, const Strides& strides, int64_t offset = 0) {
  size_t data_size = in.data_size();
  if (out.size() == 0) data_size = 0;
  out.copy_shared_buffer(in, strides, view_flags(out.shape(), strides, data_size), data_size, offset);
}

void eval_as_strided(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [shape, strides, offset] = static_cast<const AsStrided&>(primitive).state();
  const array& in = inputs[0];
  if (!in.flags().row_contiguous) {
    array copied = array::placeholder(in.shape(), in.dtype());
    copy_contiguous(in, copied);
    make_view(copied, outputs[0], strides, static_cast<int64_t>(offset));
  } else {
    make_view(in, outputs[0], strides, static_cast<int64_t>(offset));
  }
}

void eval_broadcast(const Primitive&, Inputs inputs, Outputs outputs) {
  const array& in = inputs[0];
  array& out = outputs[0];
  Strides strides(out.ndim(), 0);
  size_t lead = out.ndim() - in.ndim();
  for (size_t i = 0; i < in.ndim(); ++i) {
    strides[lead + i] = in.shape()[i] == 1 && out.shape()[lead + i] != 1 ? 0 : in.strides()[i];
  }
  make_view(in, out, strides);
}

void eval_expand_dims(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  Strides strides = inputs[0].strides();
  for (int axis : static_cast<const ExpandDims&>(primitive).state()) {
    strides.insert(strides.begin() + axis, 1);
  }
  make_view(inputs[0], outputs[0], strides);
}

void eval_squeeze(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  Strides strides = inputs[0].strides();
  const auto& axes = static_cast<const Squeeze&>(primitive).state();
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) strides.erase(strides.begin() + *axis);
  make_view(inputs[0], outputs[0], strides);
}

void eval_transpose(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const auto& axes = static_cast<const Transpose&>(primitive).state();
  Strides strides(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) strides[i] = inputs[0].strides()[axes[i]];
  make_view(inputs[0], outputs[0], strides);
}

/** Strides that show the elements of `in` in row-major order under `shape`, if there are any: each run of
 * input dimensions that one stride steps through is cut into output dimensions. */
std::optional<Strides> reshape_strides(const array& in, const Shape& shape) {
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

void eval_reshape(const Primitive&, Inputs inputs, Outputs outputs) {
  if (auto strides = reshape_strides(inputs[0], outputs[0].shape())) {
    make_view(inputs[0], outputs[0], *strides);
  } else {
    copy_contiguous(inputs[0], outputs[0]);
  }
}

void eval_slice(const Primitive& primitive, Inputs inputs, Outputs outputs) {
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
  out.copy_shared_buffer(in, strides, view_flags(out.shape(), strides, data_size), data_size, offset);
}

void eval_contiguous(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  const array& in = inputs[0];
  bool keep = in.flags().row_contiguous ||
              (static_cast<const Contiguous&>(primitive).state() && in.flags().col_contiguous);
  if (keep) {
    outputs[0].copy_shared_buffer(in);
  } else {
    copy_contiguous(in, outputs[0]);
  }
}

void eval_identity(const Primitive&, Inputs inputs, Outputs outputs) {
  outputs[0].copy_shared_buffer(inputs[0]);
}

void eval_split(const Primitive& primitive, Inputs inputs, Outputs outputs) {
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

void eval_concatenate(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  int axis = static_cast<const Concatenate&>(primitive).state();
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  int64_t position = 0;
  for (const auto& in : inputs) {
    copy_into(in, out.data<char>() + position * out.strides()[axis] * out.itemsize(), out.strides());
    position += in.shape(axis);
  }
}

void eval_pad(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, low, high] = static_cast<const Pad&>(primitive).state();
  array& out = outputs[0];
  out.set_data(allocator::malloc(out.nbytes()));
  // The value everywhere, then the inside over it.
  array value = array::placeholder(out.shape(), out.dtype());
  value.copy_shared_buffer(inputs[1], Strides(out.ndim(), 0), {false, false, false}, 1);
  copy_into(value, out.data<char>(), out.strides());
  int64_t offset = 0;
  for (size_t i = 0; i < axes.size(); ++i) offset += low[i] * out.strides()[axes[i]];
  copy_into(inputs[0], out.data<char>() + offset * out.itemsize(), out.strides());
}

void eval_number_of_elements(const Primitive& primitive, Inputs inputs, Outputs outputs) {
  auto [axes, inverted, dtype] = static_cast<const NumberOfElements&>(primitive).state();
  double count = 1;
  for (int axis : axes) count *= inputs[0].shape(axis);
  array value(inverted ? 1.0 / count : count, dtype);
  outputs[0].copy_shared_buffer(value);
}

/** The outputs are the first inputs. */
void eval_depends(const Primitive&, Inputs inputs, Outputs outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].copy_shared_buffer(inputs[i]);
}

/** The outputs are the last inputs. */
void eval_custom(const Primitive&, Inputs inputs, Outputs outputs) {
  size_t first = inputs.size() - outputs.size();
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].copy_shared_buffer(inputs[first + i]);
}

}  // namespace

void register_views(KernelTable& table) {
  table.add<AsStrided>(eval_as_strided);
  table.add<Broadcast>(eval_broadcast);
  table.add<ExpandDims>(eval_expand_dims);
  table.add<Squeeze>(eval_squeeze);
  table.add<Transpose>(eval_transpose);
  table.add<Reshape>(eval_reshape);
  table.add<Slice>(eval_slice);
  table.add<Contiguous>(eval_contiguous);
  table.add<Copy>(eval_identity);
  table.add<StopGradient>(eval_identity);
  table.add<Split>(eval_split);
  table.add<Concatenate>(eval_concatenate);
  table.add<Pad>(eval_pad);
  table.add<NumberOfElements>(eval_number_of_elements);
  table.add<Depends>(eval_depends);
  table.add<CustomTransforms>(eval_custom);
}

}  // namespace mlx::core::cpu
