// The formulas of one element, of two sources. Comparisons return a mask (a bool for scalars).

struct Add {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return add(a, b);
  }
};
struct ArcTan2 {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return atan2(a, b);
  }
};
struct BitwiseAnd {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return bit_and(a, b);
  }
};
struct BitwiseOr {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return bit_or(a, b);
  }
};
struct BitwiseXor {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return bit_xor(a, b);
  }
};
struct Divide {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return div(a, b);
  }
};
struct Equal {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return equal(a, b);
  }
};
struct FloorDivide {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return floor_div(a, b);
  }
};
struct Greater {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return greater(a, b);
  }
};
struct GreaterEqual {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return greater_equal(a, b);
  }
};
struct LeftShift {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return shl(a, b);
  }
};
struct Less {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return less(a, b);
  }
};
struct LessEqual {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return less_equal(a, b);
  }
};
struct LogAddExp {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return logaddexp(a, b);
  }
};
struct LogicalAnd {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return both(not_equal(a, splat(a, 0)), not_equal(b, splat(b, 0)));
  }
};
struct LogicalOr {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return either(not_equal(a, splat(a, 0)), not_equal(b, splat(b, 0)));
  }
};
/** The larger; a NaN in either wins. */
struct Maximum {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return select(either(is_nan(a), greater(a, b)), a, b);
  }
};
struct Minimum {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return select(either(is_nan(a), less(a, b)), a, b);
  }
};
struct Multiply {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return mul(a, b);
  }
};
/** Equality in which NaN equals NaN. */
struct NanEqual {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return either(equal(a, b), both(is_nan(a), is_nan(b)));
  }
};
struct NotEqual {
  template <class T>
  MLX_FORMULA auto operator()(T a, T b) const {
    return not_equal(a, b);
  }
};
struct Power {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return pow(a, b);
  }
};
struct Remainder {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return remainder(a, b);
  }
};
struct RightShift {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return shr(a, b);
  }
};
struct Subtract {
  template <class T>
  MLX_FORMULA T operator()(T a, T b) const {
    return sub(a, b);
  }
};
