"""Gradients with respect to a model, checkpointing, and gradients across processes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.utils import tree_flatten, tree_map, tree_reduce, tree_unflatten


def value_and_grad(model: Module, fn: Callable):
    """Make a function that computes ``fn`` and its gradient for the model's parameters.

    Args:
        model: The model whose :meth:`~Module.trainable_parameters` are differentiated.
        fn: A function that uses the model and returns a scalar, or a tuple whose first entry
            is a scalar.

    Returns:
        A function of the same arguments that returns the value of ``fn`` and a nested
        dictionary of gradients, structured like the trainable parameters.
    """

    def with_parameters(params, *args, **kwargs):
        model.update(params)
        return fn(*args, **kwargs)

    compute = mx.value_and_grad(with_parameters)

    @wraps(fn)
    def wrapped(*args, **kwargs):
        return compute(model.trainable_parameters(), *args, **kwargs)

    return wrapped


def checkpoint(module: Module, fn: Callable | None = None):
    """Make a function that keeps no intermediate results for its gradient.

    They are computed again in the backward pass, which trades time for memory.

    Args:
        module: The module whose trainable parameters the function depends on.
        fn: The function, the module itself by default.

    Returns:
        A function with the same arguments and result.
    """
    fn = module if fn is None else fn

    def with_parameters(params, *args, **kwargs):
        module.update(params)
        return fn(*args, **kwargs)

    compute = mx.checkpoint(with_parameters)

    @wraps(fn)
    def wrapped(*args, **kwargs):
        return compute(module.trainable_parameters(), *args, **kwargs)

    return wrapped


def _grouped_by_bytes(arrays, limit_bytes: int):
    """Split indices of ``arrays`` into groups, closing a group once it reaches the limit."""
    groups, current, size_bytes = [], [], 0
    for idx, a in enumerate(arrays):
        current.append(idx)
        size_bytes += a.nbytes
        if size_bytes >= limit_bytes:
            groups.append(current)
            current, size_bytes = [], 0
    if current:
        groups.append(current)
    return groups


def average_gradients(
    gradients: Any,
    group: mx.distributed.Group | None = None,
    all_reduce_size: int = 32 * 1024**2,
    communication_stream: mx.Stream | None = None,
):
    """Average a tree of gradients over the processes of a group.

    Args:
        gradients: The tree, of the same structure, shapes and dtypes in all processes.
        group: The processes; all of them by default.
        all_reduce_size: Arrays are sent joined until they reach this many bytes; zero or less
            sends each by itself.
        communication_stream: The stream to communicate on.

    Returns:
        The tree of averages; the given tree if there is one process only.
    """
    group = group or mx.distributed.init()
    count = group.size()
    if count == 1:
        return gradients

    def average(x):
        return mx.distributed.all_sum(x, group=group, stream=communication_stream) / count

    names_and_arrays = tree_flatten(gradients)
    arrays = [a for _, a in names_and_arrays]
    same_dtype = len({a.dtype for a in arrays}) <= 1
    if all_reduce_size <= 0 or not same_dtype:
        return tree_map(average, gradients)

    averaged = []
    for members in _grouped_by_bytes(arrays, all_reduce_size):
        joined = average(mx.concatenate([arrays[i].reshape(-1) for i in members]))
        start = 0
        for i in members:
            stop = start + arrays[i].size
            averaged.append(joined[start:stop].reshape(arrays[i].shape))
            start = stop
    return tree_unflatten([(name, a) for (name, _), a in zip(names_and_arrays, averaged)])


def clip_grad_norm_sharded(
    gradients: Any, max_norm: float, group: mx.distributed.Group | None = None
):
    """Scale gradients that are spread over the processes of a group down to a total norm.

    Args:
        gradients: This process's part of the gradients, as a tree.
        max_norm: The largest 2-norm allowed for all parts together.
        group: The processes; all of them by default.

    Returns:
        The scaled part and the norm of all parts together before scaling.
    """
    group = group or mx.distributed.init()
    squares = mx.array(_sum_of_squares(gradients))
    total_norm = mx.sqrt(mx.distributed.all_sum(squares, group=group))
    return _scale_to_norm(gradients, total_norm, max_norm), total_norm


def _sum_of_squares(tree: Any):
    """Sum of the squares of all elements of a tree; 16-bit arrays are summed in float32."""

    def squared(x):
        return mx.square(x.astype(mx.float32) if x.dtype.size == 2 else x).sum()

    return tree_reduce(lambda acc, x: acc + squared(x), tree, 0.0)


def _scale_to_norm(tree: Any, total_norm: mx.array, max_norm: float):
    """The tree times ``max_norm / total_norm``, or as it is where that is above one."""
    factor = mx.minimum(max_norm / (total_norm + 1e-6), 1.0)
    return tree_map(lambda x: (x * factor).astype(x.dtype), tree)
