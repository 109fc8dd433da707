// Tests of tasks on streams, of events between streams and of fences.
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "mlx/fence.h"
#include "mlx/mlx.h"
#include "mlx/scheduler.h"

namespace mlx::core {
namespace {

TEST(Scheduler, TasksRunInOrder) {
  Stream stream = new_stream(Device::cpu);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) scheduler::enqueue(stream, [&order, i] { order.push_back(i); });
  synchronize(stream);
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST(Scheduler, TasksKeepTheirPlaceBetweenEvaluations) {
  Stream stream = new_stream(Device::cpu);
  std::promise<void> go;
  scheduler::enqueue(stream, [&] { go.get_future().wait(); });
  array x = add(array(1.0f), array(2.0f), stream);
  async_eval(x);
  EXPECT_FALSE(x.is_available());
  go.set_value();
  EXPECT_EQ(x.item<float>(), 3);
}

TEST(Scheduler, ATaskOfATaskRunsAtOnce) {
  Stream stream = new_stream(Device::cpu);
  std::vector<int> order;
  scheduler::enqueue(stream, [&] {
    scheduler::enqueue(stream, [&] { order.push_back(1); });
    order.push_back(2);
  });
  synchronize(stream);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(Scheduler, ErrorsOfTasksAreRaisedOnce) {
  Stream stream = new_stream(Device::cpu);
  scheduler::enqueue(stream, [] { throw std::runtime_error("from the task"); });
  bool later = false;
  scheduler::enqueue(stream, [&] { later = true; });
  EXPECT_THROW(synchronize(stream), std::runtime_error);
  EXPECT_TRUE(later);
  EXPECT_NO_THROW(scheduler::check_error(stream));
  EXPECT_THROW(scheduler::enqueue(Stream(0, Device::gpu), [] {}), std::invalid_argument);
}

TEST(Scheduler, CountsActiveTasks) {
  Stream stream = new_stream(Device::cpu);
  std::promise<void> go;
  int before = scheduler::n_active_tasks();
  scheduler::enqueue(stream, [&] { go.get_future().wait(); });
  scheduler::notify_new_task(stream);
  EXPECT_EQ(scheduler::n_active_tasks(), before + 2);
  go.set_value();
  scheduler::wait_for_one();
  EXPECT_LE(scheduler::n_active_tasks(), before + 1);
  scheduler::notify_task_completion(stream);
  synchronize(stream);
  EXPECT_EQ(scheduler::n_active_tasks(), before);
}

TEST(Event, OrdersTwoStreams) {
  Stream first = new_stream(Device::cpu), second = new_stream(Device::cpu);
  std::promise<void> go;
  int value = 0;
  scheduler::enqueue(first, [&] {
    go.get_future().wait();
    value = 7;
  });
  Event event(first);
  event.signal(first);
  event.wait(second);
  int seen = 0;
  scheduler::enqueue(second, [&] { seen = value; });
  EXPECT_FALSE(event.is_signaled());
  go.set_value();
  synchronize(second);
  EXPECT_EQ(seen, 7);
}

TEST(Event, TasksForEventsGetThem) {
  Stream first = new_stream(Device::cpu), second = new_stream(Device::cpu);
  Event event(first);
  bool waited = false;
  scheduler::wait_event(second, event, [&](Event& e) {
    e.wait();
    waited = true;
  });
  scheduler::signal_event(first, event, [&](Event& e) { throw std::runtime_error("no signal"); });
  EXPECT_THROW(synchronize(first), std::runtime_error);
  EXPECT_THROW(synchronize(second), std::runtime_error);
  EXPECT_TRUE(waited);
}

TEST(Fence, OrdersUpdatesAndWaits) {
  Stream producer = new_stream(Device::cpu), consumer = new_stream(Device::cpu);
  Fence fence(producer);
  array x(1.0f);
  std::promise<void> go;
  int value = 0;
  scheduler::enqueue(producer, [&] { value = 1; });
  uint32_t one = fence.update(producer, x, false);
  scheduler::enqueue(producer, [&] {
    go.get_future().wait();
    value = 2;
  });
  uint32_t two = fence.update(producer, x, false);
  EXPECT_EQ(two, one + 1);
  int seen = 0;
  fence.wait(consumer, x, one);
  scheduler::enqueue(consumer, [&] { seen = 1; });
  synchronize(consumer);  // does not wait for the second update
  EXPECT_EQ(seen, 1);
  fence.wait(consumer, x, two);
  scheduler::enqueue(consumer, [&] { seen = value; });
  go.set_value();
  synchronize(consumer);
  EXPECT_EQ(seen, 2);
  fence.wait(consumer, x, one);
  synchronize(consumer);
  EXPECT_THROW(fence.wait(consumer, x, two + 1), std::invalid_argument);
}

}  // namespace
}  // namespace mlx::core
