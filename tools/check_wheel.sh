#!/usr/bin/env bash
# Builds the wheel, installs it into a fresh virtual environment and uses it there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps -w "$folder" .
.venv/bin/python -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$folder"/mlx_compute-*.whl
cd "$folder"
env -u PYTHONPATH "$folder/venv/bin/python" -c "
import mlx.core as mx, mlx.nn as nn, mlx.optimizers, mlx.utils
assert mx.sum(nn.Linear(4, 3)(mx.ones((2, 4)))).shape == ()
print('check_wheel: mlx-compute imports and works from', mx.__file__)"
