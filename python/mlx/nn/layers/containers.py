"""Layers made of other layers."""

from mlx.nn.layers.base import Module


class Sequential(Module):
    """Calls its arguments one after the other, each on the result of the one before.

    Args:
        *modules: Modules or other functions of one array; only modules have parameters.
    """

    def __init__(self, *modules):
        super().__init__()
        self.layers = list(modules)

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
