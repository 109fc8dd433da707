"""Shared fixtures: our mlx and the oracle (the released wheel in its own interpreter)."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from oracle.client import Oracle  # noqa: E402


@pytest.fixture(scope="session")
def mx():
    import mlx.core

    return mlx.core


@pytest.fixture(scope="session")
def oracle():
    python = os.environ.get("MLX_ORACLE_PYTHON")
    if not python:
        pytest.skip(
            "MLX_ORACLE_PYTHON names no interpreter with the released wheel; ./test sets it"
        )
    client = Oracle(python)
    yield client
    client.close()
