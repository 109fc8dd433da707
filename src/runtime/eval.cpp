// eval and async_eval: walk the lazy graph, make one job per stream, run or enqueue them.
#include <atomic>
#include <map>
#include <unordered_map>

#include "base/errors.h"
#include "graph/graph_lock.h"
#include "mlx/transforms.h"
#include "runtime/schedule.h"
#include "runtime/stream_queue.h"

namespace mlx::core {

namespace {

constexpr size_t kMaxQuickSteps = 16;

std::atomic<FuseFn> fuser{nullptr};

/** The lazy nodes that `outputs` need, each after its inputs. Their status is `evaluated`
 * afterwards. */
class GraphWalk {
 public:
  explicit GraphWalk(const std::vector<array>& outputs) {
    try {
      for (const auto& output : outputs) visit(output);
    } catch (...) {
      for (auto& node : order_) {
        for (auto& output : node.outputs()) output.set_status(array::unscheduled);
      }
      throw;
    }
  }
  std::vector<array>& order() { return order_; }

 private:
  void visit(const array& root) {
    if (root.status() != array::unscheduled) return;
    push(root);
    while (!stack_.empty()) {
      auto& [node, next_input] = stack_.back();
      if (next_input < node.inputs().size()) {
        const array& input = node.inputs()[next_input++];
        if (input.status() == array::unscheduled) push(input);
      } else {
        array done = std::move(node);
        stack_.pop_back();
        if (done.has_siblings()) {
          for (auto& output : done.outputs()) output.set_status(array::evaluated);
        } else {
          done.set_status(array::evaluated);
        }
        order_.push_back(std::move(done));
      }
    }
  }

  void push(const array& node) {
    if (!node.has_primitive()) {
      throw_invalid("eval",
                    "Attempting to eval an array without a primitive: a placeholder of a function "
                    "transformation. Inside compile or another transformation arrays cannot be "
                    "evaluated; return the array, or make it an input or output of the function.");
    }
    stack_.emplace_back(node, 0);
  }

  std::vector<std::pair<array, size_t>> stack_;
  std::vector<array> order_;
};

/** Turns a scheduled node into a step. Unless a transformation still needs it, the node lets go of
 * its inputs, so that they are freed after their last use. */
Step make_step(array node) {
  Step step;
  bool keep = node.is_tracer();
  step.outputs = node.outputs();
  if (keep) {
    step.primitive = node.primitive_ptr();
    step.inputs = node.inputs();
    return step;
  }
  step.primitive = std::move(node.primitive_ptr());
  step.inputs = std::move(node.inputs());
  if (step.outputs.size() > 1) {
    for (auto& output : step.outputs) {
      output.primitive_ptr() = nullptr;
      output.inputs().clear();
    }
  } else {
    node.inputs().clear();
  }
  return step;
}

/** Adds events to the edges between steps of different streams. */
void connect_streams(std::map<Stream, Job>& jobs,
                     const std::vector<std::pair<Stream, size_t>>& places) {
  std::unordered_map<std::uintptr_t, std::pair<Stream, size_t>> producers;
  for (const auto& [stream, index] : places) {
    auto& step = jobs.at(stream).steps[index];
    for (auto& input : step.inputs) {
      auto found = producers.find(input.id());
      if (found == producers.end() || found->second.first == stream) continue;
      auto& producer = jobs.at(found->second.first).steps[found->second.second];
      if (!producer.signal.valid()) {
        producer.signal = Event(found->second.first);
        // Who waits for the output must not wait for the whole job: it may in turn wait for them.
        for (auto& output : producer.outputs) output.attach_event(producer.signal);
      }
      step.waits.push_back(producer.signal);
    }
    for (auto& output : step.outputs)
      producers.insert_or_assign(output.id(), std::pair(stream, index));
  }
}

struct ClaimedJob {
  StreamQueue* queue;
  Job job;
};

/** Schedules what `outputs` need. Jobs that the caller should run itself are returned; the others
 * are already with their stream's worker. */
std::vector<ClaimedJob> schedule(const std::vector<array>& outputs, bool async) {
  std::vector<ClaimedJob> claimed;
  std::lock_guard lock(graph_mutex());
  GraphWalk walk(outputs);
  if (walk.order().empty()) return claimed;

  std::map<Stream, Job> jobs;
  std::vector<std::pair<Stream, size_t>> places;
  Job* current = nullptr;
  const Stream* current_stream = nullptr;
  for (auto& node : walk.order()) {
    const Stream& stream = node.primitive().stream();
    if (current == nullptr || !(*current_stream == stream)) {
      auto found = jobs.try_emplace(stream).first;
      current = &found->second;
      current_stream = &found->first;
      if (!current->done.valid()) current->done = Event(stream);
      if (current->steps.empty()) current->steps.reserve(walk.order().size());
    }
    places.emplace_back(*current_stream, current->steps.size());
    current->steps.push_back(make_step(std::move(node)));
    for (auto& output : current->steps.back().outputs) output.attach_event(current->done);
  }
  if (jobs.size() > 1) connect_streams(jobs, places);
  for (auto& [stream, job] : jobs) {
    auto& queue = stream_queue(stream);
    // An asynchronous job goes to the worker, so that the caller can build the next one meanwhile;
    // recording a few steps for a GPU is quicker than the hand-over. With several jobs only one can
    // be run here, as they may wait for one another.
    bool is_quick = stream.device != Device(Device::cpu) && job.steps.size() <= kMaxQuickSteps;
    bool may_run_here = jobs.size() == 1 && (!async || is_quick);
    if (may_run_here && queue.claim()) {
      claimed.push_back({&queue, std::move(job)});
    } else {
      queue.enqueue(std::move(job));
    }
  }
  return claimed;
}

}  // namespace

void set_fuser(FuseFn fuse) { fuser.store(fuse); }

void fuse_steps(std::vector<Step>& steps) {
  if (auto fuse = fuser.load(); fuse != nullptr && steps.size() > 1) fuse(steps);
}

void async_eval(std::vector<array> outputs) {
  for (auto& claimed : schedule(outputs, true)) claimed.queue->run_claimed(claimed.job);
}

void eval(std::vector<array> outputs) {
  for (auto& claimed : schedule(outputs, false)) claimed.queue->run_claimed(claimed.job);
  for (auto& output : outputs) output.wait();
}

void array::eval() {
  if (status() == unscheduled) {
    mlx::core::eval({*this});
  } else {
    wait();
  }
}

}  // namespace mlx::core
