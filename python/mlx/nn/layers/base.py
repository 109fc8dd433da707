"""The base class of all layers and models: a dictionary of parameters and sub-modules."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten


class Module(mx._ModuleBase):  # a dict; its items are attributes
    """Base class of layers and models.

    Attributes that are arrays, modules, lists, tuples or dictionaries become items of the
    dictionary; anything else is an ordinary attribute. An array whose name has no leading
    underscore is a parameter. Lists and dictionaries are searched for parameters and modules
    at any depth.

    Example::

        class MLP(nn.Module):
            def __init__(self, dims, hidden_dims):
                super().__init__()
                self.up = nn.Linear(dims, hidden_dims)
                self.down = nn.Linear(hidden_dims, dims)

            def __call__(self, x):
                return self.down(nn.gelu(self.up(x)))

        model = MLP(64, 256)
        mx.eval(model.parameters())
    """

    __call__: Callable

    def __init__(self):
        """Start an empty module, in training mode, with nothing frozen."""
        self._no_grad = set()
        self._training = True

    @property
    def training(self):
        """Whether the module is in training mode. See :meth:`train` and :meth:`eval`."""
        return self._training

    @property
    def state(self):
        """The module itself, as the dictionary that holds its parameters and sub-modules.

        It is what :func:`mlx.core.compile` takes as ``inputs`` and ``outputs``, and assigning
        to its items changes the module.
        """
        return self

    def _extra_repr(self) -> str:
        return ""

    def __repr__(self):
        children = tree_flatten(self.children(), is_leaf=self.is_module)
        head = f"{type(self).__name__}({self._extra_repr()}"
        if not children:
            return head + ")"
        lines = (textwrap.indent(f"({name}): {child!r}", "  ") for name, child in children)
        return "\n".join([head, *lines, ")"])

    def __setattr__(self, key: str, val: Any):
        if isinstance(val, (mx.array, dict, list, tuple)):
            # An ordinary attribute of that name would hide the item.
            if key in self.__dict__:
                del self.__dict__[key]
            self[key] = val
        else:
            super().__setattr__(key, val)
            self.pop(key, None)

    def __delattr__(self, name):
        if name in self:
            del self[name]
        else:
            super().__delattr__(name)

    def load_weights(
        self,
        file_or_weights: str | list[tuple[str, mx.array]],
        strict: bool = True,
    ) -> Module:
        """Replace parameters by weights from a file or a list.

        Args:
            file_or_weights: Path of an ``.npz`` or ``.safetensors`` file, or pairs of a dotted
                parameter name and an array.
            strict: If true, names and shapes must be exactly those of the module; otherwise
                unknown names are ignored and shapes are not checked.

        Returns:
            The module.
        """
        weights = file_or_weights
        if isinstance(weights, str):
            weights = list(mx.load(weights).items())

        if strict:
            received = dict(weights)
            expected = tree_flatten(self.parameters(), destination={})
            extras = sorted(received.keys() - expected.keys())
            if extras:
                listing = ",\n".join(extras)
                raise ValueError(f"Received {len(extras)} parameters not in model: \n{listing}.")
            missing = sorted(expected.keys() - received.keys())
            if missing:
                listing = ",\n".join(missing)
                raise ValueError(f"Missing {len(missing)} parameters: \n{listing}.")
            for name, current in expected.items():
                new = received[name]
                if not isinstance(new, mx.array):
                    raise ValueError(
                        f"Expected mx.array but received {type(new)} for parameter {name}"
                    )
                if new.shape != current.shape:
                    raise ValueError(
                        f"Expected shape {current.shape} but received shape {new.shape} "
                        f"for parameter {name}"
                    )

        if len(weights) > 0:
            self.update(tree_unflatten(weights), strict=False)
        return self

    def save_weights(self, file: str):
        """Write the parameters to a file.

        Args:
            file: A path that ends in ``.npz`` or ``.safetensors``.
        """
        params = tree_flatten(self.parameters(), destination={})
        if file.endswith(".npz"):
            mx.savez(file, **params)
        elif file.endswith(".safetensors"):
            mx.save_safetensors(file, params)
        else:
            raise ValueError(
                f"Unsupported file extension for {file}. Use '.npz' or '.safetensors'."
            )

    @staticmethod
    def is_module(value):
        """Whether ``value`` is a :class:`Module`."""
        return isinstance(value, Module)

    @staticmethod
    def valid_child_filter(module, key, value):
        """Filter that accepts sub-modules and the lists and dictionaries that may hold them."""
        return isinstance(value, (dict, list))

    @staticmethod
    def valid_parameter_filter(module, key, value):
        """Filter that accepts parameters: arrays and containers named without underscore."""
        return isinstance(value, (dict, list, mx.array)) and not key.startswith("_")

    @staticmethod
    def trainable_parameter_filter(module, key, value):
        """Filter that accepts parameters that are not frozen."""
        return Module.valid_parameter_filter(module, key, value) and key not in module._no_grad

    def filter_and_map(
        self,
        filter_fn: Callable[[Module, str, Any], bool],
        map_fn: Callable | None = None,
        is_leaf_fn: Callable[[Module, str, Any], bool] | None = None,
    ):
        """Collect a nested dictionary of the module's contents.

        Args:
            filter_fn: Called as ``filter_fn(module, key, value)``; entries for which it is false
                are left out. Inside lists and dictionaries ``key`` is the dotted path from the
                module, and what is left out becomes ``{}`` so that places keep their meaning.
            map_fn: Applied to each leaf; by default leaves are returned as they are.
            is_leaf_fn: Called as ``is_leaf_fn(module, key, value)``; where it is true the value
                is a leaf. By default modules, lists and dictionaries are entered.

        Returns:
            The nested dictionary.
        """

        def collect(module, key, value):
            if is_leaf_fn is not None:
                is_leaf = is_leaf_fn(module, key, value)
            else:
                is_leaf = not isinstance(value, (dict, list))
            if is_leaf:
                return value if map_fn is None else map_fn(value)
            if isinstance(value, Module):
                return value.filter_and_map(filter_fn, map_fn, is_leaf_fn)
            if isinstance(value, dict):
                return {k: collect_if(module, f"{key}.{k}", v) for k, v in value.items()}
            if isinstance(value, list):
                return [collect_if(module, f"{key}.{i}", v) for i, v in enumerate(value)]
            raise RuntimeError("Unexpected leaf found while traversing the module")

        def collect_if(module, key, value):
            return collect(module, key, value) if filter_fn(module, key, value) else {}

        return {k: collect(self, k, v) for k, v in self.items() if filter_fn(self, k, v)}

    def parameters(self):
        """All parameters, as a nested dictionary of arrays."""
        return self.filter_and_map(self.valid_parameter_filter)

    def trainable_parameters(self):
        """All parameters that are not frozen, as a nested dictionary of arrays."""
        return self.filter_and_map(self.trainable_parameter_filter)

    def children(self):
        """The direct sub-modules, as a nested dictionary."""
        return self.filter_and_map(
            self.valid_child_filter, is_leaf_fn=lambda m, k, v: isinstance(v, Module)
        )

    def leaf_modules(self):
        """The sub-modules at any depth that have no sub-modules, as a nested dictionary."""

        def is_leaf(module, key, value):
            return isinstance(value, Module) and not tree_flatten(value.children())

        return self.filter_and_map(self.valid_child_filter, is_leaf_fn=is_leaf)

    def named_modules(self):
        """The module and all sub-modules at any depth.

        Returns:
            Pairs of dotted name and module; the name of the module itself is empty.
        """
        found = []
        stack = [("", self)]
        while stack:
            prefix, module = stack.pop()
            found.append((prefix, module))
            below = f".{prefix}" if prefix else ""
            stack.extend(tree_flatten(module.children(), prefix=below, is_leaf=self.is_module))
        return found

    def modules(self):
        """The module and all sub-modules at any depth, as a list."""
        return [module for _, module in self.named_modules()]

    def update(self, parameters: dict, strict: bool = True) -> Module:
        """Replace parameters by the arrays of a nested dictionary.

        Args:
            parameters: Structured like :meth:`parameters`; it may hold only a part of them.
            strict: If true, an unknown name or a value that is not an array raises
                ``ValueError``; otherwise it is ignored.

        Returns:
            The module.
        """

        def replace(node, key, new):
            if not isinstance(node[key], mx.array):
                return False
            if strict and not isinstance(new, mx.array):
                raise ValueError(f"Received invalid type: {type(new).__name__}.")
            node[key] = new
            return True

        _replace_entries(self, parameters, replace, "parameter", strict)
        return self

    def update_modules(self, modules: dict, strict: bool = True) -> Module:
        """Replace sub-modules by the modules of a nested dictionary.

        Args:
            modules: Structured like :meth:`children` or :meth:`leaf_modules`; it may hold only
                a part of them.
            strict: If true, an unknown name or a value that is not a module raises
                ``ValueError``; otherwise it is ignored.

        Returns:
            The module.
        """

        def replace(node, key, new):
            current = node[key]
            if self.is_module(current) and self.is_module(new):
                node[key] = new
            elif isinstance(current, (dict, list)):
                return False
            elif strict and new != {}:
                raise ValueError(f"Received invalid type: {type(new).__name__}.")
            return True

        _replace_entries(self, modules, replace, "sub-module", strict)
        return self

    def apply(
        self,
        map_fn: Callable[[mx.array], mx.array],
        filter_fn: Callable[[Module, str, Any], bool] | None = None,
    ) -> Module:
        """Replace each parameter ``p`` by ``map_fn(p)``.

        Args:
            map_fn: Function from array to array.
            filter_fn: Chooses the entries, as in :meth:`filter_and_map`; by default all
                parameters.

        Returns:
            The module.
        """
        filter_fn = filter_fn or Module.valid_parameter_filter
        self.update(self.filter_and_map(filter_fn, map_fn))
        return self

    def apply_to_modules(self, apply_fn: Callable[[str, Module], Any]) -> Module:
        """Call ``apply_fn(name, module)`` for the module and all sub-modules at any depth.

        Returns:
            The module.
        """
        for name, module in self.named_modules():
            apply_fn(name, module)
        return self

    def _apply_to_names(self, apply_fn, recurse, keys, strict) -> Module:
        """Call ``apply_fn(module, names)`` for the module and, with ``recurse``, all below; names
        are None for all parameters."""
        modules = self.modules() if recurse else [self]
        names = [keys] if isinstance(keys, str) else keys
        if strict:
            for name in names or ():
                if not any(name in module for module in modules):
                    raise KeyError(f"Module doesn't contain member {name}.")
        for module in modules:
            apply_fn(module, names)
        return self

    def freeze(
        self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Module:
        """Take parameters out of :meth:`trainable_parameters`.

        Args:
            recurse: Whether sub-modules at any depth are treated too.
            keys: Names of the parameters to freeze, for example ``"bias"``; all by default.
            strict: If true, a name that is nowhere in the treated modules raises ``KeyError``.

        Returns:
            The module.
        """

        def own_parameters(m, k, v):
            return not isinstance(v, Module) and m.valid_parameter_filter(m, k, v)

        def freeze_one(module, names):
            if names is None:
                own = tree_flatten(module.filter_and_map(own_parameters))
                names = [name for name, _ in own]
            module._no_grad.update(names)

        return self._apply_to_names(freeze_one, recurse, keys, strict)

    def unfreeze(
        self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Module:
        """Undo :meth:`freeze`; nothing happens to parameters that are not frozen.

        Args:
            recurse: Whether sub-modules at any depth are treated too.
            keys: Names of the parameters to unfreeze; all by default.
            strict: If true, a name that is nowhere in the treated modules raises ``KeyError``.

        Returns:
            The module.
        """

        def unfreeze_one(module, names):
            if names is None:
                module._no_grad.clear()
            else:
                module._no_grad.difference_update(names)

        return self._apply_to_names(unfreeze_one, recurse, keys, strict)

    def _set_training_mode(self, mode: bool) -> None:
        self._training = mode

    def train(self, mode: bool = True) -> Module:
        """Set training mode, here and in all sub-modules; layers like dropout depend on it.

        Args:
            mode: ``False`` sets evaluation mode.

        Returns:
            The module.
        """
        return self.apply_to_modules(lambda _, module: module._set_training_mode(mode))

    def eval(self) -> Module:
        """Set evaluation mode, here and in all sub-modules; the same as ``train(False)``."""
        return self.train(False)

    def set_dtype(
        self,
        dtype: mx.Dtype,
        predicate: Callable[[mx.Dtype], bool] | None = lambda x: mx.issubdtype(x, mx.floating),
    ):
        """Convert parameters to ``dtype``.

        Args:
            dtype: The new dtype.
            predicate: Called with a parameter's dtype; where it is false the parameter stays.
                By default floating point parameters are converted; ``None`` converts all.
        """
        if predicate is None:
            predicate = lambda _: True  # noqa: E731
        self.apply(lambda x: x.astype(dtype) if predicate(x.dtype) else x)


def _replace_entries(node, new_node, replace: Callable, what: str, strict: bool) -> None:
    """Call ``replace(node, key, new)`` for the entries of ``new_node`` that have a place in
    ``node``; where it is false both are entered."""
    if isinstance(new_node, dict):
        entries = new_node.items()
    elif isinstance(new_node, list):
        entries = enumerate(new_node)
    elif strict:
        raise ValueError(f"Received invalid type: {type(new_node).__name__}.")
    else:
        return
    for key, new in entries:
        if _has_place(node, key, what, strict) and not replace(node, key, new):
            _replace_entries(node[key], new, replace, what, strict)


def _has_place(node, key, what: str, strict: bool) -> bool:
    """Whether ``node[key]`` exists; if not and ``strict``, raises ``ValueError``."""
    if isinstance(node, list) and isinstance(key, int):
        if key < len(node):
            return True
        if strict:
            raise ValueError(
                f"List index {key} is out of bounds for destination of length {len(node)}."
            )
        return False
    if isinstance(key, int) or key in node:
        return True
    if strict:
        raise ValueError(f'Module does not have {what} named "{key}".')
    return False
