// array: a handle to a node of the lazy graph, and once evaluated, to its data.
#pragma once

#include <atomic>
#include <complex>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "mlx/allocator.h"
#include "mlx/api.h"
#include "mlx/dtype.h"
#include "mlx/event.h"
#include "mlx/small_vector.h"

namespace mlx::core {

class Primitive;

using ShapeElem = int32_t;
using Shape = SmallVector<ShapeElem>;
using Strides = SmallVector<int64_t>;

class MLX_API array {
 public:
  /** A 0-d array. */
  template <typename T>
  explicit array(T value, Dtype dtype = TypeToDtype<T>());
  explicit array(const std::complex<float>& value, Dtype dtype = complex64);

  /** An array of `shape` filled from an iterator over at least that many values. */
  template <typename It>
  explicit array(It data, Shape shape,
                 Dtype dtype = TypeToDtype<typename std::iterator_traits<It>::value_type>());

  template <typename T>
  explicit array(std::initializer_list<T> data, Dtype dtype = TypeToDtype<T>());
  explicit array(std::initializer_list<float> data);
  explicit array(std::initializer_list<int> data, Dtype dtype);
  template <typename T>
  explicit array(std::initializer_list<T> data, Shape shape, Dtype dtype = TypeToDtype<T>());

  /** Wraps memory without a copy; `deleter` is called once it is no longer needed. */
  explicit array(void* data, Shape shape, Dtype dtype, const std::function<void(void*)>& deleter);
  explicit array(allocator::Data data, Shape shape, Dtype dtype);

  array& operator=(const array& other) && = delete;
  array& operator=(array&& other) && = delete;
  array(const array& other) = default;
  array(array&& other) = default;
  array& operator=(const array& other) & = default;
  array& operator=(array&& other) & = default;
  ~array() = default;

  size_t itemsize() const { return size_of(dtype()); }
  /** The number of elements. */
  size_t size() const { return desc_->size; }
  size_t nbytes() const { return size() * itemsize(); }
  size_t ndim() const { return desc_->shape.size(); }
  const Shape& shape() const { return desc_->shape; }
  /** The length of a dimension; negative counts from the end; checked. */
  auto shape(int dim) const { return shape().at(dim < 0 ? dim + static_cast<int>(ndim()) : dim); }
  /** Strides in elements. */
  const Strides& strides() const { return desc_->strides; }
  auto strides(int dim) const {
    return strides().at(dim < 0 ? dim + static_cast<int>(ndim()) : dim);
  }
  Dtype dtype() const { return desc_->dtype; }

  /** Computes the array, and returns once it is available. */
  void eval();

  /** The value of an array of size 1; evaluates it. */
  template <typename T>
  T item();
  template <typename T>
  T item() const;

  /** Iterates over the first axis. */
  struct MLX_API ArrayIterator {
    using iterator_category = std::random_access_iterator_tag;
    using difference_type = size_t;
    using value_type = const array;
    using reference = value_type;

    explicit ArrayIterator(const array& source, int index = 0);
    reference operator*() const;
    ArrayIterator& operator+(difference_type step) {
      index += static_cast<int>(step);
      return *this;
    }
    ArrayIterator& operator++() {
      ++index;
      return *this;
    }
    friend bool operator==(const ArrayIterator& a, const ArrayIterator& b) {
      return a.source.id() == b.source.id() && a.index == b.index;
    }

   private:
    const array& source;
    int index;
  };

  ArrayIterator begin() const { return ArrayIterator(*this); }
  ArrayIterator end() const { return ArrayIterator(*this, shape(0)); }

  // What follows serves primitives, transforms and backends.

  array(Shape shape, Dtype dtype, std::shared_ptr<Primitive> primitive, std::vector<array> inputs);

  /** The outputs of a primitive with several. */
  static std::vector<array> make_arrays(std::vector<Shape> shapes, const std::vector<Dtype>& dtypes,
                                        const std::shared_ptr<Primitive>& primitive,
                                        const std::vector<array>& inputs);

  /** An array over the same data that does not keep it alive. */
  static array unsafe_weak_copy(const array& other);

  /** An array of this shape and dtype without data: a placeholder for tracing, or an output to
   * fill. */
  static array placeholder(Shape shape, Dtype dtype);

  std::uintptr_t id() const { return reinterpret_cast<std::uintptr_t>(desc_.get()); }
  std::uintptr_t primitive_id() const {
    return reinterpret_cast<std::uintptr_t>(desc_->primitive.get());
  }

  using Data = allocator::Data;

  struct Flags {
    /** The elements fill their span of the buffer without gaps (each stored element is used). */
    bool contiguous : 1;
    bool row_contiguous : 1;
    bool col_contiguous : 1;
  };

  Primitive& primitive() const { return *desc_->primitive; }
  std::shared_ptr<Primitive>& primitive_ptr() const { return desc_->primitive; }
  bool has_primitive() const { return desc_->primitive != nullptr; }

  const std::vector<array>& inputs() const { return desc_->inputs; }
  std::vector<array>& inputs() { return desc_->inputs; }

  /** True when nothing else refers to this array or its buffer, so an op may write into it. */
  bool is_donatable() const {
    return desc_.use_count() == 1 && desc_->data.use_count() == 1 && desc_->data->is_owned();
  }
  long use_count() const { return desc_.use_count(); }

  /** The other outputs of a primitive with several outputs (placeholders for those let go of). */
  std::vector<array> siblings() const;
  bool has_siblings() const { return desc_->outputs != nullptr; }
  int sibling_position() const { return static_cast<int>(desc_->position); }
  void set_siblings(std::vector<array> siblings, uint16_t position);
  /** All outputs of this array's primitive, in order. */
  std::vector<array> outputs() const;

  /** Cuts the array off from the graph. */
  void detach();

  const Flags& flags() const { return desc_->flags; }
  /** The elements of the buffer spanned by the array; differs from size() for broadcast arrays. */
  size_t data_size() const { return desc_->data_size; }
  allocator::Buffer buffer() const { return desc_->data->buffer(); }
  size_t buffer_size() const { return allocator::allocator().size(buffer()); }
  const std::shared_ptr<Data>& data_shared_ptr() const { return desc_->data; }

  /** The host address of the first element; only after evaluation. */
  template <typename T>
  T* data() {
    return reinterpret_cast<T*>(static_cast<char*>(buffer().raw_ptr()) + desc_->offset);
  }
  template <typename T>
  const T* data() const {
    return const_cast<array&>(*this).data<T>();
  }
  /** Bytes from the start of the buffer to the first element. */
  int64_t offset() const { return desc_->offset; }

  enum Status : uint8_t {
    unscheduled,  // not asked for yet
    evaluated,    // given to a stream; wait() before reading
    available     // readable
  };

  bool is_available() const;
  /** Blocks until available; rethrows the error of the work that should have computed it. */
  void wait();
  Status status() const { return desc_->status.load(std::memory_order_acquire); }
  void set_status(Status status) const { desc_->status.store(status, std::memory_order_release); }
  Event& event() const { return desc_->event; }
  void attach_event(Event event) const { desc_->event = std::move(event); }
  void detach_event() const { desc_->event = Event{}; }

  /** A tracer takes part in a transformation and keeps its place in the graph. */
  void set_tracer(bool is_tracer) { desc_->is_tracer = is_tracer; }
  bool is_tracer() const;

  /** Gives the array freshly allocated, row-contiguous data. */
  void set_data(allocator::Data data);
  void set_data(allocator::Data data, size_t data_size, Strides strides, Flags flags,
                int64_t offset = 0);
  /** Makes the array a view of another's buffer; `offset` in elements from the other's first. */
  void copy_shared_buffer(const array& other, const Strides& strides, Flags flags, size_t data_size,
                          int64_t offset = 0);
  void copy_shared_buffer(const array& other);
  /** A number that scheduling passes may keep with a node they have claimed. */
  uint32_t mark() const { return desc_->mark.load(std::memory_order_relaxed); }
  void set_mark(uint32_t mark) const { desc_->mark.store(mark, std::memory_order_relaxed); }
  void overwrite_descriptor(const array& other) { desc_ = other.desc_; }

 private:
  struct ArrayDesc;

  /** The outputs of one multi-output node; weak, so outputs do not keep each other alive. */
  struct OutputGroup {
    std::vector<std::weak_ptr<ArrayDesc>> members;
    std::vector<Shape> shapes;
    std::vector<Dtype> dtypes;
  };

  struct MLX_API ArrayDesc {
    Shape shape;
    Strides strides;
    size_t size = 0;
    Dtype dtype;
    std::atomic<Status> status;
    bool is_tracer = false;
    Flags flags{true, true, true};
    std::atomic<uint32_t> mark{0};
    uint32_t position = 0;
    std::shared_ptr<Primitive> primitive;
    std::vector<array> inputs;
    std::shared_ptr<OutputGroup> outputs;
    std::shared_ptr<Data> data;
    int64_t offset = 0;
    size_t data_size = 0;
    Event event;

    ArrayDesc(Shape shape, Dtype dtype, Status status);
    ArrayDesc(Shape shape, Dtype dtype, std::shared_ptr<Primitive> primitive,
              std::vector<array> inputs);
    ~ArrayDesc();

   private:
    void init();
  };

  explicit array(std::shared_ptr<ArrayDesc> desc) : desc_(std::move(desc)) {}

  template <typename It>
  void fill_from(It source);

  std::shared_ptr<ArrayDesc> desc_;
};

template <typename T>
array::array(T value, Dtype dtype) : desc_(std::make_shared<ArrayDesc>(Shape{}, dtype, available)) {
  fill_from(&value);
}

template <typename It>
array::array(It data, Shape shape, Dtype dtype)
    : desc_(std::make_shared<ArrayDesc>(std::move(shape), dtype, available)) {
  fill_from(data);
}

template <typename T>
array::array(std::initializer_list<T> data, Dtype dtype)
    : desc_(std::make_shared<ArrayDesc>(Shape{static_cast<ShapeElem>(data.size())}, dtype,
                                        available)) {
  fill_from(data.begin());
}

template <typename T>
array::array(std::initializer_list<T> data, Shape shape, Dtype dtype)
    : desc_(std::make_shared<ArrayDesc>(std::move(shape), dtype, available)) {
  if (data.size() != size()) {
    throw std::invalid_argument(
        "[array] the number of values does not match the number of elements of the shape.");
  }
  fill_from(data.begin());
}

/** The array, evaluated, in a form whose reading on the host moves little: a small view of a buffer
 * that lives on a device is copied to host memory on its own, without the rest of the buffer. */
MLX_API array to_host(array a);

template <typename T>
T array::item() {
  if (size() != 1) {
    throw std::invalid_argument("[item] needs an array of size 1.");
  }
  return *to_host(*this).data<T>();
}

template <typename T>
T array::item() const {
  if (size() != 1) {
    throw std::invalid_argument("[item] needs an array of size 1.");
  }
  if (status() == Status::unscheduled) {
    throw std::invalid_argument("[item] a const array must be evaluated first.");
  }
  return *to_host(*this).data<T>();
}

template <typename It>
void array::fill_from(It source) {
  set_data(allocator::malloc(nbytes()));
  auto copy_as = [&]<typename T>(T* to) {
    for (size_t i = 0, n = size(); i < n; ++i, ++source) to[i] = static_cast<T>(*source);
  };
  switch (dtype().val()) {
    case Dtype::Val::bool_:
      return copy_as(data<bool>());
    case Dtype::Val::uint8:
      return copy_as(data<uint8_t>());
    case Dtype::Val::uint16:
      return copy_as(data<uint16_t>());
    case Dtype::Val::uint32:
      return copy_as(data<uint32_t>());
    case Dtype::Val::uint64:
      return copy_as(data<uint64_t>());
    case Dtype::Val::int8:
      return copy_as(data<int8_t>());
    case Dtype::Val::int16:
      return copy_as(data<int16_t>());
    case Dtype::Val::int32:
      return copy_as(data<int32_t>());
    case Dtype::Val::int64:
      return copy_as(data<int64_t>());
    case Dtype::Val::float16:
      return copy_as(data<float16_t>());
    case Dtype::Val::float32:
      return copy_as(data<float>());
    case Dtype::Val::float64:
      return copy_as(data<double>());
    case Dtype::Val::bfloat16:
      return copy_as(data<bfloat16_t>());
    case Dtype::Val::complex64:
      return copy_as(data<complex64_t>());
  }
}

template <typename T>
inline constexpr bool is_array_v = std::is_same_v<std::remove_cvref_t<T>, array>;
template <typename... T>
inline constexpr bool is_arrays_v = (is_array_v<T> && ...);
template <typename... T>
using enable_for_arrays_t = typename std::enable_if_t<is_arrays_v<T...>>;

}  // namespace mlx::core
