// Python indexing: reads, writes and `array.at`; functions that take or put elements.
#include <nanobind/stl/variant.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "bindings.h"
#include "convert.h"
#include "mlx/ops.h"

namespace {

/** One entry of an index expression. An integer is a slice of length 1 whose axis is dropped. */
struct IndexEntry {
  enum Kind { kInteger, kSlice, kNone, kArray } kind;
  int start = 0;
  int stop = 0;
  int step = 1;
  std::optional<mx::array> array;
};

[[noreturn]] void throw_index_type() {
  throw std::invalid_argument(
      "Cannot index mlx array using the given type: use integers, slices, None, ..., lists or "
      "arrays of integers.");
}

bool is_integer(nb::handle item) {
  return !PyBool_Check(item.ptr()) && !as_array(item) && PyIndex_Check(item.ptr());
}

int64_t to_integer(nb::handle item) {
  int64_t value;
  if (!nb::detail::read_int(item, value)) throw_index_type();
  return value;
}

IndexEntry integer_entry(nb::handle item, int axis, int length) {
  int64_t index = to_integer(item);
  if (index < -length || index >= length) {
    throw std::out_of_range("index " + std::to_string(index) + " is out of bounds for axis " +
                            std::to_string(axis) + " with size " + std::to_string(length) + ".");
  }
  int start = static_cast<int>(index < 0 ? index + length : index);
  return {IndexEntry::kInteger, start, start + 1, 1, {}};
}

/** A slice in the form the slicing functions take: a backward one that runs to the front stops at
 * -length - 1. */
IndexEntry slice_entry(nb::handle item, int length) {
  auto* slice = reinterpret_cast<PySliceObject*>(item.ptr());
  for (PyObject* part : {slice->start, slice->stop, slice->step}) {
    if (part != Py_None && (!PyIndex_Check(part) || as_array(part))) {
      throw std::invalid_argument("Slice indices must be integers or None.");
    }
  }
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(item.ptr(), &start, &stop, &step) < 0) throw nb::python_error();
  PySlice_AdjustIndices(length, &start, &stop, step);
  if (step < 0 && stop < 0) stop = -static_cast<Py_ssize_t>(length) - 1;
  constexpr Py_ssize_t kMax = std::numeric_limits<int>::max();
  step = std::clamp<Py_ssize_t>(step, -kMax, kMax);
  // PySlice_AdjustIndices may leave a backward slice of nothing starting at -1.
  if (step < 0 && start < 0) return {IndexEntry::kSlice, 0, 0, 1, {}};
  return {IndexEntry::kSlice,
          static_cast<int>(start),
          static_cast<int>(stop),
          static_cast<int>(step),
          {}};
}

mx::array array_of_list(nb::handle item) {
  if (nb::len(item) == 0) return mx::array(static_cast<int*>(nullptr), {0}, mx::int32);
  return array_from_python(item, std::nullopt);
}

IndexEntry array_entry(mx::array index) {
  if (index.dtype() == mx::bool_) {
    throw std::invalid_argument("boolean indices are not yet supported");
  }
  if (!mx::issubdtype(index.dtype(), mx::integer)) {
    throw std::invalid_argument("[gather] index arrays must have an integer dtype.");
  }
  return {IndexEntry::kArray, 0, 0, 1, std::move(index)};
}

/** The entries of an index: for each axis one that is not kNone, in order. */
std::vector<IndexEntry> parse_index(nb::handle index, const mx::array& a) {
  PyObject* single = index.ptr();
  const bool is_tuple = PyTuple_Check(single);
  PyObject* const* first = is_tuple ? &PyTuple_GET_ITEM(single, 0) : &single;
  const std::span<PyObject* const> items(first, is_tuple ? PyTuple_GET_SIZE(single) : 1);
  const int ndim = static_cast<int>(a.ndim());
  int num_axes = 0;
  int num_ellipses = 0;
  for (PyObject* item : items) {
    if (item == Py_Ellipsis) {
      ++num_ellipses;
    } else if (item != Py_None) {
      ++num_axes;
    }
  }
  if (num_ellipses > 1) {
    throw std::invalid_argument("An index can only have a single ellipsis (...)");
  }
  if (num_axes > ndim) {
    throw std::invalid_argument("Too many indices for array with " + std::to_string(ndim) +
                                " dimensions.");
  }
  std::vector<IndexEntry> entries;
  entries.reserve(a.ndim() + items.size());
  int axis = 0;
  auto add_whole_axes = [&](int count) {
    for (; count > 0; --count, ++axis) {
      entries.push_back({IndexEntry::kSlice, 0, a.shape(axis), 1, {}});
    }
  };
  for (nb::handle item : items) {
    if (item.is_none()) {
      entries.push_back({IndexEntry::kNone, 0, 0, 1, {}});
    } else if (item.ptr() == Py_Ellipsis) {
      add_whole_axes(ndim - num_axes);
    } else {
      if (PySlice_Check(item.ptr())) {
        entries.push_back(slice_entry(item, a.shape(axis)));
      } else if (const mx::array* array = as_array(item)) {
        entries.push_back(array_entry(*array));
      } else if (is_integer(item)) {
        entries.push_back(integer_entry(item, axis, a.shape(axis)));
      } else if (PyList_Check(item.ptr())) {
        entries.push_back(array_entry(array_of_list(item)));
      } else {
        throw_index_type();
      }
      ++axis;
    }
  }
  add_whole_axes(ndim - axis);
  return entries;
}

/** The region of an array that an index selects, and how the region maps to the result. */
struct Region {
  explicit Region(const std::vector<IndexEntry>& entries, const mx::Shape& array_shape)
      : shape(array_shape) {
    bool in_group = false;  // integers and arrays that follow one another
    int num_groups = 0;
    int groups_with_arrays_start = -1;
    bool has_arrays = std::any_of(entries.begin(), entries.end(), [](const IndexEntry& entry) {
      return entry.kind == IndexEntry::kArray;
    });
    int axis = 0;
    int result_axis = 0;  // without the dimensions of index arrays
    for (const IndexEntry& entry : entries) {
      const bool is_advanced =
          entry.kind == IndexEntry::kArray || (has_arrays && entry.kind == IndexEntry::kInteger);
      if (is_advanced && !in_group) {
        ++num_groups;
        groups_with_arrays_start = result_axis;
      }
      in_group = is_advanced;
      if (entry.kind == IndexEntry::kNone) {
        none_axes.push_back(result_axis++);
        continue;
      }
      if (entry.kind == IndexEntry::kArray) {
        start.push_back(0);
        stop.push_back(array_shape[axis]);
        step.push_back(1);
        array_axes.push_back(axis);
        arrays.push_back(*entry.array);
        dropped_axes.push_back(axis);
      } else {
        start.push_back(entry.start);
        stop.push_back(entry.stop);
        step.push_back(entry.step);
        is_whole &= entry.start == 0 && entry.stop == array_shape[axis] && entry.step == 1;
        if (entry.kind == IndexEntry::kInteger) {
          dropped_axes.push_back(axis);
        } else {
          ++result_axis;
        }
      }
      ++axis;
    }
    // NumPy's rule: the dimensions of the index arrays stand where the arrays stood if these follow
    // one another, else in front.
    arrays_position = num_groups == 1 ? groups_with_arrays_start : 0;
    num_result_axes = result_axis;
  }

  mx::Shape shape;
  mx::Shape start, stop, step;
  bool is_whole = true;
  std::vector<int> array_axes;
  std::vector<mx::array> arrays;
  std::vector<int> dropped_axes;  // of integers and arrays
  std::vector<int> none_axes;     // positions in the result, without index dimensions
  int arrays_position = 0;
  int num_result_axes = 0;  // without index dimensions

  /** The selected part of the array, before index arrays are applied and axes dropped or added. */
  mx::array part_of(const mx::array& a) const {
    return is_whole ? a : mx::slice(a, start, stop, step);
  }
};

int index_ndim(const Region& region) {
  size_t ndim = 0;
  for (const mx::array& index : region.arrays) ndim = std::max(ndim, index.ndim());
  return static_cast<int>(ndim);
}

mx::array read(const mx::array& a, const Region& region) {
  mx::array out = region.part_of(a);
  if (region.arrays.empty()) {
    if (!region.dropped_axes.empty()) out = mx::squeeze(out, region.dropped_axes);
    if (!region.none_axes.empty()) out = mx::expand_dims(out, region.none_axes);
    return out;
  }
  mx::Shape slice_sizes = out.shape();
  for (int axis : region.array_axes) {
    if (slice_sizes[axis] == 0) {
      if (std::any_of(region.arrays.begin(), region.arrays.end(),
                      [](const mx::array& index) { return index.size() == 0; })) {
        continue;
      }
      throw std::invalid_argument("[gather] cannot take elements from an empty axis.");
    }
    slice_sizes[axis] = 1;
  }
  out = mx::gather(out, region.arrays, region.array_axes, slice_sizes);
  const int lead = index_ndim(region);
  // Reshaping instead of squeezing also drops empty axes.
  mx::Shape kept(out.shape().begin(), out.shape().begin() + lead);
  for (int axis = 0; axis < static_cast<int>(slice_sizes.size()); ++axis) {
    bool dropped = std::find(region.dropped_axes.begin(), region.dropped_axes.end(), axis) !=
                   region.dropped_axes.end();
    if (!dropped) kept.push_back(slice_sizes[axis]);
  }
  out = mx::reshape(out, kept);
  if (!region.none_axes.empty()) {
    std::vector<int> none_axes = region.none_axes;
    for (int& axis : none_axes) axis += lead;
    out = mx::expand_dims(out, none_axes);
  }
  if (region.arrays_position > 0 && lead > 0) {
    std::vector<int> order;
    for (int i = 0; i < region.arrays_position; ++i) order.push_back(lead + i);
    for (int i = 0; i < lead; ++i) order.push_back(i);
    for (int i = region.arrays_position; i < region.num_result_axes; ++i) order.push_back(lead + i);
    out = mx::transpose(out, order);
  }
  return out;
}

/** Reshapes `value` to `ndim` dimensions by adding or removing leading ones. */
mx::array with_ndim(const mx::array& value, int ndim) {
  mx::Shape shape = value.shape();
  while (static_cast<int>(shape.size()) > ndim && shape[0] == 1) shape.erase(shape.begin());
  if (static_cast<int>(shape.size()) > ndim) {
    throw std::invalid_argument("Cannot broadcast an array with " + std::to_string(value.ndim()) +
                                " dimensions into a selection with " + std::to_string(ndim) + ".");
  }
  shape.insert(shape.begin(), ndim - shape.size(), 1);
  return shape == value.shape() ? value : mx::reshape(value, shape);
}

enum class Update { kAssign, kAdd, kMultiply, kMaximum, kMinimum };

mx::array update_slice(Update op, const mx::array& a, const mx::array& value,
                       const Region& region) {
  const auto& [start, stop, step] = std::tie(region.start, region.stop, region.step);
  switch (op) {
    case Update::kAdd:
      return mx::slice_update_add(a, value, start, stop, step);
    case Update::kMultiply:
      return mx::slice_update_prod(a, value, start, stop, step);
    case Update::kMaximum:
      return mx::slice_update_max(a, value, start, stop, step);
    case Update::kMinimum:
      return mx::slice_update_min(a, value, start, stop, step);
    case Update::kAssign:
      break;
  }
  return mx::slice_update(a, value, start, stop, step);
}

mx::array scatter(Update op, const mx::array& a, const mx::array& updates, const Region& region) {
  switch (op) {
    case Update::kAdd:
      return mx::scatter_add(a, region.arrays, updates, region.array_axes);
    case Update::kMultiply:
      return mx::scatter_prod(a, region.arrays, updates, region.array_axes);
    case Update::kMaximum:
      return mx::scatter_max(a, region.arrays, updates, region.array_axes);
    case Update::kMinimum:
      return mx::scatter_min(a, region.arrays, updates, region.array_axes);
    case Update::kAssign:
      break;
  }
  return mx::scatter(a, region.arrays, updates, region.array_axes);
}

/** Inserts dimensions of length 1 at the dropped axes of the region. */
mx::array with_dropped_axes(const mx::array& value, const Region& region, int lead) {
  mx::Shape shape = value.shape();
  for (int axis : region.dropped_axes) shape.insert(shape.begin() + lead + axis, 1);
  return mx::reshape(value, shape);
}

/** Removes the dimensions that None added to the selection; they must have length 1. */
mx::array without_none_axes(const mx::array& value, const Region& region, int lead, int position) {
  mx::Shape shape = value.shape();
  for (auto axis = region.none_axes.rbegin(); axis != region.none_axes.rend(); ++axis) {
    int at = *axis + (*axis >= position ? lead : 0);
    if (shape[at] != 1) {
      throw std::invalid_argument("Cannot broadcast an axis of length " +
                                  std::to_string(shape[at]) + " into a new axis of the index.");
    }
    shape.erase(shape.begin() + at);
  }
  return shape == value.shape() ? value : mx::reshape(value, shape);
}

/** The array with `value` combined into the selection. */
mx::array write(Update op, const mx::array& a, const mx::array& value, const Region& region) {
  const int lead = index_ndim(region);
  mx::array update = with_ndim(value, region.num_result_axes + lead);
  if (region.arrays.empty()) {
    update = without_none_axes(update, region, 0, 0);
    return update_slice(op, a, with_dropped_axes(update, region, 0), region);
  }
  update = without_none_axes(update, region, lead, region.arrays_position);
  // The position of the index dimensions once the new axes are gone.
  int position = region.arrays_position;
  for (int axis : region.none_axes) position -= axis < region.arrays_position;
  if (position > 0 && lead > 0) {
    std::vector<int> order;
    const int ndim = static_cast<int>(update.ndim());
    for (int i = 0; i < lead; ++i) order.push_back(position + i);
    for (int i = 0; i < position; ++i) order.push_back(i);
    for (int i = position + lead; i < ndim; ++i) order.push_back(i);
    update = mx::transpose(update, order);
  }
  update = with_dropped_axes(update, region, lead);
  mx::array part = region.part_of(a);
  mx::Shape shape = region.arrays[0].shape();
  for (const mx::array& index : region.arrays) shape = mx::broadcast_shapes(shape, index.shape());
  const mx::Shape part_shape = part.shape();
  shape.insert(shape.end(), part_shape.begin(), part_shape.end());
  for (int axis : region.array_axes) shape[lead + axis] = 1;
  part = scatter(op, part, mx::broadcast_to(update, shape), region);
  return region.is_whole ? part : update_slice(Update::kAssign, a, part, region);
}

/** The mask of an index that is one: a bool, an array or a list of them. */
std::optional<mx::array> as_mask(nb::handle index) {
  if (PyTuple_Check(index.ptr()) && nb::len(index) == 1) {
    return as_mask(nb::borrow<nb::tuple>(index)[0]);
  }
  if (PyBool_Check(index.ptr())) return mx::array(index.ptr() == Py_True);
  if (const mx::array* array = as_array(index)) {
    if (array->dtype() == mx::bool_) return *array;
  } else if (PyList_Check(index.ptr()) && nb::len(index) > 0) {
    nb::handle first = nb::borrow<nb::list>(index)[0];
    while (PyList_Check(first.ptr()) && nb::len(first) > 0) {
      first = nb::borrow<nb::list>(first)[0];
    }
    if (!PyBool_Check(first.ptr())) return std::nullopt;
    mx::array array = array_of_list(index);
    if (array.dtype() == mx::bool_) return array;
  } else if (PyObject_CheckBuffer(index.ptr()) && !PyBytes_Check(index.ptr())) {
    mx::array array = array_from_python(index, std::nullopt);
    if (array.dtype() == mx::bool_) return array;
  }
  return std::nullopt;
}

void check_not_0d(const mx::array& a, nb::handle index) {
  if (a.ndim() == 0 && !index.is_none() && index.ptr() != Py_Ellipsis &&
      !PyTuple_Check(index.ptr())) {
    throw std::invalid_argument("too many indices for array: array is 0-dimensional");
  }
}

/** The region of an index made of integers, slices, ... and None only; without an intermediate
 * form, as programs read and write slices all the time. False for any other index, and for wrong
 * ones. */
class PlainRegion {
 public:
  bool read(PyObject* index, const mx::array& a) {
    const bool is_tuple = PyTuple_CheckExact(index);
    PyObject* const* items = is_tuple ? &PyTuple_GET_ITEM(index, 0) : &index;
    const Py_ssize_t count = is_tuple ? PyTuple_GET_SIZE(index) : 1;
    const auto ndim = static_cast<Py_ssize_t>(a.ndim());
    Py_ssize_t ellipsis = -1;
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (items[i] == Py_Ellipsis) {
        if (ellipsis >= 0) return false;
        ellipsis = i;
      } else if (!PySlice_Check(items[i]) && !PyLong_CheckExact(items[i])) {
        return false;
      }
    }
    const Py_ssize_t num_axes = count - (ellipsis >= 0 ? 1 : 0);
    if (num_axes > ndim) return false;
    start.resize(ndim, 0);
    step.resize(ndim, 1);
    stop = a.shape();
    Py_ssize_t axis = 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
      if (i == ellipsis) {
        axis += ndim - num_axes;
      } else if (!read_one(items[i], axis++)) {
        return false;
      }
    }
    return true;
  }

  mx::Shape start, stop, step;
  mx::Shape dropped;  // axes of integers

 private:
  /** One bound of a slice; false when it is no plain integer. */
  static bool read_bound(PyObject* bound, Py_ssize_t& out) {
    if (!PyLong_CheckExact(bound)) return false;
    int overflow = 0;
    long value = PyLong_AsLongAndOverflow(bound, &overflow);
    out = value;
    return overflow == 0;
  }

  bool read_one(PyObject* item, Py_ssize_t axis) {
    const auto length = static_cast<Py_ssize_t>(stop[axis]);
    Py_ssize_t from = 0, to = length;
    if (PyLong_CheckExact(item)) {
      if (!read_bound(item, from) || from < -length || from >= length) return false;
      if (from < 0) from += length;
      to = from + 1;
      dropped.push_back(static_cast<int>(axis));
    } else {
      auto* slice = reinterpret_cast<PySliceObject*>(item);
      if (slice->step != Py_None) return false;
      if (slice->start != Py_None && !read_bound(slice->start, from)) return false;
      if (slice->stop != Py_None && !read_bound(slice->stop, to)) return false;
      PySlice_AdjustIndices(length, &from, &to, 1);
    }
    start[axis] = static_cast<int>(from);
    stop[axis] = static_cast<int>(to);
    return true;
  }
};

mx::array get_item(const mx::array& a, nb::object index) {
  if (PyTuple_CheckExact(index.ptr()) || PySlice_Check(index.ptr())) {
    PlainRegion region;
    if (a.ndim() > 0 && region.read(index.ptr(), a)) {
      mx::array part =
          mx::slice(a, std::move(region.start), std::move(region.stop), std::move(region.step));
      if (region.dropped.empty()) return part;
      return mx::squeeze(part, std::vector<int>(region.dropped.begin(), region.dropped.end()));
    }
  }
  if (is_integer(index) && a.ndim() > 0) {
    IndexEntry entry = integer_entry(index, 0, a.shape(0));
    // Counted from the end if the caller did: a shapeless trace is replayed with other lengths.
    bool from_end = nb::cast<int>(nb::int_(index)) < 0;
    return mx::take(a, from_end ? entry.start - a.shape(0) : entry.start, 0);
  }
  const mx::array* array = as_array(index);
  if (array && a.ndim() > 0 && mx::issubdtype(array->dtype(), mx::integer)) {
    return mx::take(a, *array, 0);
  }
  check_not_0d(a, index);
  if (as_mask(index) && !PyBool_Check(index.ptr())) {
    throw std::invalid_argument("boolean indices are not yet supported");
  }
  return read(a, Region(parse_index(index, a), a.shape()));
}

void set_item(mx::array& a, nb::object index, Operand value) {
  if (!is_operand(value.handle)) {
    throw std::invalid_argument(std::string("Invalid type ") +
                                nb::type_name(value.handle.type()).c_str() +
                                " received in array initialization.");
  }
  mx::array values = to_array(value, a.dtype());
  if (PyTuple_CheckExact(index.ptr()) || PySlice_Check(index.ptr())) {
    PlainRegion region;
    if (a.ndim() > 0 && values.ndim() == a.ndim() && region.read(index.ptr(), a) &&
        region.dropped.empty()) {
      values = mx::astype(values, a.dtype());
      a.overwrite_descriptor(mx::slice_update(a, values, std::move(region.start),
                                              std::move(region.stop), std::move(region.step)));
      return;
    }
  }
  if (std::optional<mx::array> mask = as_mask(index)) {
    a.overwrite_descriptor(mx::masked_scatter(a, *mask, values));
    return;
  }
  check_not_0d(a, index);
  values = mx::astype(values, a.dtype());
  a.overwrite_descriptor(
      write(Update::kAssign, a, values, Region(parse_index(index, a), a.shape())));
}

/** `array.at[index]`: waits for what to do there. */
class ArrayAt {
 public:
  explicit ArrayAt(mx::array a) : array_(std::move(a)) {}
  ArrayAt get_item(nb::object index) const {
    ArrayAt at(*this);
    at.index_ = std::move(index);
    return at;
  }
  mx::array add(Operand value) const { return apply(Update::kAdd, to_values(value)); }
  mx::array subtract(Operand value) const {
    return apply(Update::kAdd, mx::negative(to_values(value)));
  }
  mx::array multiply(Operand value) const { return apply(Update::kMultiply, to_values(value)); }
  mx::array divide(Operand value) const {
    return apply(Update::kMultiply, mx::reciprocal(to_array(value, array_.dtype())));
  }
  mx::array maximum(Operand value) const { return apply(Update::kMaximum, to_values(value)); }
  mx::array minimum(Operand value) const { return apply(Update::kMinimum, to_values(value)); }

 private:
  mx::array to_values(Operand value) const {
    return mx::astype(to_array(value, array_.dtype()), array_.dtype());
  }
  mx::array apply(Update op, const mx::array& value) const {
    if (!index_.is_valid()) {
      throw std::invalid_argument("[at] needs an index: array.at[index].add(value).");
    }
    if (as_mask(index_)) {
      throw std::invalid_argument("[at] boolean masks are not supported: use where().");
    }
    check_not_0d(array_, index_);
    return write(op, array_, mx::astype(value, array_.dtype()),
                 Region(parse_index(index_, array_), array_.shape()));
  }

  mx::array array_;
  nb::object index_;
};

using IntOrArray = std::variant<int, mx::array>;

mx::array take(const mx::array& a, const IntOrArray& indices, std::optional<int> axis,
               mx::StreamOrDevice s) {
  return std::visit(
      [&](const auto& index) {
        return axis ? mx::take(a, index, *axis, s) : mx::take(a, index, s);
      },
      indices);
}

mx::array take_along_axis(const mx::array& a, const mx::array& indices, std::optional<int> axis,
                          mx::StreamOrDevice s) {
  return axis ? mx::take_along_axis(a, indices, *axis, s)
              : mx::take_along_axis(mx::reshape(a, {-1}, s), indices, 0, s);
}

mx::array put_along_axis(const mx::array& a, const mx::array& indices, const mx::array& values,
                         std::optional<int> axis, mx::StreamOrDevice s) {
  if (axis) return mx::put_along_axis(a, indices, values, *axis, s);
  return mx::reshape(mx::put_along_axis(mx::reshape(a, {-1}, s), indices, values, 0, s), a.shape(),
                     s);
}

void bind_at(nb::module_& m, ArrayClass& array_class) {
  nb::class_<ArrayAt>(m, "ArrayAt", "Applies updates at an index: see :attr:`array.at`.")
      .def("__getitem__", &ArrayAt::get_item, "indices"_a.none())
      .def("add", &ArrayAt::add, "value"_a)
      .def("subtract", &ArrayAt::subtract, "value"_a)
      .def("multiply", &ArrayAt::multiply, "value"_a)
      .def("divide", &ArrayAt::divide, "value"_a)
      .def("maximum", &ArrayAt::maximum, "value"_a)
      .def("minimum", &ArrayAt::minimum, "value"_a);
  array_class.def("__getitem__", &get_item, nb::arg().none())
      .def("__setitem__", &set_item, nb::arg().none(), nb::arg())
      .def_prop_ro(
          "at", [](const mx::array& a) { return ArrayAt(a); }, R"(
        Updates of the elements at an index, as a new array.

        ``a.at[index].add(value)`` adds ``value`` at every place the index names, also when it names one
        several times, where ``a[index] += value`` would add just once. There are ``add``, ``subtract``,
        ``multiply``, ``divide``, ``maximum`` and ``minimum``.
        )");
}

}  // namespace

void bind_indexing(nb::module_& m, ArrayClass& array_class) {
  bind_at(m, array_class);
  m.def("take", &take, nb::arg(), "indices"_a, "axis"_a = nb::none(), nb::kw_only(),
        "stream"_a = nb::none(),
        nb::sig("def take(a: array, /, indices: int | array, axis: int | None = None, *, stream: "
                "StreamOrDevice = None) -> array"),
        R"(
        Elements or slices at given positions.

        Args:
            a (array): The input.
            indices (int or array): Positions along the axis; negative ones count from its end.
            axis (int, optional): The axis; without it, positions in the flattened array.

        Returns:
            array: The axis is replaced by the dimensions of the indices.
        )");
  m.def(
      "take_along_axis", &take_along_axis, nb::arg(), "indices"_a, "axis"_a.none() = -1,
      nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def take_along_axis(a: array, /, indices: array, axis: int | None = -1, *, stream: "
              "StreamOrDevice = None) -> array"),
      R"(
        Elements at positions along an axis that are given for each line on its own.

        Args:
            a (array): The input.
            indices (array): Positions; broadcasts with ``a`` along the other axes.
            axis (int, optional): The axis; ``None`` takes the flattened array.

        Returns:
            array: The elements.
        )");
  m.def("put_along_axis", &put_along_axis, nb::arg(), "indices"_a, "values"_a,
        "axis"_a = nb::none(), nb::kw_only(), "stream"_a = nb::none(),
        nb::sig("def put_along_axis(a: array, /, indices: array, values: array, axis: int | None = "
                "None, *, stream: StreamOrDevice = None) -> array"),
        R"(
        A copy of the input with values at positions along an axis, given for each line on its own.

        Args:
            a (array): The input.
            indices (array): Positions; broadcasts with ``a`` along the other axes.
            values (array): What to put there; broadcasts to the shape of the indices.
            axis (int, optional): The axis; ``None`` takes the flattened array.

        Returns:
            array: The updated copy.
        )");
  m.def(
      "slice",
      [](const mx::array& a, const mx::array& start, std::vector<int> axes, mx::Shape size,
         mx::StreamOrDevice s) { return mx::slice(a, start, std::move(axes), std::move(size), s); },
      "a"_a, "start_indices"_a, "axes"_a, "slice_size"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def slice(a: array, start_indices: array, axes: Sequence[int], slice_size: "
              "Sequence[int], *, stream: StreamOrDevice = None) -> array"),
      R"(
        A slice of fixed size whose start is an array. A slice that would not fit is moved so that it does.

        Args:
            a (array): The input.
            start_indices (array): The starts along ``axes``.
            axes (sequence of int): The axes the starts belong to; others start at 0.
            slice_size (sequence of int): The lengths of the slice along all axes.

        Returns:
            array: The slice.
        )");
  m.def(
      "slice_update",
      [](const mx::array& a, const mx::array& update, const mx::array& start, std::vector<int> axes,
         mx::StreamOrDevice s) { return mx::slice_update(a, update, start, std::move(axes), s); },
      "a"_a, "update"_a, "start_indices"_a, "axes"_a, nb::kw_only(), "stream"_a = nb::none(),
      nb::sig("def slice_update(a: array, update: array, start_indices: array, axes: "
              "Sequence[int], *, stream: StreamOrDevice = None) -> array"),
      R"(
        A copy of the input with a slice replaced whose start is an array.

        Args:
            a (array): The input.
            update (array): The new contents of the slice.
            start_indices (array): The starts along ``axes``.
            axes (sequence of int): The axes the starts belong to; others start at 0.

        Returns:
            array: The updated copy.
        )");
}
