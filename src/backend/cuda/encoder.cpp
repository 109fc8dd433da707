// Recording of GPU work: dependencies from data flow, commits, epochs.
#include "backend/cuda/encoder.h"

#include <algorithm>
#include <utility>

#include "backend/cuda/copy.h"
#include "backend/cuda/device.h"
#include "backend/cuda/kernels/args.h"
#include "backend/cuda/library.h"
#include "base/environment.h"
#include "base/errors.h"

namespace mlx::core::cuda {

namespace {

constexpr size_t kMinGraphNodes = 4;  // fewer are launched one by one
constexpr size_t kMegabyte = size_t{1} << 20;

std::mutex& registry_mutex() {
  static auto* mutex = new std::mutex;
  return *mutex;
}

std::vector<Encoder*>& registry() {
  static auto* encoders = new std::vector<Encoder*>;
  return *encoders;
}

size_t setting(const char* name, size_t otherwise) {
  auto value = environment_int(name);
  return value && *value > 0 ? static_cast<size_t>(*value) : otherwise;
}

}  // namespace

Encoder& Encoder::of(Stream stream) {
  auto index = static_cast<size_t>(stream.index);
  thread_local Encoder* last = nullptr;
  if (last != nullptr && last->index_ == stream.index) [[likely]]
    return *last;
  std::lock_guard lock(registry_mutex());
  auto& encoders = registry();
  if (index >= encoders.size()) encoders.resize(index + 1, nullptr);
  // Never destroyed: free memory refers to the encoders it was used by.
  if (encoders[index] == nullptr) encoders[index] = new Encoder(stream.index);
  last = encoders[index];
  return *last;
}

std::vector<Encoder*> Encoder::all() {
  std::lock_guard lock(registry_mutex());
  std::vector<Encoder*> found;
  for (Encoder* encoder : registry()) {
    if (encoder != nullptr) found.push_back(encoder);
  }
  return found;
}

Encoder::Encoder(int index)
    : index_(index),
      max_nodes_(setting("MLX_MAX_OPS_PER_BUFFER", gpu_device().major >= 9 ? 100 : 20)),
      max_bytes_(setting("MLX_MAX_MB_PER_BUFFER", gpu_device().major >= 9 ? 1000 : 100) *
                 kMegabyte),
      use_graphs_(environment_int("MLX_USE_CUDA_GRAPHS").value_or(1) != 0),
      graphs_(setting("MLX_CUDA_GRAPH_CACHE_SIZE", 400)) {
  make_current();
  check(driver().stream_create(&stream_, kStreamNonBlocking), "creating a stream");
}

CuDevicePtr Encoder::input(const array& a) {
  Block& block = block_of(a.buffer());
  DeviceSide& side = MemoryPool::instance().to_device(block, *this);
  if (side.last_write.encoder != this && side.last_write.encoder != nullptr &&
      !side.last_write.encoder->is_done(side.last_write.epoch)) {
    side.last_write.encoder->wait_done(side.last_write.epoch);
  }
  pending_reads_.push_back(&side);
  recorded_bytes_ += a.nbytes();
  return side.base + static_cast<CuDevicePtr>(a.offset());
}

CuDevicePtr Encoder::output(const array& a) {
  Block& block = block_of(a.buffer());
  DeviceSide& side = MemoryPool::instance().to_device(block, *this);
  block.host_valid.store(false, std::memory_order_release);
  pending_writes_.push_back(&side);
  recorded_bytes_ += a.nbytes();
  return side.base + static_cast<CuDevicePtr>(a.offset());
}

RecordedUse& Encoder::use_of(DeviceSide& side) {
  if (side.home != this) return foreign_uses_[side.base];
  if (side.recorded_epoch != epoch()) {
    side.recorded_epoch = epoch();
    side.recorded.last_write = -1;
    side.recorded.reads.clear();
  }
  return side.recorded;
}

void Encoder::note_use(DeviceSide& side) {
  if (side.home == this) return;
  std::lock_guard lock(DeviceSide::uses_mutex());
  auto mine = std::find_if(side.uses.begin(), side.uses.end(),
                           [&](const Moment& m) { return m.encoder == this; });
  if (mine == side.uses.end()) {
    side.uses.push_back({this, epoch()});
  } else {
    mine->epoch = epoch();
  }
}

void Encoder::allocate(array& out) {
  out.set_data(
      allocator::own(allocator::Buffer(MemoryPool::instance().allocate(out.nbytes(), *this))));
}

void Encoder::allocate(array& out, const Strides& strides, array::Flags flags) {
  Block* block = MemoryPool::instance().allocate(out.nbytes(), *this);
  out.set_data(allocator::own(allocator::Buffer(block)), out.size(), strides, flags);
}

array Encoder::temporary(Shape shape, Dtype dtype) {
  array result = array::placeholder(std::move(shape), dtype);
  allocate(result);
  return result;
}

void Encoder::add_node(GraphNode node) {
  int number = static_cast<int>(recording_.nodes.size());
  node.deps_offset = static_cast<uint32_t>(recording_.deps.size());
  auto depend = [&](int on) {
    if (on < 0 || on == number) return;
    auto begin = recording_.deps.begin() + node.deps_offset;
    if (std::find(begin, recording_.deps.end(), on) == recording_.deps.end())
      recording_.deps.push_back(on);
  };
  for (DeviceSide* side : pending_reads_) depend(use_of(*side).last_write);
  for (DeviceSide* side : pending_writes_) {
    const RecordedUse& use = use_of(*side);
    depend(use.last_write);
    for (int reader : use.reads) depend(reader);
  }
  for (DeviceSide* side : pending_reads_) {
    use_of(*side).reads.push_back(number);
    note_use(*side);
  }
  for (DeviceSide* side : pending_writes_) {
    RecordedUse& use = use_of(*side);
    use.last_write = number;
    use.reads.clear();
    side->last_write = {this, epoch()};
    note_use(*side);
  }
  node.num_deps = static_cast<uint32_t>(recording_.deps.size()) - node.deps_offset;
  recording_.nodes.push_back(node);
  pending_reads_.clear();
  pending_writes_.clear();
  if (recording_.nodes.size() >= max_nodes_ || recorded_bytes_ >= max_bytes_) commit_locked();
}

void Encoder::launch_bytes(const Kernel& kernel, Dim3 grid, Dim3 block, const void* args,
                           size_t args_size, size_t shared_bytes) {
  std::lock_guard lock(mutex_);
  GraphNode node;
  node.kind = GraphNode::Kind::kernel;
  node.kernel = &kernel;
  node.grid = grid;
  node.block = block;
  node.shared_bytes = static_cast<unsigned>(shared_bytes);
  node.args_offset = static_cast<uint32_t>(recording_.args.size());
  node.args_size = static_cast<uint32_t>(args_size);
  recording_.args.resize(recording_.args.size() + ((args_size + 15) & ~size_t{15}));
  std::memcpy(recording_.args.data() + node.args_offset, args, args_size);
  add_node(node);
}

void Encoder::copy(CuDevicePtr dst, CuDevicePtr src, size_t bytes) {
  std::lock_guard lock(mutex_);
  GraphNode node;
  node.kind = GraphNode::Kind::copy;
  node.dst = dst;
  node.src = src;
  node.bytes = bytes;
  add_node(node);
}

void Encoder::copy_array(const array& from, const array& to) {
  CuDevicePtr source = input(from);
  CuDevicePtr target = output(to);
  copy(target, source, to.nbytes());
}

void Encoder::fill_bytes(CuDevicePtr dst, unsigned char value, size_t bytes) {
  std::lock_guard lock(mutex_);
  GraphNode node;
  node.kind = GraphNode::Kind::fill;
  node.dst = dst;
  node.fill_value = value;
  node.bytes = bytes;
  add_node(node);
}

void Encoder::call(std::function<void(CuStream)> work) {
  std::lock_guard lock(mutex_);
  GraphNode node;
  node.kind = GraphNode::Kind::call;
  node.args_offset = static_cast<uint32_t>(calls_.size());
  calls_.push_back(std::move(work));
  add_node(node);
}

void Encoder::upload(DeviceSide& side, const void* host, size_t bytes) {
  std::lock_guard lock(mutex_);
  if (bytes <= mlx_device::kMostStored) {
    // Recorded like any work, as a transfer of its own would split the recording.
    const Kernel& kernel = get_kernel("store_bytes", [] {
      return simple_source("store_bytes", "copy.cuh", "store_from_host", "StoreArgs",
                           mlx_device::kMostStored);
    });
    mlx_device::StoreArgs args;
    args.out = reinterpret_cast<void*>(side.base);
    args.size = static_cast<int>(bytes);
    std::memset(args.bytes, 0, sizeof(args.bytes));
    std::memcpy(args.bytes, host, bytes);
    // The node that this upload is for has not been recorded yet: its uses wait.
    auto reads = std::exchange(pending_reads_, {});
    auto writes = std::exchange(pending_writes_, {&side});
    launch_bytes(kernel, {1}, {mlx_device::kMostStored}, &args, sizeof(args), 0);
    pending_reads_ = std::move(reads);
    pending_writes_ = std::move(writes);
    return;
  }
  // Earlier recorded work may still use this memory, so a copy outside the recording must come
  // after it.
  commit_locked();
  make_current();
  check(driver().memcpy_htod_async(side.base, host, bytes, stream_), "copying to the GPU");
  has_direct_work_ = true;
  side.last_write = {this, epoch()};
}

void Encoder::forget_uses() {
  std::lock_guard lock(mutex_);
  pending_reads_.clear();
  pending_writes_.clear();
}

void Encoder::run_segment(size_t first, size_t last) {
  if (use_graphs_ && last - first >= kMinGraphNodes &&
      graphs_.launch(recording_, first, last, stream_))
    return;
  for (size_t i = first; i < last; ++i) launch_node(recording_, recording_.nodes[i], stream_);
}

void Encoder::commit() {
  std::lock_guard lock(mutex_);
  commit_locked();
}

void Encoder::commit_locked() {
  if (recording_.nodes.empty() && !has_direct_work_) return;
  make_current();
  auto reset = [&] {
    recording_.clear();
    calls_.clear();
    foreign_uses_.clear();
    recorded_bytes_ = 0;
    has_direct_work_ = false;
  };
  try {
    resolve(recording_);
    const size_t count = recording_.nodes.size();
    for (size_t first = 0; first < count;) {
      if (recording_.nodes[first].kind == GraphNode::Kind::call) {
        calls_[recording_.nodes[first].args_offset](stream_);
        ++first;
        continue;
      }
      size_t last = first;
      while (last < count && recording_.nodes[last].kind != GraphNode::Kind::call) ++last;
      run_segment(first, last);
      first = last;
    }
  } catch (...) {
    reset();
    epoch_.fetch_add(1, std::memory_order_release);  // node numbers kept with memory end with it
    throw;
  }
  reset();
  CuEvent event = nullptr;
  if (idle_events_.empty()) {
    check(driver().event_create(&event, kEventDisableTiming), "creating an event");
  } else {
    event = idle_events_.back();
    idle_events_.pop_back();
  }
  check(driver().event_record(event, stream_), "recording an event");
  in_flight_.emplace_back(epoch_, event);
  epoch_.fetch_add(1, std::memory_order_release);
  reap_locked();
}

void Encoder::reap_locked() {
  while (!in_flight_.empty() && driver().event_query(in_flight_.front().second) == kCudaSuccess) {
    done_epoch_.store(in_flight_.front().first, std::memory_order_release);
    idle_events_.push_back(in_flight_.front().second);
    in_flight_.pop_front();
  }
}

bool Encoder::is_done(uint64_t epoch) const {
  return done_epoch_.load(std::memory_order_acquire) >= epoch;
}

bool Encoder::poll_done(uint64_t epoch) {
  if (is_done(epoch)) return true;
  make_current();
  std::lock_guard lock(mutex_);
  if (epoch >= this->epoch()) commit_locked();
  reap_locked();
  // With nothing to commit the epoch is as old as the last one that ended.
  return is_done(epoch) || (epoch >= this->epoch() && in_flight_.empty());
}

CuEvent Encoder::event_of(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  if (epoch >= this->epoch()) commit_locked();
  CuEvent event = nullptr;
  for (const auto& [at, recorded] : in_flight_) {
    event = recorded;
    if (at >= epoch) break;
  }
  return event;
}

void Encoder::wait_done(uint64_t epoch) {
  if (is_done(epoch)) return;
  make_current();
  // An event taken up again meanwhile stands for later work of the same stream, so waiting for it
  // is enough.
  if (CuEvent event = event_of(epoch)) check(driver().event_synchronize(event), "work on the GPU");
  std::lock_guard lock(mutex_);
  reap_locked();
}

void Encoder::synchronize() {
  make_current();
  {
    std::lock_guard lock(mutex_);
    commit_locked();
  }
  check(driver().stream_synchronize(stream_), "work on the GPU");
  std::lock_guard lock(mutex_);
  reap_locked();
  if (recording_.nodes.empty() && in_flight_.empty() && !has_direct_work_) {
    // Ends an epoch without work, so that memory freed in it is known to be unused.
    done_epoch_.store(epoch_.fetch_add(1, std::memory_order_release), std::memory_order_release);
  }
}

void Encoder::wait_for(Moment moment) {
  if (moment.encoder == this || moment.encoder->is_done(moment.epoch)) return;
  make_current();
  CuEvent event = moment.encoder->event_of(moment.epoch);
  if (event == nullptr) return;
  std::lock_guard lock(mutex_);
  check(driver().stream_wait_event(stream_, event, 0), "waiting for an event");
}

}  // namespace mlx::core::cuda
