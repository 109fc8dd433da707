// Hopper's own instructions: bulk copies of tiles that a barrier in shared memory counts, and products of a group of
// four warps whose operands lie in shared memory. Compiled for sm_90a only.
#pragma once

#include "args.h"
#include "ptx.cuh"

namespace mlx_device {

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

/** A barrier that counts arrivals and bytes; a wait is for the end of the phase of that parity. */
struct alignas(8) SharedBarrier {
  unsigned long long state;

  void init(unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)), "r"(arrivals) : "memory");
  }
  void arrive() {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(this)) : "memory");
  }
  /** Arrives, and lets the phase end only after this many bytes have come. */
  void arrive_expecting(unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(this)), "r"(bytes)
                 : "memory");
  }
  void wait(unsigned parity) {
    asm volatile(
        "{\n.reg .pred done;\nAGAIN:\nmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@done bra DONE;\nbra AGAIN;\nDONE:\n}" ::"r"(shared_address(this)),
        "r"(parity)
        : "memory");
  }
};
/** Makes barriers that were just set up known to the copy engine. */
inline void fence_barrier_init() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

/** Starts the copy of a tile at these coordinates, innermost first; positions outside become zeros. */
inline void copy_tile4(void* shared, const TensorMap* map, SharedBarrier* barrier, int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];"
      ::"r"(shared_address(shared)),
      "l"(map), "r"(shared_address(barrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
inline void prefetch_map(const TensorMap* map) { asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory"); }

/** Moves registers between the warp groups of a block; all warps of a group call it. */
template <int kRegisters>
inline void give_registers_back() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

/** Barrier `id` of the block, for `threads` of its threads. */
inline void named_sync(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
inline void named_arrive(int id, int threads) { asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory"); }

inline void group_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
inline void group_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int kPending>
inline void group_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}
/** Keeps the compiler from moving registers that a running product owns. */
template <int N>
inline void hold(float (&d)[N]) {
#pragma unroll
  for (int i = 0; i < N; ++i) asm volatile("" : "+f"(d[i])::"memory");
}
template <int N, int M>
inline void hold(unsigned (&d)[N][M]) {
#pragma unroll
  for (int i = 0; i < N; ++i) {
#pragma unroll
    for (int j = 0; j < M; ++j) asm volatile("" : "+r"(d[i][j])::"memory");
  }
}

/** Describes a matrix in shared memory whose rows of 128 bytes the copy engine has swizzled; `panel_bytes` lies
 * between panels of 64 columns (transposed operands only). */
inline unsigned long long shared_matrix(const void* p, unsigned panel_bytes) {
  unsigned long long address = (shared_address(p) & 0x3ffffu) >> 4;
  return address | static_cast<unsigned long long>(panel_bytes >> 4) << 16 | 64ull << 32 | 1ull << 62;
}

// The accumulators of a product as asm operands: %0 and on in the text, d[0] and on in the list.
#define MLX_TEN(t) \
  ", %" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9"
#define MLX_NAMES_30 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9" MLX_TEN(1) MLX_TEN(2)
#define MLX_NAMES_32 MLX_NAMES_30 ", %30, %31"
#define MLX_NAMES_40 MLX_NAMES_30 MLX_TEN(3)
#define MLX_NAMES_60 MLX_NAMES_40 MLX_TEN(4) MLX_TEN(5)
#define MLX_NAMES_64 MLX_NAMES_60 ", %60, %61, %62, %63"
#define MLX_NAMES_120 MLX_NAMES_60 MLX_TEN(6) MLX_TEN(7) MLX_TEN(8) MLX_TEN(9) MLX_TEN(10) MLX_TEN(11)
#define MLX_NAMES_128 MLX_NAMES_120 ", %120, %121, %122, %123, %124, %125, %126, %127"
#define MLX_HELD_4(i) "+f"(d[i]), "+f"(d[(i) + 1]), "+f"(d[(i) + 2]), "+f"(d[(i) + 3])
#define MLX_HELD_8(i) MLX_HELD_4(i), MLX_HELD_4((i) + 4)
#define MLX_HELD_32(i) MLX_HELD_8(i), MLX_HELD_8((i) + 8), MLX_HELD_8((i) + 16), MLX_HELD_8((i) + 24)
#define MLX_OPERANDS_32 MLX_HELD_32(0)
#define MLX_OPERANDS_40 MLX_HELD_32(0), MLX_HELD_8(32)
#define MLX_OPERANDS_64 MLX_HELD_32(0), MLX_HELD_32(32)
#define MLX_OPERANDS_128 MLX_OPERANDS_64, MLX_HELD_32(64), MLX_HELD_32(96)

// Products of factors of one type; `count` accumulators a thread, and the numbers of the operands after them.
#define MLX_GROUP_PRODUCTS(name, type, columns, count, n0, n1, n2, n3, n4, n5)                                  \
  /** Both factors in shared memory, features side by side. */                                                  \
  static void name(float(&d)[count], unsigned long long a, unsigned long long b, int keep) {                    \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #n2 ", 0;\n"                                              \
                 "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32." type "." type                          \
                 " {" MLX_NAMES_##count "}, %" #n0 ", %" #n1 ", p, 1, 1, 0, 0;\n}"                              \
                 : MLX_OPERANDS_##count                                                                         \
                 : "l"(a), "l"(b), "r"(keep));                                                                  \
  }                                                                                                             \
  /** The left factor in registers, the rows of the right one along the sum. */                                 \
  static void name(float(&d)[count], const unsigned(&a)[4], unsigned long long b, int keep) {                   \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #n5 ", 0;\n"                                              \
                 "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32." type "." type                          \
                 " {" MLX_NAMES_##count "}, {%" #n0 ", %" #n1 ", %" #n2 ", %" #n3 "}, %" #n4 ", p, 1, 1, 1;\n}" \
                 : MLX_OPERANDS_##count                                                                         \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(keep));                              \
  }
#define MLX_GROUP_PRODUCT(columns, count, ...)                      \
  template <>                                                       \
  struct GroupProduct<columns> {                                    \
    MLX_GROUP_PRODUCTS(bfloat, "bf16", columns, count, __VA_ARGS__) \
    MLX_GROUP_PRODUCTS(half, "f16", columns, count, __VA_ARGS__)    \
  };

/** d[64][N] (+)= a b by a warp group; a function for each type of the factors. */
template <int N>
struct GroupProduct;
MLX_GROUP_PRODUCT(64, 32, 32, 33, 34, 35, 36, 37)
MLX_GROUP_PRODUCT(80, 40, 40, 41, 42, 43, 44, 45)
MLX_GROUP_PRODUCT(128, 64, 64, 65, 66, 67, 68, 69)
MLX_GROUP_PRODUCT(256, 128, 128, 129, 130, 131, 132, 133)

#endif

}  // namespace mlx_device
