"""Learning rate schedules: functions from the step to the rate."""

import math
from collections.abc import Callable

import mlx.core as mx


def exponential_decay(init: float, decay_rate: float) -> Callable:
    r"""The rate :math:`a \, r^t` at step :math:`t`.

    Args:
        init: The rate :math:`a` at the start.
        decay_rate: The factor :math:`r` of each step.
    """

    def schedule(step):
        return init * decay_rate**step

    return schedule


def step_decay(init: float, decay_rate: float, step_size: int) -> Callable:
    r"""The rate :math:`a \, r^{\lfloor t / s \rfloor}` at step :math:`t`.

    Args:
        init: The rate :math:`a` at the start.
        decay_rate: The factor :math:`r` of each drop.
        step_size: Steps :math:`s` between drops.
    """

    def schedule(step):
        return init * (decay_rate ** (step // step_size))

    return schedule


def cosine_decay(init: float, decay_steps: int, end: float = 0.0) -> Callable:
    r"""Half a cosine wave from ``init`` down to ``end``, which then stays.

    Args:
        init: The rate at the start.
        decay_steps: Steps of the half wave.
        end: The rate after it.
    """

    def schedule(step):
        progress = mx.minimum(step, decay_steps) / decay_steps
        share = 0.5 * (1.0 + mx.cos(math.pi * progress))
        return end + share * (init - end)

    return schedule


def join_schedules(schedules: list[Callable], boundaries: list[int]) -> Callable:
    """One schedule after the other, each counting its steps from its own start.

    Args:
        schedules: The schedules.
        boundaries: The step where each schedule but the first starts.
    """
    if len(schedules) == 0:
        raise ValueError("Must provide at least 1 schedule to join.")
    if len(schedules) != len(boundaries) + 1:
        raise ValueError(
            f"Received {len(boundaries)} boundaries but expected {len(schedules) - 1}."
        )

    def schedule(step):
        rate = schedules[0](step)
        for boundary, following in zip(boundaries, schedules[1:]):
            rate = mx.where(step < boundary, rate, following(step - boundary))
        return rate

    return schedule


def linear_schedule(init: float, end: float, steps: int) -> Callable:
    """A straight line from ``init`` to ``end``, which then stays.

    Args:
        init: The rate at the start.
        end: The rate after ``steps`` steps.
        steps: Steps of the line.
    """
    if steps < 1:
        raise ValueError(f"steps must be greater than 0, but got {steps}.")

    def schedule(step):
        return mx.minimum(step, steps) * ((end - init) / steps) + init

    return schedule
