// StreamQueue: runs the jobs of one stream in order, on the caller or on the stream's own worker.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/device_runtime.h"

namespace mlx::core {

/** A list of steps for one stream, or a task of an extension. */
struct Job {
  std::vector<Step> steps;
  std::function<void()> task;  // runs before the steps
  Event done;  // always valid; signaled (with the error, if one occurred) after the last step
};

class StreamQueue {
 public:
  explicit StreamQueue(Stream stream) : stream_(stream) {}

  /** Reserves the stream for the calling thread if it is idle (or already the caller's). Called
   * under the graph lock, so that jobs start in the order they were scheduled. */
  bool claim();
  /** Runs a job on the calling thread, which must have claimed the stream; rethrows its error. */
  void run_claimed(Job& job);

  /** Hands the job to the stream's worker. */
  void enqueue(Job job);
  /** Hands over a task, or runs it at once when called by what runs on the stream. */
  void enqueue_task(std::function<void()> task);
  /** True when the calling thread runs a job of the stream now. */
  bool is_current();

  /** Waits for all jobs so far; rethrows the first error of one that nobody has waited for. */
  void synchronize();
  /** The same without waiting. */
  void check_error();

  const Stream& stream() const { return stream_; }

 private:
  void worker_loop();
  /** Runs all steps; on failure marks what was not computed and returns the error. */
  std::exception_ptr run(Job& job);

  Stream stream_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool busy_ = false;
  bool has_worker_ = false;
  int waiting_ = 0;         // threads in synchronize
  std::thread::id runner_;  // the thread that runs a job now
  int claims_ = 0;          // nested jobs of the runner; only the runner touches it
  std::exception_ptr error_;
};

StreamQueue& stream_queue(Stream stream);

Stream make_stream(Device device);
/** A stream for a thread's default: the first one of a device is index 0. */
Stream take_thread_stream(Device device);
/** Lets another thread take a stream that was a thread's default. */
void recycle_stream(Stream stream);
std::vector<Stream> all_streams();
void synchronize_stream(Stream stream);

}  // namespace mlx::core
