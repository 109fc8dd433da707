// Public element-wise functions and the derivatives of their primitives.
#include "mlx/ops/elementwise.h"

#include "base/errors.h"
#include "mlx/primitives/binary.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"
#include "ops/families.h"

namespace mlx::core {

array astype(array a, Dtype dtype, StreamOrDevice s) {
  if (a.dtype() == dtype) return a;
  Stream stream = to_stream(s);
  Shape shape = a.shape();
  return array(std::move(shape), dtype, std::make_shared<AsType>(stream, dtype), {std::move(a)});
}

array negative(const array& a, StreamOrDevice s) { return apply_unary<Negative>(a, s); }
array sin(const array& a, StreamOrDevice s) { return apply_unary<Sin>(a, s); }
array add(const array& a, const array& b, StreamOrDevice s) { return apply_binary<Add>(a, b, s); }
array subtract(const array& a, const array& b, StreamOrDevice s) {
  return apply_binary<Subtract>(a, b, s);
}
array multiply(const array& a, const array& b, StreamOrDevice s) {
  return apply_binary<Multiply>(a, b, s);
}

array where(const array& condition, const array& x, const array& y, StreamOrDevice s) {
  Stream stream = to_stream(s);
  Dtype dtype = promote_types(x.dtype(), y.dtype());
  auto operands = broadcast_arrays({astype(condition, bool_, stream), astype(x, dtype, stream),
                                    astype(y, dtype, stream)},
                                   stream);
  Shape shape = operands[0].shape();
  return array(std::move(shape), dtype, std::make_shared<Select>(stream), std::move(operands));
}

namespace {

array scalar_like(const array& x, float value, Stream s) {
  return broadcast_to(array(value, x.dtype()), x.shape(), s);
}

}  // namespace

array Negative::derivative(const array& x, const array&, Stream s) {
  return scalar_like(x, -1.0f, s);
}

// The cosine as a shifted sine until Cos is in the list.
array Sin::derivative(const array& x, const array&, Stream s) {
  return sin(add(x, array(1.57079632679489661923f, x.dtype()), s), s);
}

array Add::derivative(int, const array& a, const array&, const array&, Stream s) {
  return scalar_like(a, 1.0f, s);
}

array Subtract::derivative(int argnum, const array& a, const array&, const array&, Stream s) {
  return scalar_like(a, argnum == 0 ? 1.0f : -1.0f, s);
}

array Multiply::derivative(int argnum, const array& a, const array& b, const array&, Stream) {
  return argnum == 0 ? b : a;
}

std::vector<array> AsType::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents, const std::vector<int>&,
                               const std::vector<array>&) {
  return {astype(cotangents[0], primals[0].dtype(), stream())};
}

std::vector<array> AsType::jvp(const std::vector<array>&, const std::vector<array>& tangents,
                               const std::vector<int>&) {
  return {astype(tangents[0], dtype_, stream())};
}

std::pair<std::vector<array>, std::vector<int>> AsType::vmap(const std::vector<array>& inputs,
                                                             const std::vector<int>& axes) {
  return {{astype(inputs[0], dtype_, stream())}, axes};
}

std::vector<array> Select::vjp(const std::vector<array>& primals,
                               const std::vector<array>& cotangents,
                               const std::vector<int>& argnums, const std::vector<array>&) {
  std::vector<array> result;
  for (int argnum : argnums) {
    array zero = scalar_like(cotangents[0], 0.0f, stream());
    if (argnum == 0) {
      result.push_back(scalar_like(primals[0], 0.0f, stream()));
    } else if (argnum == 1) {
      result.push_back(where(primals[0], cotangents[0], zero, stream()));
    } else {
      result.push_back(where(primals[0], zero, cotangents[0], stream()));
    }
  }
  return result;
}

std::vector<array> Select::jvp(const std::vector<array>& primals,
                               const std::vector<array>& tangents,
                               const std::vector<int>& argnums) {
  array x = scalar_like(primals[1], 0.0f, stream());
  array y = x;
  for (size_t i = 0; i < argnums.size(); ++i) {
    if (argnums[i] == 1) x = tangents[i];
    if (argnums[i] == 2) y = tangents[i];
  }
  return {where(primals[0], x, y, stream())};
}

}  // namespace mlx::core
