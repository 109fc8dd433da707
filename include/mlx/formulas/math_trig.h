// Circular functions and their inverses for float32 in the formula vocabulary. Needs math_exp.h.

/** x - n pi/2 for |x| < 30000 and an integral n that leaves little; what is lost goes to low. */
template <class T>
MLX_FORMULA T subtract_half_pis(T x, T n, T& low) {
  T c2 = splat(x, -4.37113883e-8f);
  T a = fnma(n, splat(x, 1.57079637f), x);
  T r = fnma(n, c2, a);
  low = fnma(n, splat(x, -1.71512489e-15f), fnma(n, c2, sub(a, r)));
  return r;
}

/** x - n pi for |x| < 30000 and n, or 2 n, integral: the first two steps are exact. */
template <class T>
MLX_FORMULA T subtract_pis(T x, T n) {
  T r = fnma(n, splat(x, 0.000967502594f), fnma(n, splat(x, 3.140625f), x));
  return fnma(n, splat(x, 1.07806059e-14f), fnma(n, splat(x, 1.50995788e-07f), r));
}

/** sin(r) for |r| <= pi/2, never beyond 1 and exactly 1 at pi/2 (coefficients were searched for
 * that), its sign flipped where the lowest bit of as_int(parity) is set. */
template <class T>
MLX_FORMULA T sin_of_reduced(T r, T parity) {
  T z = mul(r, r);
  T p = polynomial(z, -0.166666687f, 0.00833335612f, -0.000198431109f, 2.76270634e-06f,
                   -2.55034234e-08f);
  T signed_r = as_float(bit_xor(as_int(r), shift_left<31>(as_int(parity))));
  return copy_sign(fma(signed_r, mul(p, z), signed_r), signed_r);  // the sign of a zero
}

template <class T>
MLX_FORMULA T sin(T x) {
  T magic = splat(x, 12582912.0f);  // leaves an integer in the lowest bits
  T shifted = fma(x, splat(x, 0.318309886f), magic);
  T y = sin_of_reduced(subtract_pis(x, sub(shifted, magic)), shifted);
  auto large = greater(abs(x), splat(x, 30000.0f));
  if (any(large, x)) y = select(large, sin_of_large(x), y);
  return y;
}

/** cos(x) = sin(x + pi/2) */
template <class T>
MLX_FORMULA T cos(T x) {
  T half = splat(x, 0.5f);
  T magic = splat(x, 12582912.0f);
  T shifted = add(fma(x, splat(x, 0.318309886f), half), magic);
  T y = sin_of_reduced(subtract_pis(x, sub(sub(shifted, magic), half)), shifted);
  auto large = greater(abs(x), splat(x, 30000.0f));
  if (any(large, x)) y = select(large, cos_of_large(x), y);
  return y;
}

template <class T>
MLX_FORMULA T tan(T x) {
  auto large = greater(abs(x), splat(x, 30000.0f));
  T n = nearest(mul(x, splat(x, 0.636619772f)));
  T low = x;
  T r = subtract_half_pis(x, n, low);
  T z = mul(r, r);
  T p = polynomial(z, 0.333333492f, 0.133326724f, 0.0540594459f, 0.0212827697f, 0.0108377039f,
                   8.38592605e-05f, 0.00438036863f);
  T tail = fma(mul(r, z), p, mul(low, add(z, splat(x, 1.0f))));
  T t = add(r, tail);
  T t_low = add(sub(r, t), tail);
  // -1 / (t + t_low), with one correction of the quotient
  T inverse = div(splat(x, -1.0f), t);
  T rest = fma(inverse, t, splat(x, 1.0f));
  rest = fma(inverse, t_low, rest);
  T corrected = fma(inverse, rest, inverse);
  auto q = to_int(n);
  auto one = splat(q, 1);
  T y = select_by_int(equal(bit_and(q, one), one), corrected, t);
  y = select(equal(x, splat(x, 0.0f)), x, y);
  if (any(large, x)) y = select(large, tan_of_large(x), y);
  return y;
}

/** asin on [0, 1/2], given z = x^2 */
template <class T>
MLX_FORMULA T asin_tail(T x, T z) {
  return mul(mul(x, z), polynomial(z, 0.166667521f, 0.0749530643f, 0.0454697721f, 0.0241807736f,
                                   0.0421664119f));
}

template <class T>
MLX_FORMULA T asin(T x) {
  T ax = abs(x);
  T half = splat(x, 0.5f);
  auto far = greater(ax, half);
  // Beyond 1/2: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))
  T z = select(far, fnma(half, ax, half), mul(x, x));
  T s = select(far, sqrt(z), ax);
  T tail = asin_tail(s, z);
  T head = sub(splat(x, 1.57079637f), add(s, s));
  T far_value = sub(head, fma(splat(x, 2.0f), tail, splat(x, 4.37113883e-8f)));
  return copy_sign(select(far, far_value, add(s, tail)), x);
}

template <class T>
MLX_FORMULA T acos(T x) {
  T ax = abs(x);
  T half = splat(x, 0.5f);
  auto far = greater(ax, half);
  T z = select(far, fnma(half, ax, half), mul(x, x));
  T s = select(far, sqrt(z), ax);
  T y = add(s, asin_tail(s, z));
  T twice = add(y, y);
  T pi_low = splat(x, 8.74227766e-8f);
  T far_value =
      select(less(x, splat(x, 0.0f)), sub(splat(x, 3.14159274f), add(twice, pi_low)), twice);
  T near_value = sub(splat(x, 1.57079637f), add(copy_sign(y, x), splat(x, 4.37113883e-8f)));
  return select(far, far_value, near_value);
}

/** atan on [0, 1] */
template <class T>
MLX_FORMULA T atan_of_reduced(T x) {
  T z = mul(x, x);
  T p = polynomial(z, -0.333331525f, 0.199937671f, -0.14211002f, 0.106657691f, -0.0755166039f,
                   0.0432047322f, -0.0163631923f, 0.0029194227f);
  return fma(mul(x, z), p, x);
}

template <class T>
MLX_FORMULA T atan(T x) {
  T ax = abs(x);
  T one = splat(x, 1.0f);
  auto far = greater(ax, one);
  T y = atan_of_reduced(select(far, div(one, ax), ax));
  T complement = sub(splat(x, 1.57079637f), add(y, splat(x, 4.37113883e-8f)));
  return copy_sign(select(far, complement, y), x);
}

template <class T>
MLX_FORMULA T atan2(T y, T x) {
  T zero = splat(x, 0.0f);
  T inf = splat(x, __builtin_inff());
  T ax = abs(x);
  T ay = abs(y);
  T high = upper(ax, ay);
  T q = div(lower(ax, ay), high);
  q = select(equal(high, zero), zero, q);
  q = select(equal(ax, ay), select(equal(ax, zero), zero, splat(x, 1.0f)), q);
  T r = atan_of_reduced(q);
  r = select(greater(ay, ax), sub(splat(x, 1.57079637f), add(r, splat(x, 4.37113883e-8f))), r);
  T mirrored = sub(splat(x, 3.14159274f), add(r, splat(x, 8.74227766e-8f)));
  r = select(less(copy_sign(splat(x, 1.0f), x), zero), mirrored, r);
  r = copy_sign(r, y);
  return select(either(is_nan(x), is_nan(y)), add(x, y), select(equal(high, inf), r, r));
}
