// Opens LAPACK with dlopen and calls it: OpenBLAS, the serial build where there is one.
#include "backend/cpu/lapack.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cpu::lapack {

namespace {

/** The Fortran interface; the last argument is the hidden length of `job`. */
template <typename T>
using Gesdd = void (*)(const char* job, const int* m, const int* n, T* a, const int* lda, T* s,
                       T* u, const int* ldu, T* vt, const int* ldvt, T* work, const int* lwork,
                       int* iwork, int* info, size_t job_length);

void* open_library() {
  if (auto chosen = environment_string("MLX_LAPACK_LIBRARY")) {
    void* handle = dlopen(chosen->c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) throw_runtime("lapack", "cannot open MLX_LAPACK_LIBRARY: {}.", dlerror());
    return handle;
  }
  for (const char* name : {MLX_SERIAL_OPENBLAS, "libopenblas.so.0", "liblapack.so.3"}) {
    if (void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return handle;
  }
  throw_runtime("lapack",
                "LAPACK was not found: install OpenBLAS (`apt-get install libopenblas0-serial`), "
                "or set MLX_LAPACK_LIBRARY to a shared library that has it.");
}

struct Library {
  Gesdd<float> sgesdd;
  Gesdd<double> dgesdd;

  Library() {
    void* handle = open_library();
    bind(handle, "sgesdd_", sgesdd);
    bind(handle, "dgesdd_", dgesdd);
    // A threaded OpenBLAS splits its work by the number of threads, and the bits with it.
    if (void* symbol = dlsym(handle, "openblas_set_num_threads")) {
      reinterpret_cast<void (*)(int)>(symbol)(1);
    }
  }

 private:
  template <typename Function>
  static void bind(void* handle, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (!function) throw_runtime("lapack", "the library that was found has no {}.", name);
  }
};

const Library& library() {
  static const Library opened;
  return opened;
}

template <typename T>
Gesdd<T> gesdd() {
  if constexpr (std::is_same_v<T, double>) {
    return library().dgesdd;
  } else {
    return library().sgesdd;
  }
}

int to_int(double length) {
  if (length > std::numeric_limits<int>::max()) {
    throw_runtime("svd", "the matrix is too large: LAPACK would need a buffer of {:.0f} elements.",
                  length);
  }
  return static_cast<int>(length);
}

template <typename T>
void set_identity(T* matrix, size_t n) {
  std::fill_n(matrix, n * n, T(0));
  for (size_t i = 0; i < n; ++i) matrix[i * n + i] = T(1);
}

}  // namespace

template <typename T>
void singular_values(T* a, size_t rows, size_t columns, T* u, T* values, T* vt) {
  if (rows == 0 || columns == 0) {  // LAPACK would leave u and vt as they are
    if (u) set_identity(u, rows);
    if (vt) set_identity(vt, columns);
    return;
  }
  // In LAPACK's column-major order `a` is its transpose, whose U and V^T are our V^T and U.
  const char job = u ? 'A' : 'N';
  const int m = to_int(columns), n = to_int(rows);
  std::vector<int> iwork(8 * std::min(rows, columns));
  int info = 0, lwork = -1;
  T length = 0;
  Gesdd<T> decompose = gesdd<T>();
  // The serial OpenBLAS has buffers of its own and takes no locks.
  static std::mutex one_at_a_time;
  std::lock_guard lock(one_at_a_time);
  decompose(&job, &m, &n, a, &m, values, vt, &m, u, &n, &length, &lwork, iwork.data(), &info, 1);
  // A float may have rounded the length down.
  lwork = to_int(std::ceil(static_cast<double>(length) * (1 + std::numeric_limits<T>::epsilon())));
  std::vector<T> work(lwork);
  decompose(&job, &m, &n, a, &m, values, vt, &m, u, &n, work.data(), &lwork, iwork.data(), &info,
            1);
  if (info != 0) {
    throw_runtime("svd",
                  "the decomposition of a ({}, {}) matrix failed with LAPACK's code {}: "
                  "{}.",
                  rows, columns, info, info < 0 ? "it has a NaN" : "it did not converge");
  }
}

template void singular_values(float*, size_t, size_t, float*, float*, float*);
template void singular_values(double*, size_t, size_t, double*, double*, double*);

}  // namespace mlx::core::cpu::lapack
