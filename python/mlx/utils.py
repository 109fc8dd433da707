"""Functions over trees: nested lists, tuples and dictionaries whose leaves hold anything else."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

__all__ = [
    "tree_flatten",
    "tree_map",
    "tree_map_with_path",
    "tree_merge",
    "tree_reduce",
    "tree_unflatten",
]


def _rebuild(like: Any, values: list[Any]) -> Any:
    """A sequence of the type of ``like`` (a list, a tuple, a named tuple, a subclass)."""
    kind = type(like)
    return kind(*values) if hasattr(like, "_fields") else kind(values)


def tree_map(fn: Callable, tree: Any, *rest: Any, is_leaf: Callable | None = None) -> Any:
    """Build a tree of the same structure with ``fn`` applied to every leaf.

    Args:
        fn: Called as ``fn(leaf, *leaves_of_rest)``.
        tree: The tree that gives the structure.
        *rest: More trees, read at the places where ``tree`` has its nodes. They may hold more
            than ``tree`` does; what is missing raises ``KeyError`` or ``IndexError``.
        is_leaf: Optional predicate; a node for which it is true is not entered.

    Returns:
        The new tree. Sequences keep their type.
    """
    if is_leaf is not None and is_leaf(tree):
        return fn(tree, *rest)
    if isinstance(tree, (list, tuple)):
        values = [
            tree_map(fn, child, *(r[i] for r in rest), is_leaf=is_leaf)
            for i, child in enumerate(tree)
        ]
        return _rebuild(tree, values)
    if isinstance(tree, dict):
        return {
            k: tree_map(fn, child, *(r[k] for r in rest), is_leaf=is_leaf)
            for k, child in tree.items()
        }
    return fn(tree, *rest)


def tree_map_with_path(
    fn: Callable,
    tree: Any,
    *rest: Any,
    is_leaf: Callable | None = None,
    path: Any | None = None,
) -> Any:
    """Like :func:`tree_map`, with the dotted path of the leaf as first argument of ``fn``.

    Args:
        fn: Called as ``fn(path, leaf, *leaves_of_rest)``, for example with path ``"a.0.b"``.
        tree: The tree that gives the structure.
        *rest: More trees, read at the same places.
        is_leaf: Optional predicate on a node; where it is true the node is not entered.
        path: Path of ``tree`` itself, put before all others; ``None`` at the root.

    Returns:
        The new tree.
    """
    if is_leaf is not None and is_leaf(tree):
        return fn(path, tree, *rest)

    def below(key, child):
        child_path = str(key) if path is None or path == "" else f"{path}.{key}"
        others = (r[key] for r in rest)
        return tree_map_with_path(fn, child, *others, is_leaf=is_leaf, path=child_path)

    if isinstance(tree, (list, tuple)):
        return _rebuild(tree, [below(i, child) for i, child in enumerate(tree)])
    if isinstance(tree, dict):
        return {k: below(k, child) for k, child in tree.items()}
    return fn(path, tree, *rest)


def tree_flatten(
    tree: Any,
    prefix: str = "",
    is_leaf: Callable | None = None,
    destination: list[tuple[str, Any]] | dict[str, Any] | None = None,
) -> list[tuple[str, Any]] | dict[str, Any]:
    """List the leaves of a tree with their dotted paths, in order.

    Args:
        tree: The tree, for example ``{"a": [1, 2]}``.
        prefix: Put before every path. Its first character is the separator and is dropped.
        is_leaf: Optional predicate; a node for which it is true is listed, not entered.
        destination: A list to append to or a dictionary to fill; a new list by default.

    Returns:
        The destination, for the example ``[("a.0", 1), ("a.1", 2)]``.
    """
    if destination is None:
        destination = []
    if isinstance(destination, list):

        def put(key, leaf):
            destination.append((key, leaf))
    elif isinstance(destination, dict):
        put = destination.__setitem__
    else:
        raise ValueError("Destination should be either a list or a dictionary or None")

    def walk(node, path):
        if is_leaf is None or not is_leaf(node):
            if isinstance(node, (list, tuple)):
                for i, child in enumerate(node):
                    walk(child, f"{path}.{i}")
                return
            if isinstance(node, dict):
                for key, child in node.items():
                    walk(child, f"{path}.{key}")
                return
        put(path[1:], node)

    walk(tree, prefix)
    return destination


def tree_unflatten(tree: list[tuple[str, Any]] | dict[str, Any]) -> Any:
    """Rebuild the tree that :func:`tree_flatten` listed.

    A node becomes a list if all its keys are integers, with ``{}`` where an index is missing,
    and a dictionary otherwise.

    Args:
        tree: Pairs of a dotted path and a leaf, or a dictionary from path to leaf.

    Returns:
        The tree of lists and dictionaries.
    """
    items = list(tree.items()) if isinstance(tree, dict) else list(tree)
    if len(items) == 1 and items[0][0] == "":
        return items[0][1]

    groups: dict[str, list[tuple[str, Any]]] = {}
    for key, leaf in items:
        head, _, tail = key.partition(".")
        groups.setdefault(head, []).append((tail, leaf))

    try:
        order = sorted((int(head), head) for head in groups)
    except ValueError:
        return {head: tree_unflatten(group) for head, group in groups.items()}
    nodes: list[Any] = []
    for idx, head in order:
        nodes.extend({} for _ in range(idx - len(nodes)))
        nodes.append(tree_unflatten(groups[head]))
    return nodes


def tree_reduce(fn, tree, initializer=None, is_leaf=None):
    """Fold the leaves of a tree, in order, into one value.

    Args:
        fn: Called as ``fn(value_so_far, leaf)``.
        tree: The tree.
        initializer: Value to start from; without it the first leaf is the start.
        is_leaf: Optional predicate; a node for which it is true is not entered.

    Returns:
        The last value, or ``initializer`` if the tree has no leaf.
    """
    if is_leaf is None or not is_leaf(tree):
        children = None
        if isinstance(tree, (list, tuple)):
            children = tree
        elif isinstance(tree, dict):
            children = tree.values()
        if children is not None:
            value = initializer
            for child in children:
                value = tree_reduce(fn, child, value, is_leaf)
            return value
    return tree if initializer is None else fn(initializer, tree)


def tree_merge(tree_a, tree_b, merge_fn=None):
    """Join two trees into one that has the leaves of both.

    An empty container and ``None`` count as nothing there.

    Args:
        tree_a: The first tree; where both have a sequence its type is kept.
        tree_b: The second tree.
        merge_fn: Called as ``merge_fn(a, b)`` where both have a leaf; without it such a place
            raises ``ValueError``.

    Returns:
        The joined tree.
    """
    a_is_empty = isinstance(tree_a, (dict, list, tuple)) and len(tree_a) == 0
    b_is_empty = isinstance(tree_b, (dict, list, tuple)) and len(tree_b) == 0
    if a_is_empty and b_is_empty:
        if type(tree_a) is not type(tree_b):
            names = (type(tree_a).__name__, type(tree_b).__name__)
            raise ValueError("Cannot merge {} with {}".format(*names))
        return tree_a
    tree_a = None if a_is_empty else tree_a
    tree_b = None if b_is_empty else tree_b
    if tree_a is None and tree_b is not None:
        return tree_b
    if tree_b is None and tree_a is not None:
        return tree_a

    if isinstance(tree_a, (list, tuple)) and isinstance(tree_b, (list, tuple)):
        pairs = zip_longest(tree_a, tree_b)
        return _rebuild(tree_a, [tree_merge(a, b, merge_fn) for a, b in pairs])
    if isinstance(tree_a, dict) and isinstance(tree_b, dict):
        keys = list(tree_a) + [k for k in tree_b if k not in tree_a]
        return {k: tree_merge(tree_a.get(k), tree_b.get(k), merge_fn) for k in keys}
    if merge_fn is None:
        raise ValueError(
            "Trees contain elements at the same locations but no merge function was provided"
        )
    return merge_fn(tree_a, tree_b)
