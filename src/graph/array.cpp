// The array handle and its node: construction, data, siblings, iterative release of long graphs.
#include "mlx/array.h"

#include <limits>
#include <optional>

#include "base/errors.h"
#include "base/pool_allocator.h"
#include "graph/graph_lock.h"
#include "graph/shape.h"
#include "mlx/primitives/primitive.h"
#include "mlx/transforms_impl.h"

namespace mlx::core {

std::mutex& graph_mutex() {
  static std::mutex* mutex = new std::mutex;
  return *mutex;
}

array::ArrayDesc::ArrayDesc(Shape shape_, Dtype dtype_, Status status_)
    : shape(std::move(shape_)), dtype(dtype_), status(status_) {
  init();
}

array::ArrayDesc::ArrayDesc(Shape shape_, Dtype dtype_, std::shared_ptr<Primitive> primitive_,
                            std::vector<array> inputs_)
    : shape(std::move(shape_)),
      dtype(dtype_),
      status(unscheduled),
      primitive(std::move(primitive_)),
      inputs(std::move(inputs_)) {
  is_tracer = std::any_of(inputs.begin(), inputs.end(),
                          [](const array& input) { return input.is_tracer(); });
  init();
}

void array::ArrayDesc::init() {
  strides.resize(shape.size());
  size_t count = 1;
  for (int i = static_cast<int>(shape.size()) - 1; i >= 0; --i) {
    if (shape[i] < 0) {
      throw_invalid("array", "negative dimension in shape {}.", to_string(shape));
    }
    strides[i] = static_cast<int64_t>(count);
    if (__builtin_mul_overflow(count, static_cast<size_t>(shape[i]), &count)) {
      throw_invalid("array", "shape {} has too many elements.", to_string(shape));
    }
  }
  size = count;
}

// Nodes refer to their inputs, so dropping the end of a chain would recurse through all of it. The
// descriptors a node was the last to hold are collected in a list and released one by one instead.
array::ArrayDesc::~ArrayDesc() {
  if (inputs.empty()) return;
  static thread_local std::vector<std::shared_ptr<ArrayDesc>>* releasing = nullptr;
  auto collect = [this](std::vector<std::shared_ptr<ArrayDesc>>& list) {
    for (auto& input : inputs) {
      if (input.desc_ && input.desc_.use_count() == 1) list.push_back(std::move(input.desc_));
    }
    inputs.clear();
  };
  if (releasing != nullptr) {
    collect(*releasing);
    return;
  }
  std::vector<std::shared_ptr<ArrayDesc>> list;
  releasing = &list;
  collect(list);
  while (!list.empty()) {
    auto desc = std::move(list.back());
    list.pop_back();
    desc.reset();
  }
  releasing = nullptr;
}

array::array(const std::complex<float>& value, Dtype dtype)
    : desc_(
          std::allocate_shared<ArrayDesc>(PoolAllocator<ArrayDesc>(), Shape{}, dtype, available)) {
  complex64_t converted(value);
  fill_from(&converted);
}

array::array(std::initializer_list<float> data)
    : array(data.begin(), Shape{static_cast<ShapeElem>(data.size())}, float32) {}

array::array(std::initializer_list<int> data, Dtype dtype)
    : array(data.begin(), Shape{static_cast<ShapeElem>(data.size())}, dtype) {}

array::array(void* data, Shape shape, Dtype dtype, const std::function<void(void*)>& deleter)
    : desc_(std::allocate_shared<ArrayDesc>(PoolAllocator<ArrayDesc>(), std::move(shape), dtype,
                                            available)) {
  auto buffer = allocator::make_buffer(data, nbytes());
  set_data(Data(buffer, [deleter, data](allocator::Buffer wrapped) {
    allocator::release(wrapped);
    deleter(data);
  }));
}

array::array(allocator::Data data, Shape shape, Dtype dtype)
    : desc_(std::allocate_shared<ArrayDesc>(PoolAllocator<ArrayDesc>(), std::move(shape), dtype,
                                            available)) {
  set_data(std::move(data));
}

array::array(Shape shape, Dtype dtype, std::shared_ptr<Primitive> primitive,
             std::vector<array> inputs)
    : desc_(std::allocate_shared<ArrayDesc>(PoolAllocator<ArrayDesc>(), std::move(shape), dtype,
                                            std::move(primitive), std::move(inputs))) {}

array array::placeholder(Shape shape, Dtype dtype) {
  return array(std::allocate_shared<ArrayDesc>(PoolAllocator<ArrayDesc>(), std::move(shape), dtype,
                                               unscheduled));
}

std::vector<array> array::make_arrays(std::vector<Shape> shapes, const std::vector<Dtype>& dtypes,
                                      const std::shared_ptr<Primitive>& primitive,
                                      const std::vector<array>& inputs) {
  std::vector<array> outputs;
  outputs.reserve(shapes.size());
  auto group = std::make_shared<OutputGroup>();
  for (size_t i = 0; i < shapes.size(); ++i) {
    group->shapes.push_back(shapes[i]);
    group->dtypes.push_back(dtypes[i]);
    outputs.emplace_back(std::move(shapes[i]), dtypes[i], primitive, inputs);
    outputs[i].desc_->position = static_cast<uint32_t>(i);
    group->members.push_back(outputs[i].desc_);
  }
  if (outputs.size() > 1) {
    for (auto& output : outputs) output.desc_->outputs = group;
  }
  return outputs;
}

void array::set_siblings(std::vector<array> siblings, uint16_t position) {
  siblings.insert(siblings.begin() + position, *this);
  auto group = std::make_shared<OutputGroup>();
  for (size_t i = 0; i < siblings.size(); ++i) {
    group->shapes.push_back(siblings[i].shape());
    group->dtypes.push_back(siblings[i].dtype());
    group->members.push_back(siblings[i].desc_);
    siblings[i].desc_->position = static_cast<uint32_t>(i);
    siblings[i].desc_->outputs = group;
  }
}

std::vector<array> array::outputs() const {
  if (!desc_->outputs) return {*this};
  std::vector<array> result;
  const auto& group = *desc_->outputs;
  for (size_t i = 0; i < group.members.size(); ++i) {
    if (auto member = group.members[i].lock()) {
      result.push_back(array(std::move(member)));
    } else {
      result.push_back(placeholder(group.shapes[i], group.dtypes[i]));
    }
  }
  return result;
}

std::vector<array> array::siblings() const {
  auto result = outputs();
  result.erase(result.begin() + desc_->position);
  return result;
}

array array::unsafe_weak_copy(const array& other) {
  array copy = placeholder(other.shape(), other.dtype());
  copy.set_data(Data(other.buffer(), [](allocator::Buffer) {}), other.data_size(), other.strides(),
                other.flags(), other.offset());
  copy.desc_->offset = other.offset();
  copy.set_status(available);
  return copy;
}

void array::detach() {
  std::lock_guard lock(graph_mutex());
  for (auto& output : outputs()) {
    output.desc_->primitive = nullptr;
    output.desc_->inputs.clear();
    output.desc_->outputs = nullptr;
    output.desc_->position = 0;
  }
}

bool array::is_tracer() const {
  return desc_->is_tracer && (detail::in_tracing() || detail::retain_graph());
}

namespace {

/** The event of an array that is scheduled. Another thread may be scheduling it right now: it marks
 * nodes first and attaches their events later, all of it under the graph's lock. */
Event event_of(const array& a) {
  std::lock_guard lock(graph_mutex());
  return a.event();
}

}  // namespace

bool array::is_available() const {
  if (status() == available) return true;
  if (status() != evaluated) return false;
  Event event = event_of(*this);
  if (!event.valid() || !event.is_signaled()) return false;
  event.check_error();
  set_status(available);
  return true;
}

void array::wait() {
  if (status() == available) return;
  Event event = event_of(*this);
  if (event.valid()) {
    event.wait();
    event.check_error();
  }
  set_status(available);
}

void array::set_data(Data data) {
  desc_->data = std::allocate_shared<Data>(PoolAllocator<Data>(), std::move(data));
  desc_->data_size = size();
  desc_->offset = 0;
  bool contiguous_both_ways = true;
  int longer_dims = 0;
  for (auto length : shape()) longer_dims += length != 1;
  contiguous_both_ways = longer_dims <= 1;
  desc_->flags = {true, true, contiguous_both_ways};
}

void array::set_data(Data data, size_t data_size, Strides strides, Flags flags, int64_t offset) {
  desc_->data = std::allocate_shared<Data>(PoolAllocator<Data>(), std::move(data));
  desc_->data_size = data_size;
  desc_->strides = std::move(strides);
  desc_->flags = flags;
  desc_->offset = offset * static_cast<int64_t>(itemsize());
}

void array::copy_shared_buffer(const array& other, const Strides& strides, Flags flags,
                               size_t data_size, int64_t offset) {
  desc_->data = other.desc_->data;
  desc_->strides = strides;
  desc_->flags = flags;
  desc_->data_size = data_size;
  // The offset counts elements of the other array: a view may change the item size.
  desc_->offset = other.desc_->offset + offset * static_cast<int64_t>(other.itemsize());
}

void array::copy_shared_buffer(const array& other) {
  copy_shared_buffer(other, other.strides(), other.flags(), other.data_size());
}

array::ArrayIterator::ArrayIterator(const array& source, int index) : source(source), index(index) {
  if (source.ndim() == 0) throw_invalid("array", "iteration over a 0-d array.");
}

}  // namespace mlx::core
