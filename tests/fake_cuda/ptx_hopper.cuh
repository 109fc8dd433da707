// What kernels/ptx_hopper.cuh offers, in plain C++ for the emulation: copies and products happen when they are started.
#pragma once

#include "args.h"
#include "ptx.cuh"

namespace mlx_device {

/** As the fake driver encodes it. */
struct EmulatedMap {
  const char* base;
  long long dims[4], strides[4];  // bytes
  int box[4];
};

struct alignas(8) SharedBarrier {
  unsigned short arrivals, pending;
  unsigned short phase, unused;
  int bytes;

  void init(unsigned count) { *this = {static_cast<unsigned short>(count), static_cast<unsigned short>(count), 0, 0, 0}; }
  void complete() {
    if (pending > 0 || bytes != 0) return;
    pending = arrivals;
    phase ^= 1;
    mlx_emulation->yield(true);
  }
  void arrive() {
    if (pending == 0) __builtin_trap();
    --pending;
    complete();
  }
  void arrive_expecting(unsigned count) {
    bytes += static_cast<int>(count);
    arrive();
  }
  void receive(int count) {
    bytes -= count;
    complete();
  }
  void wait(unsigned parity) {
    while (phase == parity) mlx_emulation->yield(false);
  }
};
inline void fence_barrier_init() {}

inline void copy_tile4(void* shared, const TensorMap* map, SharedBarrier* barrier, int c0, int c1, int c2, int c3) {
  EmulatedMap m;
  memcpy(&m, map, sizeof(m));
  if (shared_address(shared) % 1024 != 0) __builtin_trap();
  for (int row = 0; row < m.box[1]; ++row) {
    for (int col = 0; col < m.box[0]; ++col) {
      long long at[4] = {c0 + col, c1 + row, c2, c3};
      bool inside = true;
      long long offset = 0;
      for (int d = 0; d < 4; ++d) {
        inside = inside && at[d] >= 0 && at[d] < m.dims[d];
        offset += at[d] * m.strides[d];
      }
      unsigned to = row * 128 + col * 2;
      to ^= to >> 7 << 4 & 0x70;
      if (inside) {
        memcpy(static_cast<char*>(shared) + to, m.base + offset, 2);
      } else {
        memset(static_cast<char*>(shared) + to, 0, 2);
      }
    }
  }
  barrier->receive(m.box[0] * m.box[1] * 2);
}
inline void prefetch_map(const TensorMap*) {}
template <int>
inline void give_registers_back() {}
template <int>
inline void take_registers() {}

inline unsigned emulated_arrived[16], emulated_rounds[16];
inline void named_arrive(int id, int threads) {
  if (++emulated_arrived[id] == static_cast<unsigned>(threads)) {
    emulated_arrived[id] = 0;
    ++emulated_rounds[id];
    mlx_emulation->yield(true);
  }
}
inline void named_sync(int id, int threads) {
  unsigned round = emulated_rounds[id];
  named_arrive(id, threads);
  while (emulated_rounds[id] == round) mlx_emulation->yield(false);
}

inline void group_fence() {}
inline void group_commit() {}
template <int>
inline void group_wait() {
  mlx_emulation->sync_warp();  // neighbours' products are done, too
}
template <class T>
inline void hold(T&) {}

inline unsigned long long shared_matrix(const void* p, unsigned panel_bytes) {
  return shared_address(p) >> 4 | static_cast<unsigned long long>(panel_bytes >> 4) << 16;
}
/** An element of a swizzled matrix of 16-bit elements. */
inline unsigned short matrix_element(unsigned long long matrix, unsigned row, unsigned col) {
  unsigned start = static_cast<unsigned>(matrix & 0x3fff) << 4;
  unsigned panel = static_cast<unsigned>(matrix >> 16 & 0x3fff) << 4;
  unsigned at = start + col / 64 * panel + row * 128 + col % 64 * 2;
  at ^= at >> 7 << 4 & 0x70;
  unsigned short bits;
  memcpy(&bits, mlx_emulation->dynamic_shared + at, 2);
  return bits;
}

template <int N>
struct GroupProduct {
  template <class Element>
  static void both_shared(float (&d)[N / 2], unsigned long long a, unsigned long long b, int keep) {
    unsigned thread = mlx_emulation->linear_thread % 128, t = thread % 4;
    for (int i = 0; i < N / 2; ++i) {
      unsigned row = thread / 32 * 16 + thread % 32 / 4 + i % 4 / 2 * 8;
      unsigned col = i / 4 * 8 + 2 * t + i % 2;
      float sum = keep ? d[i] : 0.0f;
      for (unsigned k = 0; k < 16; ++k) {
        sum += Element::widen(matrix_element(a, row, k)) * Element::widen(matrix_element(b, col, k));
      }
      d[i] = sum;
    }
  }
  template <class Element>
  static void left_held(float (&d)[N / 2], const unsigned (&a)[4], unsigned long long b, int keep) {
    unsigned lane = emulated_lane(), t = lane % 4;
    memcpy(mlx_emulation->slot(lane), a, 16);
    mlx_emulation->sync_warp();
    for (int i = 0; i < N / 2; ++i) {
      unsigned col = i / 4 * 8 + 2 * t + i % 2;
      float sum = keep ? d[i] : 0.0f;
      for (unsigned k = 0; k < 16; ++k) {
        unsigned word;
        memcpy(&word, mlx_emulation->slot(lane / 4 * 4 + k % 8 / 2) + 4 * (i % 4 / 2 + 2 * (k / 8)), 4);
        sum += Element::widen(static_cast<unsigned short>(word >> 16 * (k % 2))) * Element::widen(matrix_element(b, k, col));
      }
      d[i] = sum;
    }
    mlx_emulation->sync_warp();
  }
  static void bfloat(float (&d)[N / 2], unsigned long long a, unsigned long long b, int keep) {
    both_shared<EmulatedBfloat>(d, a, b, keep);
  }
  static void bfloat(float (&d)[N / 2], const unsigned (&a)[4], unsigned long long b, int keep) {
    left_held<EmulatedBfloat>(d, a, b, keep);
  }
  static void half(float (&d)[N / 2], unsigned long long a, unsigned long long b, int keep) {
    both_shared<EmulatedHalf>(d, a, b, keep);
  }
  static void half(float (&d)[N / 2], const unsigned (&a)[4], unsigned long long b, int keep) {
    left_held<EmulatedHalf>(d, a, b, keep);
  }
};

}  // namespace mlx_device
