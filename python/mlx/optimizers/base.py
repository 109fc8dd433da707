"""What all optimizers share: state, learning rate, schedules; several optimizers as one."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
from mlx.nn import Module
from mlx.nn.utils import _scale_to_norm, _sum_of_squares
from mlx.utils import tree_flatten, tree_map, tree_merge, tree_unflatten

Rate = float | Callable[[mx.array], mx.array]


class Optimizer:
    """Base class of optimizers.

    A subclass implements :meth:`init_single` and :meth:`apply_single` for one parameter.

    Args:
        schedulers: Functions from the step to a value, by the name of an entry of the state.
    """

    def __init__(self, schedulers=None):
        self._initialized = False
        self._state = {"step": mx.array(0, mx.uint64)}
        self._schedulers = dict((schedulers or {}).items())

    def update(self, model: Module, gradients: dict):
        """Change the parameters of ``model`` by one step.

        Args:
            model: The model.
            gradients: Gradients as :func:`mlx.nn.value_and_grad` returns them; they may cover
                only a part of the parameters.
        """
        model.update(self.apply_gradients(gradients, model))

    def init(self, parameters: dict):
        """Make the state for the parameters, which otherwise the first update does.

        It is needed before a compiled function captures :attr:`state`. Entries that are there
        already, as after loading a checkpoint, are kept.

        Args:
            parameters: Nested dictionary of the parameters.

        Example::

            optimizer = optim.AdamW(learning_rate=1e-3)
            optimizer.init(model.trainable_parameters())
        """

        def fill(params, state):
            for key, child in _entries(params):
                if isinstance(child, (dict, list, tuple)):
                    state[key] = _container_like(child, _get(state, key))
                    fill(child, state[key])
                else:
                    entry = _get(state, key)
                    state[key] = {} if entry is None else entry
                    if not state[key]:
                        self.init_single(child, state[key])

        fill(parameters, self._state)
        self._initialized = True

    def init_single(self, parameter: mx.array, state: dict):
        """Make the state of one parameter.

        Args:
            parameter: The parameter.
            state: The dictionary to fill.
        """
        raise NotImplementedError()

    def apply_gradients(self, gradients: dict, parameters: dict):
        """Compute the parameters after one step.

        Args:
            gradients: Nested dictionary of the gradients.
            parameters: Nested dictionary of the parameters; it may hold more than the gradients.

        Returns:
            The new parameters, structured like ``gradients``.
        """
        if not self._initialized:
            self.init(gradients)
        for name, scheduler in self._schedulers.items():
            self.state[name] = scheduler(self.step)
        self.state["step"] = self.step + 1
        return tree_map(self.apply_single, gradients, parameters, self.state)

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict):
        """Compute one parameter after one step.

        Args:
            gradient: Its gradient.
            parameter: The parameter.
            state: Its state, which is changed.

        Returns:
            The new parameter.
        """
        raise NotImplementedError()

    @property
    def state(self):
        """The state: step, learning rate and, structured like the parameters, their states."""
        return self._state

    @state.setter
    def state(self, state: dict):
        self._initialized = False
        self._state = state

    @property
    def step(self):
        """The number of steps taken, a uint64 array."""
        return self.state["step"]

    @property
    def learning_rate(self):
        """The learning rate, an array; it can be assigned a number."""
        return self.state["learning_rate"]

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | mx.array):
        self.state["learning_rate"] = mx.array(learning_rate)

    def _maybe_schedule(self, name: str, param: Rate):
        """Keep ``param`` in the state under ``name``, as a value or as a schedule of values."""
        if isinstance(param, Callable):
            self._schedulers[name] = param
            self.state[name] = param(self.step)
        else:
            self.state[name] = mx.array(param)


def _entries(tree):
    return tree.items() if isinstance(tree, dict) else enumerate(tree)


def _get(container, key):
    if isinstance(container, dict):
        return container.get(key)
    return container[key]


def _container_like(params, state):
    """A dictionary or list for the states of ``params``, with what ``state`` has already."""
    if isinstance(params, dict):
        return state if isinstance(state, dict) else {}
    known = list(state) if isinstance(state, (list, tuple)) else []
    return known + [None] * (len(params) - len(known))


class MultiOptimizer(Optimizer):
    """Different optimizers for different parameters.

    Args:
        optimizers: The optimizers.
        filters: One function ``f(path, gradient)`` for each optimizer but the last. A parameter
            goes to the first whose function is true, or else to the last.
    """

    def __init__(self, optimizers, filters: list = []):  # noqa: B006
        super().__init__()
        self._state = {}
        if len(filters) != len(optimizers) - 1:
            raise ValueError(f"Given {len(filters)} filters but {len(optimizers) - 1} needed.")
        self.optimizers = optimizers
        self.filters = [*filters, lambda *args, **kwargs: True]

    def _split_dictionary(self, gradients: dict):
        if len(self.optimizers) == 1:
            return [gradients]
        parts = [[] for _ in self.optimizers]
        for path, gradient in tree_flatten(gradients):
            for part, accepts in zip(parts, self.filters):
                if accepts(path, gradient):
                    part.append((path, gradient))
                    break
        return [tree_unflatten(part) if part else {} for part in parts]

    def init(self, parameters: dict):
        """Make the states of all optimizers, each for its parameters."""
        for optimizer, part in zip(self.optimizers, self._split_dictionary(parameters)):
            optimizer.init(part)

    def apply_gradients(self, gradients: dict, parameters: dict):
        """Compute the parameters after one step of each optimizer."""
        result = {}
        for optimizer, part in zip(self.optimizers, self._split_dictionary(gradients)):
            result = tree_merge(result, optimizer.apply_gradients(part, parameters))
        return result

    @property
    def state(self):
        """The states of all optimizers, as ``{"states": [...]}``."""
        return {"states": [optimizer.state for optimizer in self.optimizers]}

    @state.setter
    def state(self, state: dict):
        if "states" not in state or len(state["states"]) != len(self.optimizers):
            raise ValueError("Invalid state provided")
        for optimizer, own in zip(self.optimizers, state["states"]):
            optimizer.state = own

    @property
    def learning_rate(self):
        """The learning rate of the first optimizer; an assignment sets all."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | mx.array):
        for optimizer in self.optimizers:
            optimizer.learning_rate = learning_rate


def clip_grad_norm(grads: Any, max_norm):
    """Scale gradients down so that the 2-norm of all of them together is at most ``max_norm``.

    Args:
        grads: Tree of gradients.
        max_norm: The largest norm allowed.

    Returns:
        The scaled gradients and the norm before scaling. The norm is summed in float32 if the
        gradients have 16 bits.
    """
    total_norm = mx.sqrt(_sum_of_squares(grads))
    return _scale_to_norm(grads, total_norm, max_norm), total_norm
