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

/** A tree of the same structure with every leaf replaced by `f(leaf)`. */
nb::object tree_map(nb::handle tree, const std::function<nb::object(nb::handle)>& f);

/** The same over several trees of one structure; raises if a structure differs. Where a tree is a leaf
 * but the first is not, the leaf goes with every element of the first. */
nb::object tree_map(const std::vector<nb::object>& trees,
                    const std::function<nb::object(const std::vector<nb::object>&)>& f);

/** Replaces leaves in place, also inside lists and dicts that others refer to. */
void tree_fill(nb::object tree, const std::vector<mx::array>& arrays);

/** The arrays among the leaves. With `strict`, any other leaf raises. */
std::vector<mx::array> tree_arrays(nb::handle tree, bool strict = true);

/** `tree` with its array leaves replaced by `arrays[start]`, … in order. */
nb::object tree_replace_arrays(nb::handle tree, const std::vector<mx::array>& arrays,
                               size_t start = 0);
