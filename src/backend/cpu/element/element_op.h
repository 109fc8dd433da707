// ElementOp: the formulas that block kernels are compiled for, and their names in the OpList.
#pragma once

#include <cstdint>
#include <string_view>

namespace mlx::core::cpu {

enum class ElementOp : uint16_t {
  // one source
  abs,
  arccos,
  arccosh,
  arcsin,
  arcsinh,
  arctan,
  arctanh,
  bitwise_invert,
  cast,
  ceil,
  conjugate,
  cos,
  cosh,
  erf,
  erfinv,
  exp,
  expm1,
  floor,
  imag,
  log,
  log10,
  log1p,
  log2,
  logical_not,
  negative,
  real,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  tan,
  tanh,
  // two sources
  add,
  arctan2,
  bitwise_and,
  bitwise_or,
  bitwise_xor,
  divide,
  equal,
  floor_divide,
  greater,
  greater_equal,
  left_shift,
  less,
  less_equal,
  logaddexp,
  logical_and,
  logical_or,
  maximum,
  minimum,
  multiply,
  nan_equal,
  not_equal,
  power,
  remainder,
  right_shift,
  subtract,
  // three sources: select(condition, if_true, if_false)
  select,
};

inline constexpr int kNumElementOps = static_cast<int>(ElementOp::select) + 1;

/** By ElementOp: the name of the op in the OpList. */
inline constexpr std::string_view kElementOpNames[kNumElementOps] = {
    "Abs",       "ArcCos",        "ArcCosh",    "ArcSin",       "ArcSinh",    "ArcTan",
    "ArcTanh",   "BitwiseInvert", "AsType",     "Ceil",         "Conjugate",  "Cos",
    "Cosh",      "Erf",           "ErfInv",     "Exp",          "Expm1",      "Floor",
    "Imag",      "Log",           "Log10",      "Log1p",        "Log2",       "LogicalNot",
    "Negative",  "Real",          "Round",      "Rsqrt",        "Sigmoid",    "Sign",
    "Sin",       "Sinh",          "Sqrt",       "Square",       "Tan",        "Tanh",
    "Add",       "ArcTan2",       "BitwiseAnd", "BitwiseOr",    "BitwiseXor", "Divide",
    "Equal",     "FloorDivide",   "Greater",    "GreaterEqual", "LeftShift",  "Less",
    "LessEqual", "LogAddExp",     "LogicalAnd", "LogicalOr",    "Maximum",    "Minimum",
    "Multiply",  "NanEqual",      "NotEqual",   "Power",        "Remainder",  "RightShift",
    "Subtract",  "Select",
};

}  // namespace mlx::core::cpu
