"""The package `mlx` of mlx-compute; refuses to load mixed with another distribution's `mlx`."""


def _refuse_foreign_package() -> None:
    """Raises if the released MLX lies in the same folder: its files and ours replace each other."""
    import os

    foreign_names = ("mlx", "mlx_cpu", "mlx_cuda", "mlx_cuda_12", "mlx_cuda_13", "mlx_metal")
    site = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    foreign = sorted(
        entry
        for entry in os.listdir(site)
        if entry.endswith((".dist-info", ".egg-info")) and entry.split("-")[0] in foreign_names
    )
    if foreign:
        names = " ".join(entry.split("-")[0].replace("_", "-") for entry in foreign)
        raise ImportError(
            f"[mlx] another distribution of mlx is installed over mlx-compute in {site} "
            f"({', '.join(foreign)}): their files replace each other. Uninstall both "
            f"(pip uninstall {names} mlx-compute), then install the one you want."
        )


_refuse_foreign_package()
del _refuse_foreign_package
