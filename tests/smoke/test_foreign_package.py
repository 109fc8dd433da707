"""Our package refuses to load when the released MLX's files lie in the same folder."""

import pathlib
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "python" / "mlx" / "__init__.py"


def load(folder):
    return subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(folder)!r}); import mlx",
        ],
        capture_output=True,
        text=True,
        env={},
    )


def test_refuses_beside_the_released_package(tmp_path):
    (tmp_path / "mlx").mkdir()
    shutil.copy(SOURCE, tmp_path / "mlx")
    assert load(tmp_path).returncode == 0
    (tmp_path / "mlx_compute-0.1.0.dist-info").mkdir()
    (tmp_path / "mlx_data-1.0.dist-info").mkdir()
    assert load(tmp_path).returncode == 0
    (tmp_path / "mlx-0.32.4.dist-info").mkdir()
    refused = load(tmp_path)
    assert refused.returncode != 0
    assert "ImportError: [mlx] another distribution of mlx" in refused.stderr
    assert "pip uninstall mlx mlx-compute" in refused.stderr
