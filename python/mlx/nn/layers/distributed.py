"""Layers whose parameters are spread over the processes of a group."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.nn.layers.quantized import QuantizedLinear, _Quantized
from mlx.utils import tree_flatten, tree_map_with_path, tree_unflatten


@lru_cache
def sum_gradients(group):
    """The identity, whose gradient is the sum of the gradients of all processes of ``group``."""
    if group.size() == 1:
        return lambda x: x

    @mx.custom_function
    def identity(x):
        return x

    @identity.vjp
    def identity(x, cotangent, _):
        return mx.distributed.all_sum(cotangent, group=group)

    return identity


def _split(weight, segments, axis):
    """Split ``axis`` into ``segments`` equal parts, or at the given fractions or indices."""
    if isinstance(segments, int) or isinstance(segments[0], int):
        return mx.split(weight, segments, axis=axis)
    size = weight.shape[axis]
    return mx.split(weight, [int(s * size) for s in segments], axis=axis)


def _shard(parameters: dict, sharding_predicate: Callable, group=None):
    """This process's part of each parameter.

    ``sharding_predicate(path, weight)`` returns the axis to cut, a pair of the axis and the
    segments that are cut one by one, or ``None`` for a parameter that stays whole.
    """
    group = group or mx.distributed.init()
    count, rank = group.size(), group.rank()

    def shard(path, weight):
        if not isinstance(weight, mx.array):
            return weight
        choice = sharding_predicate(path, weight)
        if choice is None:
            return weight
        axis, segments = choice if isinstance(choice, tuple) else (choice, 1)
        parts = [mx.split(s, count, axis=axis)[rank] for s in _split(weight, segments, axis)]
        return mx.contiguous(mx.concatenate(parts, axis=axis))

    return tree_map_with_path(shard, parameters)


def _all_to_sharded(segments):
    """Cuts outputs: the last axis but one of weights, the only axis of a bias."""
    return lambda path, weight: (max(weight.ndim - 2, 0), segments)


def _sharded_to_all(segments):
    """Cuts inputs: the last axis of weights; a bias stays whole."""

    def choose(path, weight):
        return None if path.endswith("bias") else (-1, segments)

    return choose


def _check_sharding(sharding):
    if sharding not in ("all-to-sharded", "sharded-to-all"):
        raise ValueError(
            f"Sharding type {sharding=} not supported, "
            "choose one of 'all-to-sharded' or 'sharded-to-all'"
        )


def shard_inplace(
    module: Module,
    sharding: str | Callable,
    *,
    segments: int | list = 1,
    group: mx.distributed.Group | None = None,
):
    """Replace the parameters of ``module`` by this process's parts; it stays the same class.

    Args:
        module: The module.
        sharding: ``"all-to-sharded"`` cuts outputs, ``"sharded-to-all"`` cuts inputs; or a
            function ``f(path, weight)`` that returns the axis to cut, a pair of axis and
            segments, or ``None``.
        segments: Number of matrices side by side in a weight (3 for joined queries, keys and
            values), or the fractions or indices where they meet; each is cut.
        group: The processes; all of them by default.
    """
    if not callable(sharding):
        _check_sharding(sharding)
        make = _all_to_sharded if sharding == "all-to-sharded" else _sharded_to_all
        sharding = make(segments)
    module.update(_shard(module.parameters(), sharding, group))


def shard_linear(
    module: Module,
    sharding: str,
    *,
    segments: int | list = 1,
    group: mx.distributed.Group | None = None,
):
    """Make a sharded layer from a :class:`Linear` or :class:`QuantizedLinear`.

    Args:
        module: The layer, which stays as it is.
        sharding: ``"all-to-sharded"`` or ``"sharded-to-all"``.
        segments: As for :func:`shard_inplace`.
        group: The processes; all of them by default.

    Returns:
        The new layer.
    """
    _check_sharding(sharding)
    options = {"segments": segments, "group": group}
    if sharding == "all-to-sharded":
        if isinstance(module, QuantizedLinear):
            return QuantizedAllToShardedLinear.from_quantized_linear(module, **options)
        return AllToShardedLinear.from_linear(module, **options)
    if isinstance(module, QuantizedLinear):
        return QuantizedShardedToAllLinear.from_quantized_linear(module, **options)
    return ShardedToAllLinear.from_linear(module, **options)


def _check_divisible(text: str, dims: int, count: int) -> None:
    if dims % count != 0:
        raise ValueError(text.format(dims=dims, count=count))


_UNEVEN_OUTPUT = "Cannot shard the output of size {dims} across {count} devices."
_UNEVEN_INPUT = "The input of size {dims} cannot be sharded across {count} devices."


class AllToShardedLinear(Module):
    """A linear layer of which each process computes its part of the outputs.

    Args:
        input_dims: Size of the last axis of the input, which all processes have.
        output_dims: Outputs of all processes together.
        bias: Whether there is a bias.
        group: The processes; all of them by default.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group: mx.distributed.Group | None = None,
    ):
        super().__init__()
        self.group = group or mx.distributed.init()
        count = self.group.size()
        _check_divisible(_UNEVEN_OUTPUT, output_dims, count)
        bound = math.sqrt(1.0 / input_dims)
        self.weight = mx.random.uniform(-bound, bound, (output_dims // count, input_dims))
        if bias:
            self.bias = mx.random.uniform(-bound, bound, (output_dims // count,))

    def _extra_repr(self) -> str:
        output_dims, input_dims = self.weight.shape
        output_dims *= self.group.size()
        return f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        x = sum_gradients(self.group)(x)
        if "bias" in self:
            return mx.addmm(self["bias"], x, self["weight"].T)
        return x @ self["weight"].T

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        *,
        segments: int | list = 1,
        group: mx.distributed.Group | None = None,
    ):
        """This process's part of a :class:`Linear`."""
        group = group or mx.distributed.init()
        output_dims, input_dims = linear_layer.weight.shape
        layer = cls(input_dims, output_dims, "bias" in linear_layer, group)
        layer.update(_shard(linear_layer.parameters(), _all_to_sharded(segments), group))
        return layer


class ShardedToAllLinear(Module):
    """A linear layer of which each process holds its part of the inputs; all processes get the
    sum.

    Args:
        input_dims: Inputs of all processes together.
        output_dims: Size of the last axis of the output.
        bias: Whether there is a bias.
        group: The processes; all of them by default.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group: mx.distributed.Group | None = None,
    ):
        super().__init__()
        self.group = group or mx.distributed.init()
        count = self.group.size()
        _check_divisible(_UNEVEN_INPUT, input_dims, count)
        bound = math.sqrt(1.0 / input_dims)
        self.weight = mx.random.uniform(-bound, bound, (output_dims, input_dims // count))
        if bias:
            self.bias = mx.random.uniform(-bound, bound, (output_dims,))

    def _extra_repr(self) -> str:
        output_dims, input_dims = self.weight.shape
        input_dims *= self.group.size()
        return f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.distributed.all_sum(x @ self["weight"].T, group=self.group)
        return y + self["bias"] if "bias" in self else y

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        *,
        segments: int | list = 1,
        group: mx.distributed.Group | None = None,
    ):
        """This process's part of a :class:`Linear`."""
        group = group or mx.distributed.init()
        output_dims, input_dims = linear_layer.weight.shape
        layer = cls(input_dims, output_dims, "bias" in linear_layer, group)
        layer.update(_shard(linear_layer.parameters(), _sharded_to_all(segments), group))
        return layer


class _QuantizedSharded(_Quantized):
    """What the sharded quantized layers share; the weight is this process's part."""

    def __init__(self, shape, bias_size, group_size, bits, mode, group):
        bound = math.sqrt(1.0 / shape[-1])
        super().__init__(mx.random.uniform(-bound, bound, shape), group_size, bits, mode)
        self.group = group
        if bias_size:
            self.bias = mx.zeros((bias_size,))
        self.freeze()

    def unfreeze(self, *args, **kwargs):
        """Unfreeze sub-modules only: quantized weights cannot be trained."""
        super().unfreeze(*args, **kwargs)
        self.freeze(recurse=False)
        return self

    def _describe(self, input_factor: int, output_factor: int) -> str:
        output_dims, packed = self.weight.shape
        input_dims = packed * 32 // self.bits * input_factor
        return (
            f"input_dims={input_dims}, output_dims={output_dims * output_factor}, "
            f"bias={'bias' in self}, {self._quantization()}"
        )

    @classmethod
    def _from_quantized_linear(cls, source, sharding_predicate, group):
        group = group or mx.distributed.init()
        output_dims, packed = source.weight.shape
        layer = cls(
            packed * 32 // source.bits,
            output_dims,
            "bias" in source,
            group_size=source.group_size,
            bits=source.bits,
            mode=source.mode,
            group=group,
        )
        layer.update(_shard(source.parameters(), sharding_predicate, group))
        return layer


class QuantizedAllToShardedLinear(_QuantizedSharded):
    """An :class:`AllToShardedLinear` with a quantized weight, whose parameters are frozen.

    Args:
        input_dims: Size of the last axis of the input, which all processes have.
        output_dims: Outputs of all processes together.
        bias: Whether there is a bias (zeros).
        group_size: Weights per scale.
        bits: Bits per weight.
        mode: A quantization mode of :func:`mlx.core.quantize`.
        group: The processes; all of them by default.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int = 64,
        bits: int = 4,
        mode: str = "affine",
        group: mx.distributed.Group | None = None,
    ):
        group = group or mx.distributed.init()
        _check_divisible(_UNEVEN_OUTPUT, output_dims, group.size())
        local_dims = output_dims // group.size()
        bias_size = local_dims if bias else 0
        super().__init__((local_dims, input_dims), bias_size, group_size, bits, mode, group)

    def _extra_repr(self) -> str:
        return self._describe(1, self.group.size())

    def __call__(self, x: mx.array) -> mx.array:
        y = self._matmul(sum_gradients(self.group)(x))
        return y + self["bias"] if "bias" in self else y

    @classmethod
    def from_quantized_linear(
        cls,
        quantized_linear_layer: Module,
        *,
        segments: int | list = 1,
        group: mx.distributed.Group | None = None,
    ):
        """This process's part of a :class:`QuantizedLinear`."""
        predicate = _all_to_sharded(segments)
        return cls._from_quantized_linear(quantized_linear_layer, predicate, group)


class QuantizedShardedToAllLinear(_QuantizedSharded):
    """A :class:`ShardedToAllLinear` with a quantized weight, whose parameters are frozen.

    Args:
        input_dims: Inputs of all processes together.
        output_dims: Size of the last axis of the output.
        bias: Whether there is a bias (zeros).
        group_size: Weights per scale.
        bits: Bits per weight.
        mode: A quantization mode of :func:`mlx.core.quantize`.
        group: The processes; all of them by default.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int = 64,
        bits: int = 4,
        mode: str = "affine",
        group: mx.distributed.Group | None = None,
    ):
        group = group or mx.distributed.init()
        _check_divisible(_UNEVEN_INPUT, input_dims, group.size())
        shape = (output_dims, input_dims // group.size())
        bias_size = output_dims if bias else 0
        super().__init__(shape, bias_size, group_size, bits, mode, group)

    def _extra_repr(self) -> str:
        return self._describe(self.group.size(), 1)

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.distributed.all_sum(self._matmul(x), group=self.group)
        return y + self["bias"] if "bias" in self else y

    @classmethod
    def from_quantized_linear(
        cls,
        quantized_linear_layer: Module,
        *,
        segments: int | list = 1,
        group: mx.distributed.Group | None = None,
    ):
        """This process's part of a :class:`QuantizedLinear`."""
        predicate = _sharded_to_all(segments)
        return cls._from_quantized_linear(quantized_linear_layer, predicate, group)


def _make_gather_fn(group, compute_dtype):
    """Function from the parts of parameters to whole ones; its gradient scatters the mean."""
    count = group.size()

    @mx.custom_function
    def gather(*shards):
        whole = [mx.distributed.all_gather(s, group=group) for s in shards]
        if compute_dtype is not None:
            whole = [w.astype(compute_dtype) for w in whole]
        return whole

    @gather.vjp
    def gather(shards, cotangents, _):
        return [
            mx.distributed.sum_scatter(c.astype(s.dtype), group=group) / count
            for s, c in zip(shards, cotangents)
        ]

    return gather


class FullyShardedModule(Module):
    """Wraps a module of which each process stores and trains only a part.

    Each trainable parameter is cut along its first axis. A call gathers the whole parameters
    for the time of the call; the gradient of each part is the mean over the processes.

    Args:
        module: The module. Its parameters are replaced by this process's parts.
        group: The processes; all of them by default.
        compute_dtype: Dtype that gathered parameters are converted to.
    """

    def __init__(
        self,
        module: Module,
        group: mx.distributed.Group | None = None,
        compute_dtype: mx.Dtype | None = None,
    ):
        super().__init__()
        group = group or mx.distributed.init()
        params = tree_flatten(module.trainable_parameters())
        for path, p in params:
            if p.ndim == 0 or p.shape[0] % group.size() != 0:
                raise ValueError(
                    f"Cannot shard parameter '{path}' with shape {p.shape} across "
                    f"{group.size()} devices: axis 0 must be divisible by {group.size()}."
                )
        module.update(_shard(module.trainable_parameters(), lambda path, w: 0, group))
        self._paths = [path for path, _ in params]
        self._gather_fn = _make_gather_fn(group, compute_dtype)
        self.module = module

    def __setattr__(self, key, val):
        # The list of paths is no child; keep it out of the dictionary.
        if key == "_paths":
            object.__setattr__(self, key, val)
        else:
            super().__setattr__(key, val)

    def _extra_repr(self) -> str:
        return f"num_sharded_params={len(self._paths)}"

    def _gathered_call(self, fn, *args, **kwargs):
        if not self._paths:
            return fn(*args, **kwargs)
        local = dict(tree_flatten(self.module.parameters()))
        shards = [local[path] for path in self._paths]
        whole = self._gather_fn(*shards)
        self.module.update(tree_unflatten(list(zip(self._paths, whole))))
        try:
            return fn(*args, **kwargs)
        finally:
            self.module.update(tree_unflatten(list(zip(self._paths, shards))))

    def __call__(self, *args, **kwargs):
        return self._gathered_call(self.module, *args, **kwargs)

    def as_linear(self, *args, **kwargs):
        """Call ``as_linear`` of the wrapped module with the whole parameters."""
        return self._gathered_call(self.module.as_linear, *args, **kwargs)


def fully_shard(
    module: Module,
    *,
    group: mx.distributed.Group | None = None,
    compute_dtype: mx.Dtype | None = None,
) -> Module:
    """Wrap a module in a :class:`FullyShardedModule`.

    Args:
        module: The module.
        group: The processes; all of them by default.
        compute_dtype: Dtype that gathered parameters are converted to.

    Returns:
        The wrapped module, or ``module`` itself if there is one process only.
    """
    group = group or mx.distributed.init()
    if group.size() == 1:
        return module
    return FullyShardedModule(module, group, compute_dtype)
