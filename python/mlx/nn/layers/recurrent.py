"""Recurrent layers: RNN, GRU and LSTM."""

import math
from collections.abc import Callable

import mlx.core as mx
from mlx.nn.layers.activations import tanh
from mlx.nn.layers.base import Module


def _uniform(hidden_size: int, shape):
    bound = 1.0 / math.sqrt(hidden_size)
    return mx.random.uniform(-bound, bound, shape)


class RNN(Module):
    r"""Elman recurrence,
    :math:`h_t = f(W_{xh} x_t + W_{hh} h_{t-1} + b)`.

    The input has shape ``(N, L, D)`` or ``(L, D)``; the result holds the states of all steps,
    of shape ``(N, L, H)`` or ``(L, H)``. Parameters ``Wxh`` of shape ``(H, D)``, ``Whh`` of
    shape ``(H, H)`` and ``bias`` start uniform in :math:`\pm 1/\sqrt{H}`.

    Args:
        input_size: The :math:`D` above.
        hidden_size: The :math:`H` above.
        bias: Whether there is a bias.
        nonlinearity: The function :math:`f`, tanh by default.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Callable | None = None,
    ):
        super().__init__()
        self.nonlinearity = tanh if nonlinearity is None else nonlinearity
        if not callable(self.nonlinearity):
            raise ValueError(f"Nonlinearity must be callable. Current value: {nonlinearity}.")
        self.hidden_size = hidden_size
        self.Wxh = _uniform(hidden_size, (hidden_size, input_size))
        self.Whh = _uniform(hidden_size, (hidden_size, hidden_size))
        self.bias = _uniform(hidden_size, (hidden_size,)) if bias else None

    def _extra_repr(self):
        return (
            f"input_dims={self.Wxh.shape[1]}, hidden_size={self.hidden_size}, "
            f"nonlinearity={self.nonlinearity}, bias={self.bias is not None}"
        )

    def __call__(self, x, hidden=None):
        """Run over ``x``, from state ``hidden`` of shape ``(N, H)`` or from zero."""
        # The inputs of all steps in one product; only the recurrence is sequential.
        x = x @ self.Wxh.T if self.bias is None else mx.addmm(self.bias, x, self.Wxh.T)
        states = []
        for idx in range(x.shape[-2]):
            pre = x[..., idx, :]
            if hidden is not None:
                pre = mx.addmm(pre, hidden, self.Whh.T)
            hidden = self.nonlinearity(pre)
            states.append(hidden)
        return mx.stack(states, axis=-2)


class GRU(Module):
    r"""Gated recurrent unit.

    .. math::

        r_t &= \sigma(W_{xr} x_t + W_{hr} h_{t-1} + b_r) \\
        z_t &= \sigma(W_{xz} x_t + W_{hz} h_{t-1} + b_z) \\
        n_t &= \tanh(W_{xn} x_t + b_n + r_t (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) n_t + z_t h_{t-1}

    The input has shape ``(N, L, D)`` or ``(L, D)``; the result holds the states of all steps,
    of shape ``(N, L, H)`` or ``(L, H)``. Parameters ``Wx`` of shape ``(3H, D)``, ``Wh`` of shape
    ``(3H, H)``, ``b`` of shape ``(3H,)`` (gates in the order r, z, n) and ``bhn`` of shape
    ``(H,)`` start uniform in :math:`\pm 1/\sqrt{H}`.

    Args:
        input_size: The :math:`D` above.
        hidden_size: The :math:`H` above.
        bias: Whether there are biases.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = _uniform(hidden_size, (3 * hidden_size, input_size))
        self.Wh = _uniform(hidden_size, (3 * hidden_size, hidden_size))
        self.b = _uniform(hidden_size, (3 * hidden_size,)) if bias else None
        self.bhn = _uniform(hidden_size, (hidden_size,)) if bias else None

    def _extra_repr(self):
        return (
            f"input_dims={self.Wx.shape[1]}, hidden_size={self.hidden_size}, "
            f"bias={self.b is not None}"
        )

    def __call__(self, x, hidden=None):
        """Run over ``x``, from state ``hidden`` of shape ``(N, H)`` or from zero."""
        x = x @ self.Wx.T if self.b is None else mx.addmm(self.b, x, self.Wx.T)
        split = 2 * self.hidden_size
        x_rz, x_n = x[..., :split], x[..., split:]
        states = []
        for idx in range(x.shape[-2]):
            rz, n = x_rz[..., idx, :], x_n[..., idx, :]
            if hidden is not None:
                h = hidden @ self.Wh.T
                rz = rz + h[..., :split]
                h_n = h[..., split:]
                if self.bhn is not None:
                    h_n = h_n + self.bhn
            else:
                h_n = self.bhn
            r, z = mx.split(mx.sigmoid(rz), 2, axis=-1)
            if h_n is not None:
                n = n + r * h_n
            n = mx.tanh(n)
            new = (1 - z) * n
            hidden = new if hidden is None else new + z * hidden
            states.append(hidden)
        return mx.stack(states, axis=-2)


class LSTM(Module):
    r"""Long short-term memory.

    .. math::

        i_t, f_t, o_t &= \sigma(W_{xi,f,o} x_t + W_{hi,f,o} h_{t-1} + b_{i,f,o}) \\
        g_t &= \tanh(W_{xg} x_t + W_{hg} h_{t-1} + b_g) \\
        c_t &= f_t c_{t-1} + i_t g_t \\
        h_t &= o_t \tanh(c_t)

    The input has shape ``(N, L, D)`` or ``(L, D)``; the results hold the states :math:`h` and
    the cells :math:`c` of all steps, each of shape ``(N, L, H)`` or ``(L, H)``. Parameters ``Wx``
    of shape ``(4H, D)``, ``Wh`` of shape ``(4H, H)`` and ``bias`` of shape ``(4H,)`` (in the
    order i, f, g, o) start uniform in :math:`\pm 1/\sqrt{H}`.

    Args:
        input_size: The :math:`D` above.
        hidden_size: The :math:`H` above.
        bias: Whether there is a bias.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = _uniform(hidden_size, (4 * hidden_size, input_size))
        self.Wh = _uniform(hidden_size, (4 * hidden_size, hidden_size))
        self.bias = _uniform(hidden_size, (4 * hidden_size,)) if bias else None

    def _extra_repr(self):
        return (
            f"input_dims={self.Wx.shape[1]}, hidden_size={self.hidden_size}, "
            f"bias={self.bias is not None}"
        )

    def __call__(self, x, hidden=None, cell=None):
        """Run over ``x``, from ``hidden`` and ``cell`` of shape ``(N, H)`` or from zero."""
        x = x @ self.Wx.T if self.bias is None else mx.addmm(self.bias, x, self.Wx.T)
        states, cells = [], []
        for idx in range(x.shape[-2]):
            ifgo = x[..., idx, :]
            if hidden is not None:
                ifgo = mx.addmm(ifgo, hidden, self.Wh.T)
            i, f, g, o = mx.split(ifgo, 4, axis=-1)
            new = mx.sigmoid(i) * mx.tanh(g)
            cell = new if cell is None else mx.sigmoid(f) * cell + new
            hidden = mx.sigmoid(o) * mx.tanh(cell)
            states.append(hidden)
            cells.append(cell)
        return mx.stack(states, axis=-2), mx.stack(cells, axis=-2)
