// Blocking and threading of the matrix product around the micro-kernels.
#include "backend/cpu/gemm/gemm.h"

#include <algorithm>

#include "backend/cpu/gemm/gemv.h"
#include "backend/cpu/gemm/scratch.h"
#include "base/errors.h"
#include "base/thread_pool.h"
#include "mlx/types/complex.h"

namespace mlx::core::cpu {

namespace {

constexpr int64_t kDepthBlock = 512;   // a sliver of a this deep stays in the first-level cache
constexpr int64_t kColumnBlock = 384;  // a block of packed b: half of a second-level cache
constexpr int64_t kPackedBytes = 16 << 20;  // of b packed at once, shared by all threads
constexpr int64_t kMaxSliversPerTask = 20;  // a block of packed a: a few hundred KB
constexpr double kFlopsPerTask = 1e6;       // less is not worth handing over
constexpr double kFlopsAlone = 4e8;         // from here a matrix of a batch keeps all threads busy
constexpr int64_t kSetStride = 4096;        // rows so far apart compete for the same cache lines
constexpr int64_t kSmallRows = 96;          // up to here a is packed once and b by each task

int64_t div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return div_up(a, b) * b; }

/** How micro-kernels find the elements of an operand's block. */
template <typename T>
struct Slivers {
  const T* data;
  int64_t sliver_stride;
  int64_t lane_stride;
  int64_t depth_stride;
};

/** c[rows x columns] (+)= a block * b block, sliver by sliver; the sliver of a is the reused one.
 */
template <typename T>
void multiply_block(const MicroKernel<T>& kernel, int64_t rows, int64_t columns, int64_t depth,
                    const Slivers<T>& a, const Slivers<T>& b, T* c, int64_t ldc, bool accumulate) {
  for (int64_t j0 = 0; j0 < columns; j0 += kColumnBlock) {
    const int64_t j1 = std::min(columns, j0 + kColumnBlock);
    for (int64_t i = 0; i < rows; i += kernel.rows) {
      const int m = static_cast<int>(std::min<int64_t>(kernel.rows, rows - i));
      const T* a_sliver = a.data + i / kernel.rows * a.sliver_stride;
      for (int64_t j = j0; j < j1; j += kernel.columns) {
        const int n = static_cast<int>(std::min<int64_t>(kernel.columns, j1 - j));
        kernel.run(m, n, depth, a_sliver, a.lane_stride, a.depth_stride,
                   b.data + j / kernel.columns * b.sliver_stride, b.depth_stride, c + i * ldc + j,
                   ldc, accumulate);
      }
    }
  }
}

/** The parts of one product, shared by its tasks. */
template <typename T>
class Product {
 public:
  Product(int64_t m, int64_t n, int64_t k, Packer<T> pack_a, Packer<T> pack_b, Store<T> store,
          T* direct_out, int64_t direct_ld)
      : kernel_(micro_kernel<T>()),
        m_(m),
        n_(n),
        k_(k),
        pack_a_(pack_a),
        pack_b_(pack_b),
        store_(store),
        direct_out_(direct_out),
        direct_ld_(direct_ld),
        flops_(2.0 * m * n * k) {
    depth_block_ = depth_block(kDepthBlock);
  }

  void run() {
    if (m_ <= kSmallRows && n_ > m_) {
      run_few_rows();
    } else {
      run_blocked();
    }
  }

 private:
  // Blocks as equal as can be, multiples of what quantised formats and complex pairs need.
  int64_t depth_block(int64_t limit) const {
    const int64_t blocks = div_up(k_, limit);
    return round_up(div_up(k_, blocks), 32);
  }

  Slivers<T> packed(const T* data, int width, int64_t depth) const {
    return {data, width * depth, 1, width};
  }

  /** b is packed in column panels shared by all; each task packs its own rows of a. */
  void run_blocked() {
    const int64_t nr = kernel_.columns;
    const int64_t fit = kPackedBytes / static_cast<int64_t>(sizeof(T)) / k_ / nr * nr;
    int64_t panel = std::min(round_up(n_, nr), std::max(fit, 8 * nr));
    panel = round_up(div_up(n_, div_up(n_, panel)), nr);
    T* b_packed = thread_scratch<T>(ScratchUse::packed_b, panel * k_ + kPackSlack);
    for (int64_t j0 = 0; j0 < n_; j0 += panel) {
      const int64_t columns = std::min(panel, n_ - j0);
      const int64_t padded = round_up(columns, nr);
      pack_panel(b_packed, j0, columns, padded);
      split(m_, columns, [&](int64_t i0, int64_t rows, int64_t c0, int64_t task_columns) {
        multiply_rows(b_packed, padded, i0, rows, j0, c0, task_columns);
      });
    }
  }

  // Layout: one block for each depth block, `padded` columns wide.
  void pack_panel(T* dst, int64_t j0, int64_t columns, int64_t padded) {
    const int64_t nr = kernel_.columns;
    const int64_t group = 8 * nr;
    const int64_t groups = div_up(columns, group);
    const int64_t blocks = div_up(k_, depth_block_);
    auto pack_group = [&](int64_t task) {
      const int64_t k0 = task / groups * depth_block_;
      const int64_t depth = std::min(depth_block_, k_ - k0);
      const int64_t c0 = task % groups * group;
      pack_b_(dst + k0 * padded + c0 * depth, static_cast<int>(nr), j0 + c0,
              std::min(group, columns - c0), k0, depth);
    };
    if (flops_ < 2 * kFlopsPerTask) {
      for (int64_t task = 0; task < groups * blocks; ++task) pack_group(task);
    } else {
      parallel_for(groups * blocks, pack_group);
    }
  }

  void multiply_rows(const T* b_packed, int64_t padded, int64_t i0, int64_t rows, int64_t j0,
                     int64_t c0, int64_t columns) {
    const int64_t mr = kernel_.rows;
    T* a_packed =
        thread_scratch<T>(ScratchUse::packed_a, round_up(rows, mr) * depth_block_ + kPackSlack);
    int64_t ld = direct_ld_;
    T* sums = direct_out_ != nullptr ? direct_out_ + i0 * direct_ld_ + j0 + c0
                                     : tile_scratch(rows, columns, &ld);
    for (int64_t k0 = 0; k0 < k_; k0 += depth_block_) {
      const int64_t depth = std::min(depth_block_, k_ - k0);
      pack_a_(a_packed, static_cast<int>(mr), i0, rows, k0, depth);
      multiply_block(kernel_, rows, columns, depth, packed(a_packed, static_cast<int>(mr), depth),
                     packed(b_packed + k0 * padded + c0 * depth, kernel_.columns, depth), sums, ld,
                     k0 > 0);
    }
    if (direct_out_ == nullptr) store_(sums, ld, i0, rows, j0 + c0, columns);
  }

  /** a, being small, is packed once; each task streams its own columns of b. */
  void run_few_rows() {
    const int64_t mr = kernel_.rows;
    const int64_t nr = kernel_.columns;
    const int64_t depth_limit = m_ <= 2 * mr ? 2 * kDepthBlock : kDepthBlock;
    depth_block_ = depth_block(depth_limit);
    const int64_t padded = round_up(m_, mr);
    T* a_packed = thread_scratch<T>(ScratchUse::packed_a, padded * k_ + kPackSlack);
    for (int64_t k0 = 0; k0 < k_; k0 += depth_block_) {
      const int64_t depth = std::min(depth_block_, k_ - k0);
      pack_a_(a_packed + k0 * padded, static_cast<int>(mr), 0, m_, k0, depth);
    }
    const int64_t slivers = div_up(n_, nr);
    const int64_t most = std::max<int64_t>(1, static_cast<int64_t>(flops_ / kFlopsPerTask));
    const int64_t wanted = std::max(div_up(slivers, 8), std::min(slivers, 4 * threads()));
    const int64_t tasks = std::min(wanted, most);
    auto multiply_columns = [&](int64_t task) {
      const int64_t j0 = slivers * task / tasks * nr;
      const int64_t columns = std::min(n_, slivers * (task + 1) / tasks * nr) - j0;
      T* b_packed = thread_scratch<T>(ScratchUse::packed_b,
                                      round_up(columns, nr) * depth_block_ + kPackSlack);
      int64_t ld = direct_ld_;
      T* sums = direct_out_ != nullptr ? direct_out_ + j0 : tile_scratch(m_, columns, &ld);
      for (int64_t k0 = 0; k0 < k_; k0 += depth_block_) {
        const int64_t depth = std::min(depth_block_, k_ - k0);
        pack_b_(b_packed, static_cast<int>(nr), j0, columns, k0, depth);
        multiply_block(kernel_, m_, columns, depth,
                       packed(a_packed + k0 * padded, static_cast<int>(mr), depth),
                       packed(b_packed, static_cast<int>(nr), depth), sums, ld, k0 > 0);
      }
      if (direct_out_ == nullptr) store_(sums, ld, 0, m_, j0, columns);
    };
    parallel_for(tasks, multiply_columns);
  }

  T* tile_scratch(int64_t rows, int64_t columns, int64_t* ld) const {
    *ld = round_up(columns, 16);
    return thread_scratch<T>(ScratchUse::tile, rows * *ld + kPackSlack);
  }

  static int64_t threads() { return num_threads(); }

  /** Cuts rows x columns into tasks. Any cut gives the same bits, so it may look at the threads. */
  template <typename F>
  void split(int64_t rows, int64_t columns, F&& task) {
    const int64_t mr = kernel_.rows;
    const int64_t nr = kernel_.columns;
    const int64_t row_slivers = div_up(rows, mr);
    const int64_t column_slivers = div_up(columns, nr);
    const int64_t most =
        std::max<int64_t>(1, static_cast<int64_t>(2.0 * rows * columns * k_ / kFlopsPerTask));
    const int64_t wanted = std::min(most, 4 * threads());
    int64_t row_tasks =
        std::max(div_up(row_slivers, kMaxSliversPerTask), std::min(wanted, div_up(row_slivers, 3)));
    if (row_slivers >= 4 * threads() && most >= threads()) {
      row_tasks = std::min(row_slivers, round_up(row_tasks, threads()));
    }
    const int64_t column_tasks =
        std::min(div_up(column_slivers, 4), std::max<int64_t>(1, div_up(wanted, row_tasks)));
    parallel_for(row_tasks * column_tasks, [&](int64_t index) {
      const int64_t r = index / column_tasks;
      const int64_t c = index % column_tasks;
      const int64_t i0 = row_slivers * r / row_tasks * mr;
      const int64_t i1 = std::min(rows, row_slivers * (r + 1) / row_tasks * mr);
      const int64_t c0 = column_slivers * c / column_tasks * nr;
      const int64_t c1 = std::min(columns, column_slivers * (c + 1) / column_tasks * nr);
      task(i0, i1 - i0, c0, c1 - c0);
    });
  }

  const MicroKernel<T>& kernel_;
  const int64_t m_;
  const int64_t n_;
  const int64_t k_;
  Packer<T> pack_a_;
  Packer<T> pack_b_;
  Store<T> store_;
  T* const direct_out_;
  const int64_t direct_ld_;
  const double flops_;
  int64_t depth_block_ = 0;
};

/** Products so small that packing would cost more than it saves read float32 where it lies. */
bool multiply_in_place(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                       float* out, int64_t ld) {
  constexpr int64_t kCached = 8192;  // elements: together with the other operand in the first level
  const MicroKernel<float>& kernel = micro_kernel<float>();
  if (m * k > kCached || n * k > kCached || b.column_stride != 1) return false;
  multiply_block<float>(kernel, m, n, k,
                        {static_cast<const float*>(a.data), kernel.rows * a.row_stride,
                         a.row_stride, a.column_stride},
                        {static_cast<const float*>(b.data), kernel.columns, 1, b.row_stride}, out,
                        ld, false);
  return true;
}

/** Middling products: a is read where it lies and each task packs its own columns of b, since lines
 * that one core has packed come slowly to another. Any cut gives the same bits. */
bool multiply_apart(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, float* out,
                    int64_t ld) {
  const double flops = 2.0 * m * n * k;
  const int64_t row_bytes = a.row_stride * static_cast<int64_t>(sizeof(float));
  const bool readable = a.row_stride == 1 || (a.column_stride == 1 && row_bytes % kSetStride != 0);
  if (flops > kFlopsAlone || !readable) return false;
  const MicroKernel<float>& kernel = micro_kernel<float>();
  const int64_t mr = kernel.rows;
  const int64_t nr = kernel.columns;
  const int64_t row_slivers = div_up(m, mr);
  const int64_t column_slivers = div_up(n, nr);
  const int64_t wanted =
      std::clamp<int64_t>(static_cast<int64_t>(flops / kFlopsPerTask), 1, num_threads());
  const int64_t column_tasks = std::min(column_slivers, wanted);
  const int64_t row_tasks = std::min(row_slivers, div_up(wanted, column_tasks));
  const Matrix b_lanes{b.data, b.dtype, b.column_stride, b.row_stride};
  const int64_t depth_block = round_up(div_up(k, div_up(k, kDepthBlock)), 32);
  parallel_for(row_tasks * column_tasks, [&](int64_t task) {
    const int64_t r = task / column_tasks;
    const int64_t c = task % column_tasks;
    const int64_t i0 = row_slivers * r / row_tasks * mr;
    const int64_t rows = std::min(m, row_slivers * (r + 1) / row_tasks * mr) - i0;
    const int64_t c0 = column_slivers * c / column_tasks * nr;
    const int64_t c1 = std::min(n, column_slivers * (c + 1) / column_tasks * nr);
    for (int64_t j0 = c0; j0 < c1; j0 += kColumnBlock) {
      const int64_t columns = std::min(kColumnBlock, c1 - j0);
      float* b_packed = thread_scratch<float>(ScratchUse::packed_b,
                                              round_up(columns, nr) * depth_block + kPackSlack);
      for (int64_t k0 = 0; k0 < k; k0 += depth_block) {
        const int64_t depth = std::min(depth_block, k - k0);
        pack_dense(b_packed, static_cast<int>(nr), b_lanes, j0, columns, k0, depth);
        const float* a_part =
            static_cast<const float*>(a.data) + i0 * a.row_stride + k0 * a.column_stride;
        multiply_block<float>(kernel, rows, columns, depth,
                              {a_part, mr * a.row_stride, a.row_stride, a.column_stride},
                              {b_packed, nr * depth, 1, nr}, out + i0 * ld + j0, ld, k0 > 0);
      }
    }
  });
  return true;
}

/** A product with one row or column; false if the matrix has no unit stride. */
bool multiply_vector(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
                     int64_t out_row_stride, const Epilogue& epilogue) {
  const bool row = m == 1;
  const int64_t size = row ? n : m;
  // w(i, k): the matrix with its results along the rows.
  const Matrix w = row ? Matrix{b.data, b.dtype, b.column_stride, b.row_stride} : a;
  const Matrix x =
      row ? Matrix{a.data, a.dtype, a.column_stride, 1} : Matrix{b.data, b.dtype, b.row_stride, 1};
  const bool rows_contiguous = w.column_stride == 1;
  if (!rows_contiguous && w.row_stride != 1) return false;
  float* values = thread_scratch<float>(ScratchUse::packed_a, k);
  float* sums = thread_scratch<float>(ScratchUse::tile, size);
  if (x.row_stride == 1) {
    convert_to_float(values, x.data, x.dtype, k);
  } else {
    const int64_t step = x.row_stride * static_cast<int64_t>(size_of(x.dtype));
    for (int64_t i = 0; i < k; ++i) {
      convert_to_float(values + i, static_cast<const char*>(x.data) + i * step, x.dtype, 1);
    }
  }
  gemv(sums, w.data, w.dtype, rows_contiguous, rows_contiguous ? w.row_stride : w.column_stride,
       size, k, values);
  if (row) {
    store_tile(out, a.dtype, out_row_stride, sums, size, 1, size, epilogue);
  } else if (out_row_stride == 1) {
    Epilogue turned = epilogue;
    turned.addend_column_stride = epilogue.addend_row_stride;
    store_tile(out, a.dtype, size, sums, size, 1, size, turned);
  } else {
    store_tile(out, a.dtype, out_row_stride, sums, 1, size, 1, epilogue);
  }
  return true;
}

template <typename T>
void gemm_dense(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
                int64_t out_row_stride, const Epilogue& epilogue) {
  const bool plain = epilogue.alpha == 1.0f && epilogue.beta == 0.0f;
  const bool direct = plain && size_of(a.dtype) == sizeof(T);
  T* direct_out = direct ? static_cast<T*>(out) : nullptr;
  if constexpr (std::is_same_v<T, float>) {
    if ((m == 1 || n == 1) && multiply_vector(m, n, k, a, b, out, out_row_stride, epilogue)) {
      return;
    }
    if (direct && a.dtype == float32 &&
        (multiply_in_place(m, n, k, a, b, direct_out, out_row_stride) ||
         multiply_apart(m, n, k, a, b, direct_out, out_row_stride))) {
      return;
    }
  }
  const Matrix b_lanes{b.data, b.dtype, b.column_stride, b.row_stride};
  auto pack_a = [&](T* dst, int width, int64_t first, int64_t count, int64_t k0, int64_t depth) {
    pack_dense(dst, width, a, first, count, k0, depth);
  };
  auto pack_b = [&](T* dst, int width, int64_t first, int64_t count, int64_t k0, int64_t depth) {
    pack_dense(dst, width, b_lanes, first, count, k0, depth);
  };
  auto store = [&](const T* sums, int64_t ld, int64_t row, int64_t rows, int64_t column,
                   int64_t columns) {
    Epilogue part = epilogue;
    const int64_t size = size_of(a.dtype);
    if (part.beta != 0.0f) {
      part.addend = static_cast<const char*>(part.addend) +
                    (row * part.addend_row_stride + column * part.addend_column_stride) * size;
    }
    char* target = static_cast<char*>(out) + (row * out_row_stride + column) * size;
    if constexpr (std::is_same_v<T, float>) {
      store_tile(target, a.dtype, out_row_stride, sums, ld, rows, columns, part);
    } else {
      store_tile(reinterpret_cast<double*>(target), out_row_stride, sums, ld, rows, columns, part);
    }
  };
  Product<T>(m, n, k, pack_a, pack_b, store, direct_out, out_row_stride).run();
}

/** A complex product is a real one: a's numbers stay pairs along k, each of b becomes the 2x2
 * matrix [re im; -im re], and the sums come out as interleaved complex numbers. */
void gemm_complex(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                  complex64_t* out, int64_t out_row_stride, const Epilogue& epilogue) {
  const float* a_data = static_cast<const float*>(a.data);
  const float* b_data = static_cast<const float*>(b.data);
  auto pack_a = [&](float* dst, int width, int64_t first, int64_t count, int64_t k0,
                    int64_t depth) {
    for (int64_t i = 0; i < count; ++i) {
      float* sliver = dst + i / width * depth * width + i % width;
      for (int64_t j = 0; j < depth; ++j) {
        const int64_t index = (first + i) * a.row_stride + (k0 + j) / 2 * a.column_stride;
        sliver[j * width] = a_data[2 * index + (k0 + j) % 2];
      }
    }
  };
  auto pack_b = [&](float* dst, int width, int64_t first, int64_t count, int64_t k0,
                    int64_t depth) {
    for (int64_t s = 0; s < count; s += width) {
      const int64_t lanes = std::min<int64_t>(width, count - s);
      for (int64_t j = 0; j < depth; j += 2, dst += 2 * width) {
        for (int64_t i = 0; i < lanes; i += 2) {
          const int64_t index = (first + s + i) / 2 * b.column_stride + (k0 + j) / 2 * b.row_stride;
          dst[i] = b_data[2 * index];
          dst[i + 1] = b_data[2 * index + 1];
          dst[width + i] = -b_data[2 * index + 1];
          dst[width + i + 1] = b_data[2 * index];
        }
      }
    }
  };
  auto store = [&](const float* sums, int64_t ld, int64_t row, int64_t rows, int64_t column,
                   int64_t columns) {
    const auto* addend = static_cast<const complex64_t*>(epilogue.addend);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; j += 2) {
        const int64_t r = row + i;
        const int64_t c = (column + j) / 2;
        float re = epilogue.alpha * sums[i * ld + j];
        float im = epilogue.alpha * sums[i * ld + j + 1];
        if (epilogue.beta != 0.0f) {
          const complex64_t extra =
              addend[r * epilogue.addend_row_stride + c * epilogue.addend_column_stride];
          re += epilogue.beta * extra.real();
          im += epilogue.beta * extra.imag();
        }
        out[r * out_row_stride + c] = complex64_t{re, im};
      }
    }
  };
  gemm_packed(m, 2 * n, 2 * k, pack_a, pack_b, Store<float>(store));
}

/** The value of an empty sum, with the epilogue applied. */
void fill_empty_product(int64_t m, int64_t n, Dtype dtype, void* out, int64_t out_row_stride,
                        const Epilogue& epilogue) {
  const size_t size = size_of(dtype);
  char zero[16] = {};
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      char* target = static_cast<char*>(out) + (i * out_row_stride + j) * size;
      Epilogue part = epilogue;
      part.addend = static_cast<const char*>(epilogue.addend) +
                    (i * epilogue.addend_row_stride + j * epilogue.addend_column_stride) * size;
      if (epilogue.beta == 0.0f) {
        std::copy(zero, zero + size, target);
      } else if (dtype == float64) {
        const double sum = 0;
        store_tile(reinterpret_cast<double*>(target), 1, &sum, 1, 1, 1, part);
      } else if (dtype == complex64) {
        const auto extra = *static_cast<const complex64_t*>(part.addend);
        *reinterpret_cast<complex64_t*>(target) =
            complex64_t{epilogue.beta * extra.real(), epilogue.beta * extra.imag()};
      } else {
        const float sum = 0;
        store_tile(target, dtype, 1, &sum, 1, 1, 1, part);
      }
    }
  }
}

}  // namespace

template <typename T>
void pack_dense(T* dst, int width, const Matrix& source, int64_t first, int64_t count, int64_t k0,
                int64_t depth) {
  const int64_t size = size_of(source.dtype);
  const char* origin = static_cast<const char*>(source.data) +
                       (first * source.row_stride + k0 * source.column_stride) * size;
  auto pack_part = [&](int64_t s, int64_t k, int64_t part) {
    const void* src = origin + (s * source.row_stride + k * source.column_stride) * size;
    T* sliver = dst + s * depth + k * width;
    const int lanes = static_cast<int>(std::min<int64_t>(width, count - s));
    pack_sliver(sliver, width, src, source.dtype, source.row_stride, source.column_stride, lanes,
                part);
  };
  // Rows that are contiguous along the lanes are read whole, a few at a time, as they lie in
  // memory.
  const int64_t step = source.row_stride == 1 && width % 4 == 0 ? 16 : depth;
  for (int64_t k = 0; k < depth; k += step) {
    for (int64_t s = 0; s < count; s += width) pack_part(s, k, std::min(step, depth - k));
  }
}

void gemm_batch(int64_t batch, int64_t m, int64_t n, int64_t k,
                FunctionRef<void(int64_t)> multiply_one) {
  const double flops = 2.0 * m * n * k;
  if (batch * flops < 2 * kFlopsPerTask || flops > kFlopsAlone || batch < num_threads()) {
    for (int64_t i = 0; i < batch; ++i) multiply_one(i);
    return;
  }
  const auto grain = std::max<int64_t>(1, static_cast<int64_t>(kFlopsPerTask / flops));
  parallel_ranges(batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) multiply_one(i);
  });
}

template void pack_dense(float*, int, const Matrix&, int64_t, int64_t, int64_t, int64_t);
template void pack_dense(double*, int, const Matrix&, int64_t, int64_t, int64_t, int64_t);

void gemm_packed(int64_t m, int64_t n, int64_t k, Packer<float> pack_a, Packer<float> pack_b,
                 Store<float> store) {
  Product<float>(m, n, k, pack_a, pack_b, store, nullptr, 0).run();
}

void gemm_packed(int64_t m, int64_t n, int64_t k, Packer<double> pack_a, Packer<double> pack_b,
                 Store<double> store) {
  Product<double>(m, n, k, pack_a, pack_b, store, nullptr, 0).run();
}

void gemm(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* out,
          int64_t out_row_stride, const Epilogue& epilogue) {
  internal_check(a.dtype == b.dtype, "gemm operands have different dtypes");
  if (m == 0 || n == 0) return;
  if (k == 0) return fill_empty_product(m, n, a.dtype, out, out_row_stride, epilogue);
  switch (a.dtype.val()) {
    case Dtype::Val::float16:
    case Dtype::Val::bfloat16:
    case Dtype::Val::float32:
      return gemm_dense<float>(m, n, k, a, b, out, out_row_stride, epilogue);
    case Dtype::Val::float64:
      return gemm_dense<double>(m, n, k, a, b, out, out_row_stride, epilogue);
    case Dtype::Val::complex64:
      return gemm_complex(m, n, k, a, b, static_cast<complex64_t*>(out), out_row_stride, epilogue);
    default:
      throw_internal("gemm of an integer dtype");
  }
}

}  // namespace mlx::core::cpu
