// Trees: nested lists, tuples and dicts with arrays, numbers and other objects as leaves.
#pragma once

#include <nanobind/nanobind.h>

#include <functional>
#include <vector>

#include "mlx/array.h"

namespace nb = nanobind;
namespace mx = mlx::core;

/** Calls `visit` with every leaf, in order (dicts in their own order). */
void tree_visit(nb::handle tree, const std::function<void(nb::handle)>& visit);

/** Calls `visit` with every leaf of `tree` and the leaf of `prefix` that stands for it: a leaf of
 * the prefix stands for all leaves below its place. Raises if the containers differ. */
void tree_visit_prefix(nb::handle tree, nb::handle prefix,
                       const std::function<void(nb::handle, nb::handle)>& visit);

/** A tree of the same structure with every leaf replaced by `f(leaf)`. */
nb::object tree_map(nb::handle tree, const std::function<nb::object(nb::handle)>& f);

/** The arrays among the leaves. With `strict`, any other leaf raises. */
std::vector<mx::array> tree_arrays(nb::handle tree, bool strict = true);

/** A copy of `tree` with its array leaves replaced by `arrays[start]`, … in order. */
nb::object tree_replace_arrays(nb::handle tree, const std::vector<mx::array>& arrays,
                               size_t start = 0);

/** Writes the leaves of `values` into the containers of `tree`, which others may refer to. */
void tree_update(nb::handle tree, nb::handle values);
