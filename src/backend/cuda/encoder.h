// Encoder: records the work of one GPU stream as a graph with dependencies from data flow, and
// launches it.
#pragma once

#include <atomic>
#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "backend/cuda/graph_cache.h"
#include "backend/cuda/jit.h"
#include "backend/cuda/memory_pool.h"
#include "mlx/array.h"

namespace mlx::core::cuda {

/** Any thread may use an encoder; its calls are serialised. Work runs in the order of recording as
 * far as data flow tells, and after commit() only. */
class Encoder {
 public:
  static Encoder& of(Stream stream);
  static std::vector<Encoder*> all();

  /** The device address of an input's first element, moved to the device if need be. The next
   * launch, copy, fill or call depends on whoever wrote it. */
  CuDevicePtr input(const array& a);
  /** The device address of an output's first element; the next launch writes it. */
  CuDevicePtr output(const array& a);

  /** Gives an output fresh device memory, row-contiguous. */
  void allocate(array& out);
  /** The same in another dense layout. */
  void allocate(array& out, const Strides& strides, array::Flags flags);
  /** An array that lives until the caller lets go of it; its memory is then reused in stream order.
   */
  array temporary(Shape shape, Dtype dtype);

  template <typename Args>
  void launch(const Kernel& kernel, Dim3 grid, Dim3 block, const Args& args,
              size_t shared_bytes = 0) {
    static_assert(std::is_trivially_copyable_v<Args>);
    launch_bytes(kernel, grid, block, &args, sizeof(Args), shared_bytes);
  }
  void copy(CuDevicePtr dst, CuDevicePtr src, size_t bytes);
  /** All bytes of one dense array to another of the same size. */
  void copy_array(const array& from, const array& to);
  void fill_bytes(CuDevicePtr dst, unsigned char value, size_t bytes);
  /** Work that a library puts on the stream itself; it splits the graph. */
  void call(std::function<void(CuStream)> work);

  /** Copies from the host; the host memory may be changed once this returns. */
  void upload(DeviceSide& side, const void* host, size_t bytes);

  /** Takes back input() and output() calls whose launch did not come about. */
  void forget_uses();
  /** Launches what is recorded. */
  void commit();
  /** commit(), then waits on the host until all of it is done. */
  void synchronize();
  /** Later work of this stream runs after that moment of another. */
  void wait_for(Moment moment);

  /** The epoch that work recorded now belongs to; epochs end at commits. */
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  /** True once all work of that epoch is done. */
  bool is_done(uint64_t epoch) const;
  /** The same, asking the driver. */
  bool poll_done(uint64_t epoch);
  /** Commits if need be, then waits for that epoch. */
  void wait_done(uint64_t epoch);

  CuStream stream() const { return stream_; }

 private:
  explicit Encoder(int index);

  void launch_bytes(const Kernel& kernel, Dim3 grid, Dim3 block, const void* args, size_t args_size,
                    size_t shared_bytes);
  void add_node(GraphNode node);
  void note_use(DeviceSide& side);
  RecordedUse& use_of(DeviceSide& side);
  void commit_locked();
  void run_segment(size_t first, size_t last);
  void reap_locked();
  /** Commits the epoch if it is still being recorded; the event that ends it, null when it is over.
   */
  CuEvent event_of(uint64_t epoch);

  int index_;
  CuStream stream_ = nullptr;
  std::recursive_mutex mutex_;
  std::atomic<uint64_t> epoch_{1};
  std::atomic<uint64_t> done_epoch_{0};
  std::deque<std::pair<uint64_t, CuEvent>> in_flight_;
  std::vector<CuEvent> idle_events_;

  Recording recording_;
  std::vector<std::function<void(CuStream)>> calls_;
  std::unordered_map<CuDevicePtr, RecordedUse> foreign_uses_;  // of memory of other streams
  std::vector<DeviceSide*> pending_reads_;
  std::vector<DeviceSide*> pending_writes_;
  size_t recorded_bytes_ = 0;
  bool has_direct_work_ = false;
  size_t max_nodes_;
  size_t max_bytes_;
  bool use_graphs_;
  GraphCache graphs_;
};

}  // namespace mlx::core::cuda
