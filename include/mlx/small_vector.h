// SmallVector: a vector of trivially copyable elements that keeps short contents inline.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <new>
#include <ostream>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace mlx::core {

/** Like std::vector, but up to `InlineCapacity` elements need no allocation: shapes and strides. */
template <typename T, size_t InlineCapacity = 8>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using value_type = T;
  using size_type = size_t;
  using difference_type = ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using iterator = T*;
  using const_iterator = const T*;
  using reverse_iterator = std::reverse_iterator<iterator>;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  SmallVector() = default;
  explicit SmallVector(size_t count, const T& value = T{}) { assign(count, value); }
  SmallVector(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  template <typename It>
  requires std::input_iterator<It> SmallVector(It first, It last) { append(first, last); }
  explicit SmallVector(const std::vector<T>& values) { append(values.begin(), values.end()); }
  SmallVector(const SmallVector& other) { append(other.begin(), other.end()); }
  SmallVector(SmallVector&& other) noexcept { steal(other); }
  ~SmallVector() { release(); }

  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) {
      size_ = 0;
      append(other.begin(), other.end());
    }
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      release();
      steal(other);
    }
    return *this;
  }
  SmallVector& operator=(std::initializer_list<T> values) {
    size_ = 0;
    append(values.begin(), values.end());
    return *this;
  }

  iterator begin() { return data_; }
  iterator end() { return data_ + size_; }
  const_iterator begin() const { return data_; }
  const_iterator end() const { return data_ + size_; }
  const_iterator cbegin() const { return begin(); }
  const_iterator cend() const { return end(); }
  reverse_iterator rbegin() { return reverse_iterator(end()); }
  reverse_iterator rend() { return reverse_iterator(begin()); }
  const_reverse_iterator rbegin() const { return const_reverse_iterator(end()); }
  const_reverse_iterator rend() const { return const_reverse_iterator(begin()); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }

  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& at(size_t i) {
    check_index(i);
    return data_[i];
  }
  const T& at(size_t i) const {
    check_index(i);
    return data_[i];
  }
  T& front() { return data_[0]; }
  const T& front() const { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }

  void reserve(size_t count) {
    if (count > capacity_) grow(count);
  }
  void resize(size_t count, const T& value = T{}) {
    reserve(count);
    for (size_t i = size_; i < count; ++i) data_[i] = value;
    size_ = count;
  }
  void assign(size_t count, const T& value) {
    size_ = 0;
    resize(count, value);
  }
  void clear() { size_ = 0; }
  void push_back(const T& value) {
    T copy = value;
    if (size_ == capacity_) grow(2 * capacity_);
    data_[size_++] = copy;
  }
  template <typename... Args>
  T& emplace_back(Args&&... args) {
    push_back(T(std::forward<Args>(args)...));
    return back();
  }
  void pop_back() { --size_; }

  iterator insert(const_iterator position, const T& value) {
    T copy = value;
    return insert(position, &copy, &copy + 1);
  }
  iterator insert(const_iterator position, size_t count, const T& value) {
    std::vector<T> values(count, value);
    return insert(position, values.begin(), values.end());
  }
  template <typename It>
  requires std::input_iterator<It> iterator insert(const_iterator position, It first, It last) {
    size_t at = position - begin();
    SmallVector tail(begin() + at, end());
    SmallVector middle(first, last);
    size_ = at;
    append(middle.begin(), middle.end());
    append(tail.begin(), tail.end());
    return begin() + at;
  }
  iterator insert(const_iterator position, std::initializer_list<T> values) {
    return insert(position, values.begin(), values.end());
  }
  iterator erase(const_iterator position) { return erase(position, position + 1); }
  iterator erase(const_iterator first, const_iterator last) {
    T* to = data_ + (first - data_);
    std::memmove(to, last, (end() - last) * sizeof(T));
    size_ -= last - first;
    return to;
  }
  void swap(SmallVector& other) noexcept { std::swap(*this, other); }

  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend auto operator<=>(const SmallVector& a, const SmallVector& b) {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  template <typename It>
  void append(It first, It last) {
    if constexpr (std::forward_iterator<It>) reserve(size_ + std::distance(first, last));
    for (; first != last; ++first) push_back(static_cast<T>(*first));
  }
  void check_index(size_t i) const {
    if (i >= size_) throw std::out_of_range("SmallVector: index out of range");
  }
  void grow(size_t count) {
    T* grown = static_cast<T*>(::operator new(count * sizeof(T)));
    if (size_ > 0) std::memcpy(static_cast<void*>(grown), data_, size_ * sizeof(T));
    release();
    data_ = grown;
    capacity_ = count;
  }
  void release() {
    if (data_ != inline_data()) ::operator delete(data_);
  }
  void steal(SmallVector& other) {
    size_ = other.size_;
    if (other.data_ == other.inline_data()) {
      data_ = inline_data();
      capacity_ = InlineCapacity;
      if (size_ > 0) std::memcpy(static_cast<void*>(data_), other.data_, size_ * sizeof(T));
    } else {
      data_ = other.data_;
      capacity_ = other.capacity_;
      other.data_ = other.inline_data();
      other.capacity_ = InlineCapacity;
    }
    other.size_ = 0;
  }
  T* inline_data() { return reinterpret_cast<T*>(storage_); }

  alignas(T) char storage_[sizeof(T) * InlineCapacity];
  T* data_ = inline_data();
  size_t size_ = 0;
  size_t capacity_ = InlineCapacity;
};

/** Prints as a Python tuple: `(2, 3)`. */
template <typename T, size_t N>
std::ostream& operator<<(std::ostream& os, const SmallVector<T, N>& values) {
  os << "(";
  for (size_t i = 0; i < values.size(); ++i) os << (i > 0 ? ", " : "") << values[i];
  return os << (values.size() == 1 ? ",)" : ")");
}

template <typename>
struct is_vector : std::false_type {};
template <typename T, size_t N>
struct is_vector<SmallVector<T, N>> : std::true_type {};
template <typename T, typename A>
struct is_vector<std::vector<T, A>> : std::true_type {};
template <typename V>
inline constexpr bool is_vector_v = is_vector<V>::value;

}  // namespace mlx::core
