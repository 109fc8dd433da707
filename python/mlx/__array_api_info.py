"""What the array API standard asks about a library: its dtypes, devices and abilities."""

from __future__ import annotations

import mlx.core as mx

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64",),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]


def _check_device(device: mx.Device | None) -> None:
    if device is not None and not isinstance(device, mx.Device):
        raise TypeError(f"expected a Device or None: got {type(device).__name__}")


class ArrayNamespaceInfo:
    """The result of ``__array_namespace_info__()``."""

    def capabilities(self) -> dict[str, bool | int]:
        """What the library can do: indexing with bools and shapes that depend on values, it cannot."""
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": 10}

    def default_device(self) -> mx.Device:
        """The device of operations that name none."""
        return mx.default_device()

    def devices(self) -> tuple[mx.Device, ...]:
        """The devices that can be used."""
        kinds = (mx.cpu, mx.gpu)
        return tuple(mx.Device(kind, i) for kind in kinds for i in range(mx.device_count(kind)))

    def default_dtypes(self, *, device: mx.Device | None = None) -> dict[str, mx.Dtype]:
        """The dtypes of arrays made without one."""
        _check_device(device)
        return {
            "real floating": mx.float32,
            "complex floating": mx.complex64,
            "integral": mx.int32,
            "indexing": mx.int32,
        }

    def dtypes(
        self, *, device: mx.Device | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, mx.Dtype]:
        """The standard's dtypes by name, all or those of some kinds."""
        _check_device(device)
        kinds = ("bool", "numeric") if kind is None else (kind,) if isinstance(kind, str) else kind
        unknown = [k for k in kinds if k not in _KINDS]
        if unknown:
            raise ValueError(f"unknown kinds of dtypes: got {unknown}, expected {list(_KINDS)}")
        names = [name for k in kinds for name in _KINDS[k]]
        return {name: mx.bool_ if name == "bool" else getattr(mx, name) for name in names}
