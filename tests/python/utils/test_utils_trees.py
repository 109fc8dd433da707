"""Trees: map, flatten, unflatten, reduce, merge."""

from collections import namedtuple

import pytest

from mlx.utils import (
    tree_flatten,
    tree_map,
    tree_map_with_path,
    tree_merge,
    tree_reduce,
    tree_unflatten,
)

Point = namedtuple("Point", "x y")
TREE = {"a": [1, (2, 3)], "b": {"c": 4}}


def is_int_list(node):
    return isinstance(node, list) and all(isinstance(v, int) for v in node)


def test_map_keeps_structure_and_types():
    assert tree_map(lambda v: v + 1, TREE) == {"a": [2, (3, 4)], "b": {"c": 5}}
    assert tree_map(str, 5) == "5"
    result = tree_map(lambda v: -v, Point(1, [2]))
    assert result == Point(-1, [-2]) and isinstance(result, Point)

    class Stack(list):
        pass

    assert type(tree_map(abs, Stack([1]))) is Stack


def test_map_over_several_trees():
    other = {"a": [10, (20, 30)], "b": {"c": 40, "more": 0}}
    assert tree_map(lambda x, y: x + y, TREE, other) == {"a": [11, (22, 33)], "b": {"c": 44}}
    with pytest.raises(KeyError):
        tree_map(lambda x, y: x, {"a": 1}, {"b": 1})
    with pytest.raises(IndexError):
        tree_map(lambda x, y: x, [1, 2], [1])


def test_map_stops_at_leaves_of_the_caller():
    assert tree_map(len, [[1, 2], [3]], is_leaf=is_int_list) == [2, 1]


def test_map_with_path():
    paths = tree_map_with_path(lambda path, v: path, TREE)
    assert paths == {"a": ["a.0", ("a.1.0", "a.1.1")], "b": {"c": "b.c"}}
    assert tree_map_with_path(lambda p, v: p, 1) is None
    assert tree_map_with_path(lambda p, v: p, [1], path="root") == ["root.0"]
    assert tree_map_with_path(lambda p, v, w: (p, v, w), [1], [2]) == [("0", 1, 2)]
    assert tree_map_with_path(lambda p, v: p, [[1]], is_leaf=is_int_list) == ["0"]


def test_flatten():
    expected = [("a.0", 1), ("a.1.0", 2), ("a.1.1", 3), ("b.c", 4)]
    assert tree_flatten(TREE) == expected
    assert tree_flatten(TREE, destination={}) == dict(expected)
    assert tree_flatten([5], destination=[("x", 1)]) == [("x", 1), ("0", 5)]
    assert tree_flatten([5], prefix=".top") == [("top.0", 5)]
    assert tree_flatten(7) == [("", 7)]
    assert tree_flatten({"a": [], "b": {}}) == []
    assert tree_flatten({"a": [1, 2]}, is_leaf=is_int_list) == [("a", [1, 2])]
    with pytest.raises(ValueError):
        tree_flatten([1], destination=set())


def test_unflatten():
    assert tree_unflatten(tree_flatten(TREE)) == {"a": [1, [2, 3]], "b": {"c": 4}}
    assert tree_unflatten({"a.0": 1, "a.1": 2}) == {"a": [1, 2]}
    assert tree_unflatten([("1", "x"), ("0", "y")]) == ["y", "x"]
    assert tree_unflatten([("2", 1), ("0", 2)]) == [2, {}, 1]
    assert tree_unflatten([("", 5)]) == 5
    assert tree_unflatten([("0", 1), ("x", 2)]) == {"0": 1, "x": 2}
    assert tree_unflatten([("10", 1)])[10] == 1


def test_reduce():
    add = lambda x, y: x + y  # noqa: E731
    assert tree_reduce(add, TREE) == 10
    assert tree_reduce(add, TREE, 5) == 15
    assert tree_reduce(add, [], 5) == 5
    assert tree_reduce(add, []) is None
    count = lambda n, leaf: n + len(leaf)  # noqa: E731
    assert tree_reduce(count, [[1, 2], [3]], 0, is_leaf=is_int_list) == 3


def test_merge():
    assert tree_merge({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    assert tree_merge([{"a": 1}], [{"b": 2}, {"c": 3}]) == [{"a": 1, "b": 2}, {"c": 3}]
    assert tree_merge({"a": None, "b": {}}, {"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert tree_merge((1, {}), ({}, 2)) == (1, 2)
    assert tree_merge({}, {}) == {}
    assert tree_merge([1], (2,), lambda x, y: (x, y)) == [(1, 2)]
    with pytest.raises(ValueError, match="merge function"):
        tree_merge({"a": 1}, {"a": 2})
    with pytest.raises(ValueError, match="Cannot merge list with dict"):
        tree_merge([], {})
