// Family bases of element-wise primitives: they supply name, shapes, vmap, jvp and vjp from an op's
// OpInfo and derivative, so that an op is only what is particular to it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "mlx/primitives/op_list.h"
#include "mlx/primitives/primitive.h"

namespace mlx::core {

/** Which dtypes an op takes; others raise. */
enum class Accepts : uint8_t { any, number, real, integer, boolean };

/** The dtype of the result, and what the inputs are converted to first. */
enum class Result : uint8_t {
  same,               // of the (promoted) inputs
  promoted_to_float,  // integers and bool become float32
  boolean,
  real_part,  // complex64 becomes float32
};

/** What the graph must know about an element-wise op. */
struct OpInfo {
  const char* name;      // of the primitive
  const char* function;  // in Python and C++
  Accepts accepts = Accepts::any;
  Result result = Result::same;
  const char* doc = "";
};

namespace detail {

/** The result dtype of an op on inputs of `dtype`. */
MLX_API Dtype result_dtype(const OpInfo& info, Dtype dtype);

using UnaryDerivative = array (*)(const array& x, const array& y, Stream s);
/** The partial derivative by operand `argnum`. */
using BinaryDerivative = array (*)(int argnum, const array& a, const array& b, const array& y,
                                   Stream s);

MLX_API std::vector<array> unary_jvp(UnaryDerivative derivative, const Primitive& primitive,
                                     const std::vector<array>& primals,
                                     const std::vector<array>& tangents, const array& output);
MLX_API std::vector<array> unary_vjp(UnaryDerivative derivative, const Primitive& primitive,
                                     const std::vector<array>& primals,
                                     const std::vector<array>& cotangents,
                                     const std::vector<array>& outputs);
MLX_API std::vector<array> binary_jvp(BinaryDerivative derivative, const Primitive& primitive,
                                      const std::vector<array>& primals,
                                      const std::vector<array>& tangents,
                                      const std::vector<int>& argnums, const array& output);
MLX_API std::vector<array> binary_vjp(BinaryDerivative derivative, const Primitive& primitive,
                                      const std::vector<array>& primals,
                                      const std::vector<array>& cotangents,
                                      const std::vector<int>& argnums,
                                      const std::vector<array>& outputs);

/** Raises naming `op` where shapes differ: a shapeless trace may meet such operands. */
MLX_API void check_equal_shapes(const char* op, const std::vector<array>& inputs);

/** Moves the batch axes of element-wise operands to one place and aligns their ranks. Returns the
 * operands, broadcast to one shape, and the output's batch axis. */
MLX_API std::pair<std::vector<array>, int> align_batch(const std::vector<array>& inputs,
                                                       const std::vector<int>& axes, Stream s);

}  // namespace detail

/** Base of the element-wise families: `Op` names itself and has `static constexpr OpInfo info`. */
template <class Op>
class Elementwise : public Primitive {
 public:
  using Primitive::Primitive;

  const char* name() const override { return Op::info.name; }
  bool is_equivalent(const Primitive&) const override { return true; }
  int element_op() const override { return OpList::index_of<Op>(); }

  std::vector<Shape> output_shapes(const std::vector<array>& inputs) override {
    detail::check_equal_shapes(Op::info.name, inputs);
    return {inputs[0].shape()};
  }

  std::pair<std::vector<array>, std::vector<int>> vmap(const std::vector<array>& inputs,
                                                       const std::vector<int>& axes) override {
    auto [operands, axis] = detail::align_batch(inputs, axes, stream());
    return {{make(operands)}, {axis}};
  }

 protected:
  /** A new node of this op; one that nobody evaluates costs nothing. */
  array make(std::vector<array> operands) const {
    Shape shape = operands.back().shape();
    Dtype dtype = detail::result_dtype(Op::info, operands.back().dtype());
    return array(std::move(shape), dtype, copy(), std::move(operands));
  }

 private:
  /** A primitive like this one; parameters are what state() returns. */
  std::shared_ptr<Primitive> copy() const {
    if constexpr (requires(const Op& op) { Op(op.stream(), op.state()); }) {
      return std::make_shared<Op>(this->stream(), static_cast<const Op&>(*this).state());
    } else {
      return std::make_shared<Op>(this->stream());
    }
  }
};

/** One operand. `Op::derivative(x, y, s)` is dy/dx as an array of x's shape. */
template <class Op>
class Unary : public Elementwise<Op> {
 public:
  using Elementwise<Op>::Elementwise;

  std::vector<array> jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                         const std::vector<int>&) override {
    return detail::unary_jvp(&Op::derivative, *this, primals, tangents, this->make(primals));
  }
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<int>&, const std::vector<array>& outputs) override {
    return detail::unary_vjp(&Op::derivative, *this, primals, cotangents, outputs);
  }
};

/** Two operands of one shape and dtype (the public functions promote and broadcast). */
template <class Op>
class Binary : public Elementwise<Op> {
 public:
  using Elementwise<Op>::Elementwise;

  std::vector<array> jvp(const std::vector<array>& primals, const std::vector<array>& tangents,
                         const std::vector<int>& argnums) override {
    return detail::binary_jvp(&Op::derivative, *this, primals, tangents, argnums,
                              this->make(primals));
  }
  std::vector<array> vjp(const std::vector<array>& primals, const std::vector<array>& cotangents,
                         const std::vector<int>& argnums,
                         const std::vector<array>& outputs) override {
    return detail::binary_vjp(&Op::derivative, *this, primals, cotangents, argnums, outputs);
  }
};

/** Three operands of one shape; derivatives are the op's own overrides. */
template <class Op>
class Ternary : public Elementwise<Op> {
 public:
  using Elementwise<Op>::Elementwise;
};

}  // namespace mlx::core
