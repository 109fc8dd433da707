"""The package `mlx` of mlx-compute; refuses to load mixed with another distribution's `mlx`."""

import os as _os


def _refuse_foreign_package() -> None:
    """Raises if the released MLX was installed into the same folder: its files and ours overwrite each other."""
    site = _os.path.dirname(_os.path.dirname(_os.path.abspath(__file__)))
    foreign = sorted(
        name
        for name in _os.listdir(site)
        if name.endswith((".dist-info", ".egg-info"))
        and name.split("-")[0] in ("mlx", "mlx_cpu", "mlx_cuda", "mlx_cuda_12", "mlx_cuda_13", "mlx_metal")
    )
    if foreign:
        names = " ".join(name.split("-")[0].replace("_", "-") for name in foreign)
        raise ImportError(
            f"[mlx] another distribution of mlx is installed over mlx-compute in {site} "
            f"({', '.join(foreign)}): their files replace each other. Uninstall both "
            f"(pip uninstall {names} mlx-compute), then install the one you want."
        )


_refuse_foreign_package()
del _refuse_foreign_package, _os
