// The example's function and the rules of its primitive.
#include "scaled_sum.h"

#include <stdexcept>

#include "mlx/allocator.h"
#include "mlx/backend/common/utils.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/dtype_utils.h"
#include "mlx/utils.h"

namespace example {

mx::array scaled_sum(const mx::array& x, const mx::array& y, float alpha, float beta,
                     mx::StreamOrDevice s) {
  auto promoted = mx::promote_types(x.dtype(), y.dtype());
  auto dtype = mx::issubdtype(promoted, mx::inexact) ? promoted : mx::float32;
  auto operands = mx::broadcast_arrays({mx::astype(x, dtype, s), mx::astype(y, dtype, s)}, s);
  auto shape = operands[0].shape();
  return mx::array(shape, dtype, std::make_shared<ScaledSum>(mx::to_stream(s), alpha, beta),
                   operands);
}

void ScaledSum::eval_cpu(const std::vector<mx::array>& inputs, std::vector<mx::array>& outputs) {
  mx::array x = inputs[0];
  mx::array y = inputs[1];
  mx::array& out = outputs[0];
  mx::dispatch_float_types(out.dtype(), "[scaled_sum]", [&](auto tag) {
    using T = MLX_GET_TYPE(tag);
    out.set_data(mx::allocator::malloc(out.nbytes()));
    auto& encoder = mx::cpu::get_command_encoder(stream());
    encoder.set_input_array(x);
    encoder.set_input_array(y);
    encoder.set_output_array(out);
    encoder.dispatch([x = mx::array::unsafe_weak_copy(x), y = mx::array::unsafe_weak_copy(y),
                      to = out.data<T>(), n = out.size(), alpha = alpha_, beta = beta_]() {
      for (size_t i = 0; i < n; ++i) {
        auto at = mx::elem_to_loc(i, x.shape(), x.strides());
        auto bt = mx::elem_to_loc(i, y);
        to[i] = static_cast<T>(alpha * static_cast<float>(x.data<T>()[at]) +
                               beta * static_cast<float>(y.data<T>()[bt]));
      }
    });
  });
}

void ScaledSum::eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) {
  throw std::runtime_error("ScaledSum has no GPU kernel");
}

std::vector<mx::array> ScaledSum::jvp(const std::vector<mx::array>&,
                                      const std::vector<mx::array>& tangents,
                                      const std::vector<int>& argnums) {
  if (argnums.size() == 2) return {scaled_sum(tangents[0], tangents[1], alpha_, beta_, stream())};
  float scale = argnums[0] == 0 ? alpha_ : beta_;
  return {mx::multiply(mx::array(scale, tangents[0].dtype()), tangents[0], stream())};
}

std::vector<mx::array> ScaledSum::vjp(const std::vector<mx::array>&,
                                      const std::vector<mx::array>& cotangents,
                                      const std::vector<int>& argnums,
                                      const std::vector<mx::array>&) {
  std::vector<mx::array> result;
  for (int argnum : argnums) {
    float scale = argnum == 0 ? alpha_ : beta_;
    result.push_back(
        mx::multiply(mx::array(scale, cotangents[0].dtype()), cotangents[0], stream()));
  }
  return result;
}

std::pair<std::vector<mx::array>, std::vector<int>> ScaledSum::vmap(
    const std::vector<mx::array>& inputs, const std::vector<int>& axes) {
  auto x = axes[0] >= 0 ? mx::moveaxis(inputs[0], axes[0], 0) : mx::expand_dims(inputs[0], 0);
  auto y = axes[1] >= 0 ? mx::moveaxis(inputs[1], axes[1], 0) : mx::expand_dims(inputs[1], 0);
  return {{scaled_sum(x, y, alpha_, beta_, stream())}, {0}};
}

bool ScaledSum::is_equivalent(const mx::Primitive& other) const {
  const auto& same = static_cast<const ScaledSum&>(other);
  return alpha_ == same.alpha_ && beta_ == same.beta_;
}

}  // namespace example
