// The formulas of one element, of one source.

struct Abs {
  template <class T>
  MLX_FORMULA auto operator()(T x) const {
    return abs(x);
  }
};
struct ArcCos {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return acos(x);
  }
};
struct ArcCosh {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return acosh(x);
  }
};
struct ArcSin {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return asin(x);
  }
};
struct ArcSinh {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return asinh(x);
  }
};
struct ArcTan {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return atan(x);
  }
};
struct ArcTanh {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return atanh(x);
  }
};
struct BitwiseInvert {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return bit_not(x);
  }
};
struct Ceil {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return ceil(x);
  }
};
struct Conjugate {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return conj(x);
  }
};
struct Cos {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return cos(x);
  }
};
struct Cosh {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return cosh(x);
  }
};
struct Erf {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return erf(x);
  }
};
struct ErfInv {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return erfinv(x);
  }
};
struct Exp {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return exp(x);
  }
};
struct Expm1 {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return expm1(x);
  }
};
struct Floor {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return floor(x);
  }
};
struct Imag {
  template <class T>
  MLX_FORMULA auto operator()(T x) const {
    return imag(x);
  }
};
struct Log {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return log(x);
  }
};
struct Log10 {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return log10(x);
  }
};
struct Log1p {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return log1p(x);
  }
};
struct Log2 {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return log2(x);
  }
};
struct LogicalNot {
  template <class T>
  MLX_FORMULA auto operator()(T x) const {
    return equal(x, splat(x, 0));
  }
};
struct Negative {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return neg(x);
  }
};
struct Real {
  template <class T>
  MLX_FORMULA auto operator()(T x) const {
    return real(x);
  }
};
struct Round {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return nearest(x);
  }
};
struct Rsqrt {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return div(splat(x, 1), sqrt(x));
  }
};
struct Sigmoid {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return sigmoid(x);
  }
};
struct Sign {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return sign(x);
  }
};
struct Sin {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return sin(x);
  }
};
struct Sinh {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return sinh(x);
  }
};
struct Sqrt {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return sqrt(x);
  }
};
struct Square {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return mul(x, x);
  }
};
struct Tan {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return tan(x);
  }
};
struct Tanh {
  template <class T>
  MLX_FORMULA T operator()(T x) const {
    return tanh(x);
  }
};
