// Fork-join pool: workers spin briefly for the next job, then sleep on a condition variable.
#include "base/thread_pool.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/environment.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mlx::core {

namespace {

void relax_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int affinity_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    return std::max(1, CPU_COUNT(&set));
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

/** Processors granted by the cgroup's CPU quota, or a large number without one. */
int quota_processors() {
  constexpr int kUnlimited = 1 << 20;
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file) {
    std::string quota;
    double period = 0;
    if (file >> quota >> period && quota != "max" && period > 0) {
      return std::max(1, static_cast<int>(std::stod(quota) / period));
    }
    return kUnlimited;
  }
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double quota = -1;
  double period = 0;
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) {
    return std::max(1, static_cast<int>(quota / period));
  }
  return kUnlimited;
}

int default_num_threads() {
  if (auto count = environment_int("MLX_NUM_THREADS"); count && *count >= 1) {
    return static_cast<int>(std::min<int64_t>(*count, 1024));
  }
  return std::min(affinity_processors(), quota_processors());
}

thread_local bool inside_parallel_region = false;

/** One fork-join job. Lives on the caller's stack; workers leave it before the caller returns. */
struct Job {
  FunctionRef<void(int64_t)> task;
  int64_t num_tasks;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  std::mutex error_mutex;

  void work() {
    while (true) {
      int64_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= num_tasks) return;
      if (failed.load(std::memory_order_relaxed)) continue;
      try {
        task(i);
      } catch (...) {
        std::lock_guard lock(error_mutex);
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
};

class ThreadPool {
 public:
  explicit ThreadPool(int threads) : limit_(threads) { grow(threads); }

  ~ThreadPool() {
    {
      std::lock_guard lock(sleep_mutex_);
      stopping_.store(true);
      epoch_.fetch_add(1);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  int threads() const { return limit_.load(std::memory_order_relaxed); }

  int set_threads(int count) {
    std::lock_guard lock(job_mutex_);
    count = std::max(1, count);
    grow(count);
    return limit_.exchange(count);
  }

  void run(int64_t num_tasks, FunctionRef<void(int64_t)> task) {
    std::unique_lock lock(job_mutex_, std::try_to_lock);
    int helpers = static_cast<int>(std::min<int64_t>(num_tasks, threads())) - 1;
    if (!lock.owns_lock() || helpers <= 0) {
      for (int64_t i = 0; i < num_tasks; ++i) task(i);
      return;
    }
    Job job{task, num_tasks, {}, {}, {}, {}};
    job_.store(&job, std::memory_order_relaxed);
    active_.store(helpers, std::memory_order_relaxed);
    tickets_.store(helpers, std::memory_order_release);  // publishes the job
    epoch_.fetch_add(1);
    if (sleepers_.load() > 0) {
      std::lock_guard sleep_lock(sleep_mutex_);
      wake_.notify_all();
    }
    inside_parallel_region = true;
    job.work();
    inside_parallel_region = false;
    // Helpers that have not come yet are no longer wanted: take their tickets back.
    int unused = tickets_.exchange(0);
    active_.fetch_sub(unused);
    for (int spins = 0; active_.load(std::memory_order_acquire) > 0; ++spins) {
      if (spins < 4096) {
        relax_cpu();
      } else {
        std::this_thread::yield();
      }
    }
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  void grow(int threads) {
    while (static_cast<int>(workers_.size()) < threads - 1) {
      workers_.emplace_back([this] { worker_loop(); });
    }
  }

  void worker_loop() {
    inside_parallel_region = true;
    uint64_t seen = 0;
    while (true) {
      seen = wait_for_epoch(seen);
      if (stopping_.load()) return;
      if (take_ticket()) {
        job_.load(std::memory_order_relaxed)->work();
        active_.fetch_sub(1, std::memory_order_release);
      }
    }
  }

  bool take_ticket() {
    int tickets = tickets_.load(std::memory_order_acquire);
    while (tickets > 0) {
      if (tickets_.compare_exchange_weak(tickets, tickets - 1, std::memory_order_acq_rel)) {
        return true;
      }
    }
    return false;
  }

  uint64_t wait_for_epoch(uint64_t seen) {
    constexpr int kSpins = 2000;  // about 50-100 us: longer than the gap between two ops of a graph
    for (int i = 0; i < kSpins; ++i) {
      uint64_t now = epoch_.load(std::memory_order_acquire);
      if (now != seen) return now;
      relax_cpu();
    }
    std::unique_lock lock(sleep_mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] { return epoch_.load() != seen; });
    sleepers_.fetch_sub(1);
    return epoch_.load();
  }

  std::mutex job_mutex_;  // held by the one caller whose job the workers run
  alignas(64) std::atomic<uint64_t> epoch_{0};
  alignas(64) std::atomic<int> tickets_{0};
  alignas(64) std::atomic<int> active_{0};
  std::atomic<Job*> job_{nullptr};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<int> limit_;
  std::mutex sleep_mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

std::atomic<ThreadPool*> current_pool{nullptr};
pid_t pool_process = 0;
std::mutex pool_mutex;

// The pool is never destroyed: worker threads may outlive static objects. A forked child has no
// workers, so it makes a pool of its own.
ThreadPool& pool() {
  ThreadPool* existing = current_pool.load(std::memory_order_acquire);
  if (existing != nullptr && pool_process == getpid()) return *existing;
  std::lock_guard lock(pool_mutex);
  existing = current_pool.load();
  if (existing == nullptr || pool_process != getpid()) {
    existing = new ThreadPool(default_num_threads());
    pool_process = getpid();
    current_pool.store(existing, std::memory_order_release);
  }
  return *existing;
}

}  // namespace

int num_threads() { return pool().threads(); }

int set_num_threads(int count) { return pool().set_threads(count); }

void parallel_for(int64_t num_tasks, FunctionRef<void(int64_t)> task) {
  if (num_tasks <= 1 || inside_parallel_region) {
    for (int64_t i = 0; i < num_tasks; ++i) task(i);
    return;
  }
  pool().run(num_tasks, task);
}

}  // namespace mlx::core
