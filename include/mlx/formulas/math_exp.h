// exp and its relatives for float32 in the formula vocabulary: at most 2 ulp where fma is fused.
// (The CPU replaces some on AVX-512: backend/cpu/simd/native-inl.h.) Coefficients come from
// tools/fit_polynomials.py.

/** c0 + x c1 + x^2 c2 + ... */
template <class T>
MLX_FORMULA T polynomial(T x, float c0) {
  return splat(x, c0);
}
template <class T, class... C>
MLX_FORMULA T polynomial(T x, float c0, C... rest) {
  return fma(polynomial(x, rest...), x, splat(x, c0));
}

/** Splits x = n ln 2 + r with |r| <= ln(2) / 2; returns r. */
template <class T>
MLX_FORMULA T reduce_by_ln2(T x, T& n) {
  n = nearest(mul(x, splat(x, 1.44269504f)));
  return fnma(n, splat(x, -2.12194440e-4f), fnma(n, splat(x, 0.693359375f), x));
}

template <class T>
MLX_FORMULA T exp_of_reduced(T r) {
  T q = polynomial(r, 0.49999994f, 0.166665167f, 0.0416681059f, 0.00836913101f, 0.00138364325f);
  T one = splat(r, 1.0f);
  T head = add(one, r);
  return add(head, fma(mul(r, r), q, sub(r, sub(head, one))));
}

/** exp(x) / 2 for x >= 0, which overflows a little later than exp(x). */
template <class T>
MLX_FORMULA T half_exp(T x) {
  T n = x;
  T r = reduce_by_ln2(clamp(x, splat(x, 0.0f), splat(x, 92.0f)), n);
  return scale_by_power_of_two(exp_of_reduced(r), sub(n, splat(x, 1.0f)));
}

template <class T>
MLX_FORMULA T exp(T x) {
  T zero = splat(x, 0.0f);
  T n = x;
  T r = reduce_by_ln2(clamp(x, splat(x, -104.0f), splat(x, 92.0f)), n);
  // What rounds to zero is kept out of the scaling: processors are slow at underflow.
  auto gone = less(x, splat(x, -103.972084f));
  n = select(gone, zero, n);
  return select(gone, zero, scale_by_power_of_two(exp_of_reduced(r), n));
}

template <class T>
MLX_FORMULA T expm1(T x) {
  T n = x;
  T r = reduce_by_ln2(clamp(x, splat(x, -20.0f), splat(x, 88.8f)), n);
  T q = polynomial(r, 0.5f, 0.166666657f, 0.0416664667f, 0.0083336439f, 0.0013935098f,
                   0.000196643596f);
  T p = fma(mul(r, r), q, r);
  // 2^n (p + 1) - 1, through half of it: n may be 128.
  T half = scale_by_power_of_two(splat(x, 0.5f), n);
  T y = fma(p, half, sub(half, splat(x, 0.5f)));
  y = add(y, y);
  return select(equal(n, splat(x, 0.0f)), select(equal(x, splat(x, 0.0f)), x, p), y);
}

/** 1 / (1 + exp(-x)) */
template <class T>
MLX_FORMULA T sigmoid(T x) {
  T one = splat(x, 1.0f);
  auto negative = less(x, splat(x, 0.0f));
  // Where it would vanish beside 1, exp is kept from underflow, at which processors are slow.
  T e = exp(select(negative, x, neg(lower(splat(x, 80.0f), x))));
  return divide_normal(select(negative, e, one), add(one, e));
}

template <class T>
MLX_FORMULA T tanh(T x) {
  T ax = abs(x);
  T one = splat(x, 1.0f);
  T z = mul(x, x);
  T near =
      fma(mul(ax, z),
          polynomial(z, -0.333332807f, 0.133314058f, -0.0537365153f, 0.0206281673f, -0.0056922962f),
          ax);
  // 1 - 2 / (exp(2 x) + 1); lower() gives its second operand for NaN
  T n = x;
  T r = reduce_by_ln2(lower(splat(x, 20.0f), add(ax, ax)), n);
  T e = scale_by_power_of_two(exp_of_reduced(r), n);
  T far = sub(one, divide_normal(splat(x, 2.0f), add(e, one)));
  return copy_sign(select(less(ax, splat(x, 0.625f)), near, far), x);
}

template <class T>
MLX_FORMULA T sinh(T x) {
  T ax = abs(x);
  T z = mul(x, x);
  T near = fma(mul(ax, z),
               polynomial(z, 0.166666672f, 0.00833331048f, 0.000198428956f, 2.78221319e-06f), ax);
  T half = half_exp(ax);
  T far = sub(half, div(splat(x, 0.25f), half));
  return copy_sign(select(less(ax, splat(x, 1.0f)), near, far), x);
}

template <class T>
MLX_FORMULA T cosh(T x) {
  T half = half_exp(abs(x));
  return add(half, div(splat(x, 0.25f), half));
}

template <class T>
MLX_FORMULA T erf(T x) {
  T ax = abs(x);
  T z = mul(x, x);
  T near = polynomial(z, 0.128379166f, -0.37612626f, 0.112835787f, -0.0268533472f, 0.0051871622f,
                      -0.00079978531f, 7.80690389e-05f);
  near = fma(ax, near, ax);
  // 1 - 2^P(x) with P the logarithm of erfc; lower() gives its second operand for NaN
  T p = polynomial(lower(splat(x, 4.0f), ax), -0.000492698513f, -1.62604606f, -0.920648217f,
                   -0.14875181f, 0.031505812f, -0.00425262609f, 0.000268896489f);
  T n = nearest(p);
  T power = polynomial(sub(p, n), 1.00000012f, 0.693147242f, 0.240219161f, 0.0555008575f,
                       0.00968530681f, 0.00135206815f);
  T far = sub(splat(x, 1.0f), scale_by_power_of_two(power, n));
  return copy_sign(select(less(ax, splat(x, 1.0f)), near, far), x);
}
