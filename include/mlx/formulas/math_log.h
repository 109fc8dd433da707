// Logarithms and what is built on them for float32 in the formula vocabulary. Needs math_exp.h.

/** Splits a positive x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); returns f. */
template <class T>
MLX_FORMULA T split_power_of_two(T x, T& e) {
  auto tiny = less(x, splat(x, 1.17549435e-38f));
  T scaled = select(tiny, mul(x, splat(x, 8388608.0f)), x);
  auto i = as_int(scaled);
  auto k = shift_right<23>(sub(i, splat(i, 0x3f3504f3)));
  e = add(to_float(k), select(tiny, splat(x, -23.0f), splat(x, 0.0f)));
  return sub(as_float(sub(i, shift_left<23>(k))), splat(x, 1.0f));
}

/** (log(1 + f) - f) / f^2 */
template <class T>
MLX_FORMULA T log_tail(T f) {
  return polynomial(f, -0.499999881f, 0.333333224f, -0.250016093f, 0.20002225f, -0.166086093f,
                    0.141761467f, -0.132420242f, 0.129356369f, -0.0765267238f);
}

/** e ln 2 + log(1 + f) */
template <class T>
MLX_FORMULA T join_log(T e, T f) {
  T low = fma(mul(f, f), log_tail(f), mul(e, splat(f, -2.12194440e-4f)));
  T sum = add(f, low);
  return fma(e, splat(f, 0.693359375f), sum);
}

/** What every real logarithm does at 0, below 0, at infinity and NaN; y elsewhere. */
template <class T>
MLX_FORMULA T fix_log(T x, T y) {
  T zero = splat(x, 0.0f);
  T inf = splat(x, __builtin_inff());
  T low = select(equal(x, zero), neg(inf), splat(x, __builtin_nanf("")));
  T bounded = select(greater(x, zero), y, low);
  return select(either(is_nan(x), equal(x, inf)), x, bounded);
}

template <class T>
MLX_FORMULA T log(T x) {
  T e = x;
  T f = split_power_of_two(x, e);
  return fix_log(x, join_log(e, f));
}

/** log(1 + f) * (high + low), the product kept to one rounding of its larger part, plus e * unit.
 */
template <class T>
MLX_FORMULA T log_in_base(T x, float high, float low, float unit, float unit_low) {
  T e = x;
  T f = split_power_of_two(x, e);
  T tail = mul(mul(f, f), log_tail(f));
  T small = fma(f, splat(x, low), mul(tail, splat(x, high)));
  T sum = fma(f, splat(x, high), fma(e, splat(x, unit_low), small));
  return fix_log(x, fma(e, splat(x, unit), sum));
}

template <class T>
MLX_FORMULA T log2(T x) {
  return log_in_base(x, 1.44269502f, 1.92596303e-8f, 1.0f, 0.0f);
}

template <class T>
MLX_FORMULA T log10(T x) {
  return log_in_base(x, 0.434294492f, -1.01036513e-8f, 0.301025391f, 4.60503907e-6f);
}

template <class T>
MLX_FORMULA T log1p(T x) {
  T one = splat(x, 1.0f);
  T u = add(x, one);
  auto i = as_int(u);
  auto k = shift_right<23>(sub(i, splat(i, 0x3f3504f3)));
  // f = 2^-k (1 + x) - 1 with one rounding, so no digit of a small x is lost in 1 + x.
  auto small_k = clamp(k, splat(k, -64), splat(k, 64));
  T scale = as_float(shift_left<23>(sub(splat(k, 127), small_k)));
  T near = fma(x, scale, sub(scale, one));
  T far = sub(as_float(sub(i, shift_left<23>(k))), one);
  T e = to_float(k);
  T f = select(less(e, splat(x, 60.0f)), near, far);
  return select(equal(x, splat(x, 0.0f)), x, fix_log(u, join_log(e, f)));
}

template <class T>
MLX_FORMULA T logaddexp(T a, T b) {
  T high = upper(a, b);
  T low = lower(a, b);
  T gap = sub(low, high);
  // What the subtraction lost, which exp would magnify.
  T seen = sub(gap, low);
  T lost = sub(sub(low, sub(gap, seen)), add(high, seen));
  T e = exp(gap);
  e = select(less(abs(gap), splat(a, __builtin_inff())), fma(e, lost, e), e);
  T y = add(high, log1p(e));
  // inf - inf is no number: equal infinities are their own sum.
  T at_infinity = select(equal(a, b), a, high);
  y = select(equal(abs(high), splat(a, __builtin_inff())), at_infinity, y);
  return select(either(is_nan(a), is_nan(b)), add(a, b), y);
}

template <class T>
MLX_FORMULA T asinh(T x) {
  T ax = abs(x);
  T one = splat(x, 1.0f);
  T z = mul(x, x);
  T near = fma(mul(ax, z),
               polynomial(z, -0.166666657f, 0.0749990717f, -0.0446160957f, 0.0300335698f,
                          -0.020049585f, 0.0092566302f),
               ax);
  // asinh(x) = log1p(x + x^2 / (1 + sqrt(x^2 + 1))); beyond 2^12 it is log(2 x).
  T t = lower(ax, splat(x, 4096.0f));
  T root = sqrt(fma(t, t, one));
  T middle = log1p(add(t, div(mul(t, t), add(root, one))));
  T far = add(log(ax), splat(x, 0.693147181f));
  T y = select(less(ax, splat(x, 0.5f)), near, select(less(ax, splat(x, 4096.0f)), middle, far));
  return copy_sign(select(is_nan(x), x, y), x);
}

template <class T>
MLX_FORMULA T acosh(T x) {
  T one = splat(x, 1.0f);
  T t = sub(lower(x, splat(x, 4096.0f)), one);
  T middle = log1p(add(t, sqrt(fma(t, t, add(t, t)))));
  T far = add(log(x), splat(x, 0.693147181f));
  T y = select(less(x, splat(x, 4096.0f)), middle, far);
  return select(less(x, one), splat(x, __builtin_nanf("")), select(is_nan(x), x, y));
}

template <class T>
MLX_FORMULA T atanh(T x) {
  T ax = abs(x);
  T one = splat(x, 1.0f);
  T z = mul(x, x);
  T near = fma(mul(ax, z),
               polynomial(z, 0.333333373f, 0.199996218f, 0.142978147f, 0.109294012f, 0.105244562f,
                          0.0169612188f, 0.18513611f),
               ax);
  T far = mul(splat(x, 0.5f), log1p(div(add(ax, ax), sub(one, ax))));
  return copy_sign(select(less(ax, splat(x, 0.5f)), near, far), x);
}

/** x P(w) with w = -log(1 - x^2), P fitted on two ranges. */
template <class T>
MLX_FORMULA T erfinv(T x) {
  T one = splat(x, 1.0f);
  T w = neg(log(mul(sub(one, x), add(one, x))));
  T a = sub(w, splat(x, 2.5f));
  T near = polynomial(a, 1.50140941f, 0.246640295f, -0.00417751353f, -0.00125275692f,
                      0.000218431451f, -4.95558879e-06f, -3.48705134e-06f, 4.64630318e-07f,
                      2.61792028e-08f, -8.68702887e-09f, -1.26570573e-10f);
  T b = sub(sqrt(upper(w, splat(x, 5.0f))), splat(x, 3.0f));
  T far = polynomial(b, 2.83297682f, 1.00167525f, 0.00944495574f, -0.00764299277f, 0.00568969175f,
                     -0.00356607046f, 0.00147045637f, -0.000121581194f, -0.000272752979f,
                     0.000161249525f, -3.12247685e-05f);
  T y = mul(x, select(less(w, splat(x, 5.0f)), near, far));
  y = select(equal(abs(x), one), mul(x, splat(x, __builtin_inff())), y);
  return select(less_equal(abs(x), one), y, splat(x, __builtin_nanf("")));
}

/** |x|^y for x > 0 as 2^(y log2 x), the logarithm carried in two floats. */
template <class T>
MLX_FORMULA T pow_of_positive(T x, T y) {
  T e = x;
  T f = split_power_of_two(x, e);
  // log(1 + f) = 2 s + s^3 P(s^2), s = f / (2 + f) = s + s_low
  T d = add(f, splat(x, 2.0f));
  T d_low = sub(f, sub(d, splat(x, 2.0f)));
  T inverse = divide_normal(splat(x, 1.0f), d);
  T s = mul(f, inverse);
  T s_low = mul(sub(fnma(s, d, f), mul(s, d_low)), inverse);
  T z = mul(s, s);
  T z_low = fma(add(s, s), s_low, fnma(neg(s), s, neg(z)));
  T cube = mul(z, s);
  T cube_low = fma(z, s_low, fma(z_low, s, fma(z, s, neg(cube))));
  T c = polynomial(z, 0.666666627f, 0.400009722f, 0.284988135f, 0.242778376f);
  T p = mul(c, cube);
  T p_low = fma(c, cube_low, fma(c, cube, neg(p)));
  // (high + low) = e ln 2 + 2 s + p, largest first
  T a = mul(e, splat(x, 0.693359375f));
  T b = add(s, s);
  T sum = add(a, b);
  T low = sub(b, sub(sum, a));
  low = select(greater(abs(b), abs(a)), sub(a, sub(sum, b)), low);
  T sum2 = add(sum, p);
  low = add(low, sub(p, sub(sum2, sum)));
  low = add(low, fma(e, splat(x, -2.12194440e-4f), add(add(s_low, s_low), p_low)));
  T high = add(sum2, low);
  low = sub(low, sub(high, sum2));
  // t + t_low = y log(x)
  T t = mul(y, high);
  T t_low = fma(y, low, fma(y, high, neg(t)));
  T far = splat(x, 150.0f);
  T safe = clamp(t, neg(far), far);
  T n = x;
  T r = reduce_by_ln2(safe, n);
  r = select(less(abs(t), far), add(r, t_low), r);
  return scale_by_power_of_two(exp_of_reduced(r), n);
}

template <class T>
MLX_FORMULA T pow(T x, T y) {
  T zero = splat(x, 0.0f);
  T one = splat(x, 1.0f);
  T inf = splat(x, __builtin_inff());
  T nan = splat(x, __builtin_nanf(""));
  T ax = abs(x);
  T ay = abs(y);
  T whole = floor(y);
  auto is_odd =
      both(equal(whole, y), not_equal(floor(mul(y, splat(x, 0.5f))), mul(y, splat(x, 0.5f))));
  T odd_sign = select(is_odd, copy_sign(one, x), one);
  T r = pow_of_positive(ax, y);
  auto usual = both(both(greater(x, zero), less(x, inf)), less(ay, inf));
  if (all(usual, x)) return r;
  // Bases 0 and infinity, exponent infinity.
  T up = select(greater(y, zero), inf, zero);
  T down = select(greater(y, zero), zero, inf);
  r = select(equal(ax, zero), down, r);
  r = select(equal(ax, inf), up, r);
  T at_infinity = select(greater(ax, one), up, select(less(ax, one), down, one));
  r = select(equal(ay, inf), at_infinity, r);
  r = mul(r, odd_sign);
  // A negative finite base needs an integer exponent.
  auto negative =
      both(both(less(x, zero), less(ax, inf)), both(not_equal(whole, y), less(ay, inf)));
  r = select(negative, nan, r);
  r = select(either(is_nan(x), is_nan(y)), nan, r);
  r = select(equal(x, one), one, r);
  return select(equal(y, zero), one, r);
}
