// Trees of lists, tuples and dicts.
#include "trees.h"

#include <stdexcept>
#include <string>

#include "convert.h"
#include "random_state.h"

namespace {

constexpr int kMaxDepth = 512;

bool is_container(nb::handle h) {
  return PyList_Check(h.ptr()) || PyTuple_Check(h.ptr()) || PyDict_Check(h.ptr()) ||
         nb::isinstance<RandomState>(h);
}

void check_depth(int depth) {
  if (depth > kMaxDepth) throw std::invalid_argument("[tree] the tree is nested too deeply.");
}

template <typename Visit>
void walk(nb::handle tree, Visit& visit, int depth) {
  check_depth(depth);
  PyObject* object = tree.ptr();
  if (PyList_Check(object)) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(object); ++i) {
      nb::object item = nb::borrow(PyList_GET_ITEM(object, i));
      walk(item, visit, depth + 1);
    }
  } else if (PyTuple_Check(object)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); ++i) {
      walk(PyTuple_GET_ITEM(object, i), visit, depth + 1);
    }
  } else if (PyDict_Check(object)) {
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(object, &position, &key, &value)) {
      nb::object item = nb::borrow(value);
      walk(item, visit, depth + 1);
    }
  } else if (nb::isinstance<RandomState>(tree)) {
    walk(default_random_state(), visit, depth + 1);
  } else {
    visit(tree);
  }
}

/** A tuple of the type of `like`: a plain tuple or a named one. */
nb::object make_tuple_like(nb::handle like, nb::object items) {
  if (!PyTuple_CheckExact(like.ptr()) && nb::hasattr(like, "_fields")) {
    return nb::borrow(like.type())(*nb::borrow<nb::tuple>(items));
  }
  return items;
}

template <typename F>
nb::object map(nb::handle tree, F& f, int depth) {
  check_depth(depth);
  PyObject* object = tree.ptr();
  if (PyList_Check(object)) {
    nb::list result;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(object); ++i) {
      nb::object item = nb::borrow(PyList_GET_ITEM(object, i));
      result.append(map(item, f, depth + 1));
    }
    return result;
  }
  if (PyTuple_Check(object)) {
    Py_ssize_t size = PyTuple_GET_SIZE(object);
    nb::object result = nb::steal(PyTuple_New(size));
    for (Py_ssize_t i = 0; i < size; ++i) {
      PyTuple_SET_ITEM(result.ptr(), i,
                       map(PyTuple_GET_ITEM(object, i), f, depth + 1).release().ptr());
    }
    return make_tuple_like(tree, result);
  }
  if (PyDict_Check(object)) {
    nb::dict result;
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(object, &position, &key, &value)) {
      nb::object item = nb::borrow(value);
      result[nb::handle(key)] = map(item, f, depth + 1);
    }
    return result;
  }
  if (nb::isinstance<RandomState>(tree)) return map(default_random_state(), f, depth + 1);
  return f(tree);
}

[[noreturn]] void throw_not_prefix() {
  throw std::invalid_argument("[tree_map] the additional tree is no prefix of the first tree.");
}

}  // namespace

void tree_visit(nb::handle tree, const std::function<void(nb::handle)>& visit) {
  walk(tree, visit, 0);
}

nb::object tree_map(nb::handle tree, const std::function<nb::object(nb::handle)>& f) {
  return map(tree, f, 0);
}

void tree_visit_prefix(nb::handle tree, nb::handle prefix,
                       const std::function<void(nb::handle, nb::handle)>& visit) {
  if (!is_container(tree)) return visit(tree, prefix);
  if (!is_container(prefix)) {
    tree_visit(tree, [&](nb::handle leaf) { visit(leaf, prefix); });
    return;
  }
  if (nb::isinstance<RandomState>(tree)) {
    return tree_visit_prefix(default_random_state(), resolve_random_state(prefix), visit);
  }
  if (PyDict_Check(tree.ptr())) {
    if (!PyDict_Check(prefix.ptr())) throw_not_prefix();
    for (auto [key, value] : nb::borrow<nb::dict>(tree)) {
      PyObject* part = PyDict_GetItemWithError(prefix.ptr(), key.ptr());
      if (!part) throw_not_prefix();
      tree_visit_prefix(value, part, visit);
    }
    return;
  }
  bool same_kind =
      PyList_Check(tree.ptr()) ? PyList_Check(prefix.ptr()) : PyTuple_Check(prefix.ptr());
  if (!same_kind || nb::len(tree) != nb::len(prefix)) throw_not_prefix();
  for (size_t i = 0; i < nb::len(tree); ++i) {
    tree_visit_prefix(nb::object(tree[i]), nb::object(prefix[i]), visit);
  }
}

std::vector<mx::array> tree_arrays(nb::handle tree, bool strict) {
  std::vector<mx::array> arrays;
  auto visit = [&](nb::handle leaf) {
    if (auto* a = as_array(leaf)) {
      arrays.push_back(*a);
    } else if (strict) {
      throw std::invalid_argument("[tree] the tree may contain arrays only: got " +
                                  std::string(nb::inst_name(leaf).c_str()) + ".");
    }
  };
  walk(tree, visit, 0);
  return arrays;
}

nb::object tree_replace_arrays(nb::handle tree, const std::vector<mx::array>& arrays,
                               size_t start) {
  auto replace = [&](nb::handle leaf) -> nb::object {
    if (!as_array(leaf)) return nb::borrow(leaf);
    return wrap_array(arrays.at(start++));
  };
  return map(tree, replace, 0);
}

void tree_update(nb::handle tree, nb::handle values) {
  nb::object resolved = resolve_random_state(tree);
  PyObject* target = resolved.ptr();
  auto update_item = [](nb::handle old_item, nb::handle new_item) {
    bool both = is_container(old_item) && is_container(new_item);
    if (both) tree_update(old_item, new_item);
    // A tuple cannot change: only the containers in it can.
    return !both || PyTuple_Check(old_item.ptr());
  };
  if (PyDict_Check(target) && PyDict_Check(values.ptr())) {
    for (auto [key, value] : nb::borrow<nb::dict>(values)) {
      PyObject* old_item = PyDict_GetItemWithError(target, key.ptr());
      if (!old_item || update_item(old_item, value)) {
        if (PyDict_SetItem(target, key.ptr(), value.ptr()) != 0) throw nb::python_error();
      }
    }
  } else if (PyList_Check(target) && PyList_Check(values.ptr())) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(values.ptr()); ++i) {
      nb::object value = nb::borrow(PyList_GET_ITEM(values.ptr(), i));
      if (i >= PyList_GET_SIZE(target)) {
        PyList_Append(target, value.ptr());
      } else if (update_item(nb::borrow(PyList_GET_ITEM(target, i)), value)) {
        PyList_SetItem(target, i, value.release().ptr());
      }
    }
  } else if (PyTuple_Check(target) && PyTuple_Check(values.ptr())) {
    Py_ssize_t size = std::min(PyTuple_GET_SIZE(target), PyTuple_GET_SIZE(values.ptr()));
    for (Py_ssize_t i = 0; i < size; ++i) {
      nb::handle old_item = PyTuple_GET_ITEM(target, i);
      nb::handle value = PyTuple_GET_ITEM(values.ptr(), i);
      if (is_container(old_item) && is_container(value)) tree_update(old_item, value);
      // An array inside a tuple is overwritten: the array object itself is the state.
      auto* old_array = as_array(old_item);
      auto* new_array = as_array(value);
      if (old_array && new_array) *old_array = *new_array;
    }
  } else if (auto* old_array = as_array(tree)) {
    if (auto* new_array = as_array(values)) *old_array = *new_array;
  }
}
