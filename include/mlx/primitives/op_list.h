// OpList: every element-wise op, once. The binder, the fuser, the backends' kernel tables, export
// and the table-driven tests walk it. An op's index in the list is its number in tapes.
#pragma once

#include <cstddef>
#include <type_traits>

namespace mlx::core {

class AsType;
class Abs;
class ArcCos;
class ArcCosh;
class ArcSin;
class ArcSinh;
class ArcTan;
class ArcTanh;
class BitwiseInvert;
class Ceil;
class Conjugate;
class Cos;
class Cosh;
class Erf;
class ErfInv;
class Exp;
class Expm1;
class Floor;
class Imag;
class Log;
struct Log10;
class Log1p;
struct Log2;
class LogicalNot;
class Negative;
class Real;
class Round;
struct Rsqrt;
class Sigmoid;
class Sign;
class Sin;
class Sinh;
class Sqrt;
class Square;
class Tan;
class Tanh;
class Add;
class ArcTan2;
struct BitwiseAnd;
struct BitwiseOr;
struct BitwiseXor;
class Divide;
class Equal;
class FloorDivide;
class Greater;
class GreaterEqual;
struct LeftShift;
class Less;
class LessEqual;
class LogAddExp;
class LogicalAnd;
class LogicalOr;
class Maximum;
class Minimum;
class Multiply;
struct NanEqual;
class NotEqual;
class Power;
class Remainder;
struct RightShift;
class Subtract;
class Select;

template <class... Ops>
struct TypeList {
  static constexpr size_t size = sizeof...(Ops);

  /** The position of Op in the list. */
  template <class Op>
  static constexpr int index_of() {
    int index = 0;
    int found = -1;
    ((std::is_same_v<Op, Ops> ? found = index : 0, ++index), ...);
    return found;
  }

  /** Calls `f.template operator()<Op>()` for every op in order. */
  template <class F>
  static void for_each(F&& f) {
    (f.template operator()<Ops>(), ...);
  }
};

using OpList =
    TypeList<AsType, Abs, ArcCos, ArcCosh, ArcSin, ArcSinh, ArcTan, ArcTanh, BitwiseInvert, Ceil,
             Conjugate, Cos, Cosh, Erf, ErfInv, Exp, Expm1, Floor, Imag, Log, Log10, Log1p, Log2,
             LogicalNot, Negative, Real, Round, Rsqrt, Sigmoid, Sign, Sin, Sinh, Sqrt, Square, Tan,
             Tanh, Add, ArcTan2, BitwiseAnd, BitwiseOr, BitwiseXor, Divide, Equal, FloorDivide,
             Greater, GreaterEqual, LeftShift, Less, LessEqual, LogAddExp, LogicalAnd, LogicalOr,
             Maximum, Minimum, Multiply, NanEqual, NotEqual, Power, Remainder, RightShift, Subtract,
             Select>;

template <class Op>
constexpr int op_index() {
  constexpr int index = OpList::index_of<Op>();
  static_assert(index >= 0, "this element-wise op has no row in OpList");
  return index;
}

}  // namespace mlx::core
