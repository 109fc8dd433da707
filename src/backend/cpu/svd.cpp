// The singular value decomposition on the CPU, by one-sided Jacobi rotations in float64: accurate
// also for small singular values, and without a library.
#include "backend/cpu/svd.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "backend/cpu/copy.h"
#include "base/thread_pool.h"
#include "mlx/allocator.h"
#include "mlx/primitives/linalg.h"

namespace mlx::core::cpu {

namespace {

using Vector = std::vector<double>;
using Columns = std::vector<Vector>;

constexpr int kMaxSweeps = 60;  // a dozen do; NaNs never settle

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void rotate(Vector& p, Vector& q, double cosine, double sine) {
  for (size_t i = 0; i < p.size(); ++i) {
    double x = p[i], y = q[i];
    p[i] = cosine * x - sine * y;
    q[i] = sine * x + cosine * y;
  }
}

/** Rotates pairs of columns until all are orthogonal (Golub and Van Loan, section 8.6.3). */
void orthogonalize(Columns& a, Columns& v) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  bool rotated = true;
  for (int sweep = 0; rotated && sweep < kMaxSweeps; ++sweep) {
    rotated = false;
    for (size_t p = 0; p + 1 < a.size(); ++p) {
      for (size_t q = p + 1; q < a.size(); ++q) {
        double both = dot(a[p], a[q]);
        double pp = dot(a[p], a[p]), qq = dot(a[q], a[q]);
        if (both == 0 || std::abs(both) <= kEpsilon * std::sqrt(pp * qq)) continue;
        rotated = true;
        double zeta = (qq - pp) / (2 * both);
        double tangent = std::copysign(1.0, zeta) / (std::abs(zeta) + std::hypot(1.0, zeta));
        double cosine = 1 / std::hypot(1.0, tangent);
        rotate(a[p], a[q], cosine, cosine * tangent);
        rotate(v[p], v[q], cosine, cosine * tangent);
      }
    }
  }
}

/** Appends unit vectors orthogonal to the columns until these are a basis of their space. */
void complete_basis(Columns& u, size_t length) {
  for (size_t axis = 0; u.size() < length && axis < length; ++axis) {
    Vector candidate(length, 0.0);
    candidate[axis] = 1;
    for (int again = 0; again < 2; ++again) {  // the second pass removes what rounding left
      for (const Vector& column : u) {
        double along = dot(candidate, column);
        for (size_t i = 0; i < length; ++i) candidate[i] -= along * column[i];
      }
    }
    double norm = std::sqrt(dot(candidate, candidate));
    // Some of the axes left must stick out by this much.
    if (norm < 0.5 / std::sqrt(static_cast<double>(length))) continue;
    for (double& x : candidate) x /= norm;
    u.push_back(std::move(candidate));
  }
  u.resize(length, Vector(length, std::numeric_limits<double>::quiet_NaN()));
}

struct Decomposition {
  Columns u, v;
  Vector values;
};

/** Of a matrix given by its columns, at least as many rows as columns. */
Decomposition decompose(Columns a, size_t rows) {
  const size_t n = a.size();
  Columns v(n, Vector(n, 0.0));
  for (size_t i = 0; i < n; ++i) v[i][i] = 1;
  orthogonalize(a, v);
  Vector norms(n);
  for (size_t i = 0; i < n; ++i) norms[i] = std::sqrt(dot(a[i], a[i]));
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t k) {
    return norms[i] > norms[k] || (std::isnan(norms[i]) && !std::isnan(norms[k]));
  });
  Decomposition result;
  double least = n ? norms[order[0]] * std::numeric_limits<double>::epsilon() * rows : 0;
  for (size_t i : order) {
    result.values.push_back(norms[i]);
    result.v.push_back(std::move(v[i]));
    if (norms[i] > least) {
      for (double& x : a[i]) x /= norms[i];
      result.u.push_back(std::move(a[i]));
    }
  }
  complete_basis(result.u, rows);
  return result;
}

template <typename T>
void svd_one(const T* in, size_t rows, size_t columns, T* u, T* values, T* vt) {
  // A wide matrix is decomposed as its transpose.
  const bool is_wide = columns > rows;
  size_t tall = std::max(rows, columns), narrow = std::min(rows, columns);
  Columns a(narrow, Vector(tall));
  for (size_t j = 0; j < narrow; ++j) {
    for (size_t i = 0; i < tall; ++i) a[j][i] = is_wide ? in[j * columns + i] : in[i * columns + j];
  }
  Decomposition d = decompose(std::move(a), tall);
  for (size_t i = 0; i < narrow; ++i) values[i] = static_cast<T>(d.values[i]);
  if (!u) return;
  const Columns& left = is_wide ? d.v : d.u;
  const Columns& right = is_wide ? d.u : d.v;
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < rows; ++j) u[i * rows + j] = static_cast<T>(left[j][i]);
  }
  for (size_t i = 0; i < columns; ++i) {
    for (size_t j = 0; j < columns; ++j) vt[i * columns + j] = static_cast<T>(right[i][j]);
  }
}

template <typename T>
void svd_all(const array& in, std::vector<array>& outputs) {
  size_t rows = in.shape(-2), columns = in.shape(-1), least = std::min(rows, columns);
  const bool with_uv = outputs.size() == 3;
  size_t matrices = 1;
  for (size_t i = 0; i + 2 < in.ndim(); ++i) matrices *= in.shape()[i];
  T* u = with_uv ? outputs[0].data<T>() : nullptr;
  T* values = outputs[with_uv ? 1 : 0].data<T>();
  T* vt = with_uv ? outputs[2].data<T>() : nullptr;
  const T* from = in.data<T>();
  parallel_ranges(static_cast<int64_t>(matrices), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      svd_one(from + i * rows * columns, rows, columns, with_uv ? u + i * rows * rows : nullptr,
              values + i * least, with_uv ? vt + i * columns * columns : nullptr);
    }
  });
}

void eval_svd(const Primitive&, const std::vector<array>& inputs, std::vector<array>& outputs) {
  for (auto& out : outputs) out.set_data(allocator::malloc(out.nbytes()));
  array in = array::placeholder(inputs[0].shape(), inputs[0].dtype());
  copy_contiguous(inputs[0], in);
  in.dtype() == float64 ? svd_all<double>(in, outputs) : svd_all<float>(in, outputs);
}

}  // namespace

void register_svd(KernelTable& table) { table.add<SVD>(eval_svd); }

}  // namespace mlx::core::cpu
