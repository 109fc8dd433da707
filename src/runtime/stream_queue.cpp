// StreamQueue and the table of streams.
#include "runtime/stream_queue.h"

#include "base/errors.h"
#include "runtime/schedule.h"

namespace mlx::core {

std::exception_ptr StreamQueue::run(Job& job) {
  auto& runtime = device_runtime(stream_.device.type);
  size_t next = 0;
  try {
    if (job.task) job.task();
    fuse_steps(job.steps);
    runtime.begin_job(stream_);
    for (; next < job.steps.size(); ++next) {
      auto& step = job.steps[next];
      for (auto& event : step.waits) runtime.wait_event(stream_, *event.state());
      for (auto& input : step.inputs) {
        // Computed by a job of another stream, or by one that failed.
        if (input.status() == array::evaluated && input.event().valid() &&
            input.event().state() != job.done.state()) {
          runtime.wait_event(stream_, *input.event().state());
        }
      }
      runtime.run_step(stream_, step);
      if (runtime.results_are_immediate()) {
        for (auto& output : step.outputs) output.set_status(array::available);
      }
      if (step.signal.valid()) runtime.signal_event(stream_, *step.signal.state());
      step = Step{};
    }
    runtime.end_job(stream_, job.done);
    return nullptr;
  } catch (...) {
    auto error = std::current_exception();
    for (; next < job.steps.size(); ++next) {
      auto& step = job.steps[next];
      if (step.signal.valid()) step.signal.state()->signal(error);
      step = Step{};
    }
    job.done.state()->signal(error);
    return error;
  }
}

bool StreamQueue::claim() {
  std::lock_guard lock(mutex_);
  // A kernel may evaluate arrays of the stream it runs on: they run inside the outer job.
  if (busy_) return runner_ == std::this_thread::get_id();
  if (!jobs_.empty()) return false;
  busy_ = true;
  runner_ = std::this_thread::get_id();
  return true;
}

void StreamQueue::run_claimed(Job& job) {
  ++claims_;
  auto error = run(job);
  if (--claims_ == 0) {
    std::lock_guard lock(mutex_);
    busy_ = false;
    runner_ = {};
    if (!jobs_.empty() || waiting_ > 0) changed_.notify_all();
  }
  if (error) std::rethrow_exception(error);
}

void StreamQueue::enqueue(Job job) {
  std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  if (!has_worker_) {
    has_worker_ = true;
    std::thread([this] { worker_loop(); }).detach();
  }
  changed_.notify_all();
}

bool StreamQueue::is_current() {
  std::lock_guard lock(mutex_);
  return busy_ && runner_ == std::this_thread::get_id();
}

void StreamQueue::enqueue_task(std::function<void()> task) {
  if (is_current()) return task();
  Job job;
  job.task = std::move(task);
  job.done = Event(stream_);
  enqueue(std::move(job));
}

void StreamQueue::check_error() {
  std::exception_ptr error;
  {
    std::lock_guard lock(mutex_);
    error = std::exchange(error_, nullptr);
  }
  if (error) std::rethrow_exception(error);
}

void StreamQueue::worker_loop() {
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !jobs_.empty() && !busy_; });
      job = std::move(jobs_.front());
      jobs_.pop_front();
      busy_ = true;
      runner_ = std::this_thread::get_id();
      claims_ = 1;
    }
    auto error = run(job);
    claims_ = 0;
    job = Job{};
    std::lock_guard lock(mutex_);
    busy_ = false;
    runner_ = {};
    if (error && !error_) error_ = error;
    changed_.notify_all();
  }
}

void StreamQueue::synchronize() {
  {
    std::unique_lock lock(mutex_);
    if (busy_ && runner_ == std::this_thread::get_id()) return;
    ++waiting_;
    changed_.wait(lock, [this] { return jobs_.empty() && !busy_; });
    --waiting_;
  }
  device_runtime(stream_.device.type).synchronize(stream_);
  check_error();
}

namespace {

/** All streams ever made; queues are never destroyed, as their workers may outlive static objects.
 */
struct StreamTable {
  std::mutex mutex;
  std::vector<std::unique_ptr<StreamQueue>> queues[2];
  std::vector<Stream> free_streams;
};

StreamTable& stream_table() {
  static auto* table = new StreamTable;
  return *table;
}

int type_index(const Device& device) { return device.type == Device::cpu ? 0 : 1; }

Stream make_stream_locked(StreamTable& table, Device device) {
  auto& queues = table.queues[type_index(device)];
  Stream stream(static_cast<int>(queues.size()), device);
  queues.push_back(std::make_unique<StreamQueue>(stream));
  return stream;
}

}  // namespace

StreamQueue& stream_queue(Stream stream) {
  auto& table = stream_table();
  std::lock_guard lock(table.mutex);
  auto& queues = table.queues[type_index(stream.device)];
  if (stream.index < 0 || stream.index >= static_cast<int>(queues.size())) {
    throw_invalid("stream", "Stream index {} does not exist.", stream.index);
  }
  return *queues[stream.index];
}

Stream make_stream(Device device) {
  auto& table = stream_table();
  std::lock_guard lock(table.mutex);
  return make_stream_locked(table, device);
}

Stream take_thread_stream(Device device) {
  auto& table = stream_table();
  std::lock_guard lock(table.mutex);
  for (auto it = table.free_streams.begin(); it != table.free_streams.end(); ++it) {
    if (it->device == device) {
      Stream stream = *it;
      table.free_streams.erase(it);
      return stream;
    }
  }
  return make_stream_locked(table, device);
}

void recycle_stream(Stream stream) {
  auto& table = stream_table();
  std::lock_guard lock(table.mutex);
  table.free_streams.push_back(stream);
}

std::vector<Stream> all_streams() {
  auto& table = stream_table();
  std::lock_guard lock(table.mutex);
  std::vector<Stream> streams;
  for (auto& queues : table.queues) {
    for (auto& queue : queues) streams.push_back(queue->stream());
  }
  return streams;
}

void synchronize_stream(Stream stream) { stream_queue(stream).synchronize(); }

}  // namespace mlx::core
