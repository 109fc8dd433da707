"""A user's primitive, compiled against the package as find_package(MLX) finds it, works like ours."""

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import mlx.core as mx

FOLDER = pathlib.Path(__file__).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ext(tmp_path_factory):
    package = pathlib.Path(mx.__file__).parent
    if not (package / "lib" / "libmlx.so").exists():
        pytest.skip("this build of mlx has no shared library")
    if "san.so" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("the extension is built without the sanitizer")
    build = tmp_path_factory.mktemp("extension")
    env = dict(os.environ, PYTHONPATH=str(package.parent))
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    configure = [
        "cmake",
        "-S",
        str(FOLDER),
        "-B",
        str(build),
        "-G",
        "Ninja",
        f"-DPython_EXECUTABLE={sys.executable}",
    ]
    for command in (configure + launcher, ["cmake", "--build", str(build), "-j2"]):
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (module,) = build.glob("_ext*.so")
    spec = importlib.util.spec_from_file_location("_ext", module)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
Y = [10.0, 20.0, 30.0]


def reference(x, y):
    return 2.0 * x + 0.5 * y


def test_value(ext):
    x, y = mx.array(X), mx.array(Y)
    out = ext.scaled_sum(x, y, 2.0, 0.5)
    assert mx.array_equal(out, reference(x, y))
    half = ext.scaled_sum(x.astype(mx.bfloat16), y.astype(mx.bfloat16), 2.0, 0.5)
    assert half.dtype == mx.bfloat16 and mx.array_equal(half, reference(x, y))
    assert mx.array_equal(
        ext.scaled_sum(x.T, x.T + 1, alpha=2, beta=0.5, stream=mx.cpu), reference(x.T, x.T + 1)
    )


def test_derivatives(ext):
    x, y = mx.array(X), mx.array(Y)
    loss = lambda f: lambda x, y: (f(x, y) ** 2).sum()
    ours = mx.grad(loss(lambda x, y: ext.scaled_sum(x, y, 2.0, 0.5)), argnums=(0, 1))(x, y)
    theirs = mx.grad(loss(reference), argnums=(0, 1))(x, y)
    assert all(mx.allclose(a, b) for a, b in zip(ours, theirs))
    f = lambda x: ext.scaled_sum(x, y, 2.0, 0.5)
    assert mx.allclose(mx.jvp(f, [x], [x])[1][0], 2 * x)


def test_vmap_and_compile(ext):
    x, y = mx.array(X), mx.array(Y)
    f = lambda x, y: ext.scaled_sum(x, y, 2.0, 0.5)
    assert mx.array_equal(mx.vmap(f, in_axes=(0, None))(x, y), reference(x, y))
    assert mx.array_equal(mx.vmap(f, in_axes=(1, 0), out_axes=1)(x, y), reference(x, y))
    twice = mx.compile(lambda x, y: f(x, y) + f(x, y) * 2)
    assert mx.array_equal(twice(x, y), reference(x, y) * 3)
    shapeless = mx.compile(f, shapeless=True)
    assert mx.array_equal(shapeless(x, x), reference(x, x))
    assert mx.array_equal(shapeless(x[:1], x[:1]), reference(x[:1], x[:1]))


def test_an_error_reaches_the_caller(ext):
    with pytest.raises(ValueError, match="complex64"):
        mx.eval(ext.scaled_sum(mx.ones(2, mx.complex64), mx.ones(2), 1.0, 1.0))
