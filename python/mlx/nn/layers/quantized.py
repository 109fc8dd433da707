"""Layers with quantized weights, and the conversion of a model to them."""

import math
from collections.abc import Callable

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.utils import tree_map_with_path

# Group size and bits of each mode of `mx.quantize`.
_MODE_DEFAULTS = {"affine": (64, 4), "mxfp4": (32, 4), "nvfp4": (16, 4), "mxfp8": (32, 8)}


def _defaults_for_mode(mode, group_size, bits):
    if mode not in _MODE_DEFAULTS:
        names = ", ".join(_MODE_DEFAULTS)
        raise ValueError(f"Invalid quantization mode '{mode}'. Valid modes are: {names}.")
    default_group_size, default_bits = _MODE_DEFAULTS[mode]
    return group_size or default_group_size, bits or default_bits


def quantize(
    model: Module,
    group_size: int = None,
    bits: int = None,
    *,
    mode: str = "affine",
    quantize_input: bool = False,
    class_predicate: Callable[[str, Module], bool | dict] | None = None,
):
    """Replace the layers of a model by quantized ones, in place.

    Args:
        model: The model; its leaf modules are considered.
        group_size: Weights per scale; the default depends on ``mode``.
        bits: Bits per weight; the default depends on ``mode``.
        mode: A quantization mode of :func:`mlx.core.quantize`.
        quantize_input: Whether linear layers quantize their input as well.
        class_predicate: Called as ``class_predicate(path, module)``; returns whether to quantize
            that module, or a dictionary of arguments for its ``to_quantized``. By default every
            module that has ``to_quantized`` is quantized.
    """
    if class_predicate is None:

        def class_predicate(_, module):
            return hasattr(module, "to_quantized")

    options = {"group_size": group_size, "bits": bits, "mode": mode}
    if quantize_input:
        options["quantize_input"] = True

    def maybe_quantize(path, module):
        choice = class_predicate(path, module)
        if not choice:
            return module
        if not hasattr(module, "to_quantized"):
            raise ValueError(f"Unable to quantize model of type {type(module)}")
        if isinstance(choice, bool):
            return module.to_quantized(**options)
        if isinstance(choice, dict):
            return module.to_quantized(**choice)
        raise ValueError(
            "``class_predicate`` must return a bool or a dict of parameters to pass to "
            "``to_quantized``"
        )

    leaves = model.leaf_modules()
    model.update_modules(tree_map_with_path(maybe_quantize, leaves, is_leaf=Module.is_module))


def _random_weight(output_dims: int, input_dims: int):
    bound = math.sqrt(1 / input_dims)
    return mx.random.uniform(-bound, bound, (output_dims, input_dims))


def _take_key():
    """Advance the default keys as making a layer does: what is drawn after quantizing a model, such
    as LoRA weights, then does not depend on how its layers were made."""
    mx.random.uniform()


class _Quantized(Module):
    """What the layers with frozen quantized weights share.

    Parameters: ``weight`` (uint32, ``32 // bits`` weights per element), ``scales`` and, in mode
    "affine", ``biases``.
    """

    def __init__(self, weight: mx.array, group_size, bits, mode: str):
        super().__init__()
        self.group_size, self.bits = _defaults_for_mode(mode, group_size, bits)
        self.mode = mode
        self._set_weight(weight)

    def _set_weight(self, weight: mx.array):
        self.weight, self.scales, *biases = mx.quantize(
            weight, self.group_size, self.bits, mode=self.mode
        )
        self.biases = biases[0] if biases else None

    def _quantization(self) -> str:
        return f"group_size={self.group_size}, bits={self.bits}, mode={self.mode}"

    def _matmul(self, x):
        return mx.quantized_matmul(
            x,
            self["weight"],
            scales=self["scales"],
            biases=self.get("biases"),
            transpose=True,
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
        )


class QuantizedEmbedding(_Quantized):
    """An :class:`Embedding` with a quantized table, whose parameters are frozen.

    Args:
        num_embeddings: Number of vectors.
        dims: Size of each vector.
        group_size: Weights per scale; the default depends on ``mode``.
        bits: Bits per weight; the default depends on ``mode``.
        mode: A quantization mode of :func:`mlx.core.quantize`.
    """

    def __init__(
        self,
        num_embeddings: int,
        dims: int,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        weight = mx.random.normal((num_embeddings, dims), scale=math.sqrt(1 / dims))
        super().__init__(weight, group_size, bits, mode)
        self.num_embeddings = num_embeddings
        self.dims = dims
        self.freeze()

    def __call__(self, x):
        """Look up integer ``x`` of shape ``S``; the result has shape ``S + (dims,)``."""
        biases = self.get("biases")
        return mx.dequantize(
            self["weight"][x],
            scales=self["scales"][x],
            biases=None if biases is None else biases[x],
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
        )

    def as_linear(self, x):
        """Use the table as the weight of a linear layer, :math:`y = x W^\\top`."""
        return self._matmul(x)

    def _extra_repr(self):
        return f"{self.num_embeddings}, {self.dims}, {self._quantization()}"

    @classmethod
    def from_embedding(
        cls,
        embedding_layer: Module,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        """Quantize the table of an :class:`Embedding`."""
        _take_key()
        layer = cls.__new__(cls)
        _Quantized.__init__(layer, embedding_layer.weight, group_size, bits, mode)
        layer.num_embeddings, layer.dims = embedding_layer.weight.shape
        layer.freeze()
        return layer


class QuantizedLinear(_Quantized):
    """A :class:`Linear` with a quantized weight, whose parameters are frozen.

    Args:
        input_dims: Size of the last axis of the input.
        output_dims: Size of the last axis of the output.
        bias: Whether there is a bias (zeros).
        group_size: Weights per scale; the default depends on ``mode``.
        bits: Bits per weight; the default depends on ``mode``.
        mode: A quantization mode of :func:`mlx.core.quantize`.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        bias: bool = True,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        super().__init__(_random_weight(output_dims, input_dims), group_size, bits, mode)
        if bias:
            self.bias = mx.zeros((output_dims,))
        self.freeze()

    def _extra_repr(self):
        output_dims, packed = self.weight.shape
        return (
            f"input_dims={packed * 32 // self.bits}, output_dims={output_dims}, "
            f"bias={'bias' in self}, {self._quantization()}"
        )

    def __call__(self, x):
        y = self._matmul(x)
        return y + self["bias"] if "bias" in self else y

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int = None,
        bits: int = None,
        mode: str = "affine",
    ):
        """Quantize the weight of a :class:`Linear`; its bias stays as it is, and trainable."""
        _take_key()
        layer = cls.__new__(cls)
        _Quantized.__init__(layer, linear_layer.weight, group_size, bits, mode)
        layer.freeze()
        if "bias" in linear_layer:
            layer.bias = linear_layer.bias
        return layer


class QQLinear(Module):
    """A linear layer without bias that quantizes its weight and its input.

    While training the weight is kept unquantized and quantized in each call; evaluation mode
    keeps the quantized weight only, so going back to training mode loses precision.

    Args:
        input_dims: Size of the last axis of the input.
        output_dims: Size of the last axis of the output.
        group_size: Weights per scale; the default depends on ``mode``.
        bits: Bits per weight; the default depends on ``mode``.
        mode: ``"nvfp4"`` or ``"mxfp8"``.
    """

    def __init__(
        self,
        input_dims: int,
        output_dims: int,
        group_size: int = None,
        bits: int = None,
        mode: str = "nvfp4",
    ):
        super().__init__()
        self.group_size, self.bits = _defaults_for_mode(mode, group_size, bits)
        self.mode = mode
        self.weight = _random_weight(output_dims, input_dims)
        self._quantized = False

    def _extra_repr(self):
        output_dims, columns = self.weight.shape
        input_dims = columns * 32 // self.bits if self._quantized else columns
        return (
            f"input_dims={input_dims}, output_dims={output_dims}, "
            f"group_size={self.group_size}, bits={self.bits}, mode={self.mode}"
        )

    def quantize(self):
        """Keep only the quantized weight; nothing happens if that is so already."""
        if not self._quantized:
            self.weight, self.scales = mx.quantize(
                self.weight, self.group_size, self.bits, mode=self.mode
            )
            self._quantized = True

    def dequantize(self):
        """Go back to an unquantized weight; nothing happens if that is so already."""
        if self._quantized:
            self.weight = mx.dequantize(
                self.weight,
                scales=self.scales,
                group_size=self.group_size,
                bits=self.bits,
                mode=self.mode,
            )
            del self.scales
            self._quantized = False

    def _set_training_mode(self, mode: bool):
        super()._set_training_mode(mode)
        if mode:
            self.dequantize()
        else:
            self.quantize()

    def __call__(self, x):
        return mx.qqmm(
            x,
            self["weight"],
            scales=self.get("scales"),
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
        )

    @classmethod
    def from_linear(
        cls,
        linear_layer: Module,
        group_size: int = None,
        bits: int = None,
        mode: str = "nvfp4",
    ):
        """Take the weight of a :class:`Linear`, which must have no bias."""
        if "bias" in linear_layer:
            raise NotImplementedError("QQLinear does not support bias yet.")
        output_dims, input_dims = linear_layer.weight.shape
        layer = cls(input_dims, output_dims, group_size, bits, mode)
        layer.weight = linear_layer.weight
        layer.train(linear_layer.training)
        return layer
