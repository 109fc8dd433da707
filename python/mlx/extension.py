"""Builds extensions of mlx.core with CMake from a setup.py."""

import os
import pathlib
import subprocess
import sys

from setuptools import Extension
from setuptools.command.build_ext import build_ext

import mlx


class CMakeExtension(Extension):
    """An extension module that the CMakeLists.txt in ``sourcedir`` builds.

    Args:
        name: Dotted name of the module.
        sourcedir: The folder of its CMakeLists.txt.
    """

    def __init__(self, name: str, sourcedir: str = "") -> None:
        super().__init__(name, sources=[])
        self.sourcedir = os.fspath(pathlib.Path(sourcedir).resolve())


class CMakeBuild(build_ext):
    """Configures and builds each :class:`CMakeExtension`, and puts the module where it belongs.

    ``CMAKE_ARGS`` in the environment adds arguments; ``CMAKE_BUILD_TYPE`` defaults to Release.
    """

    def build_extension(self, ext: CMakeExtension) -> None:
        target = pathlib.Path.cwd() / self.get_ext_fullpath(ext.name)
        folder = pathlib.Path(self.build_temp).resolve() / ext.name
        folder.mkdir(parents=True, exist_ok=True)
        output = f"{target.parent.resolve()}{os.sep}"
        arguments = [
            f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={output}",
            f"-DCMAKE_BUILD_TYPE={os.environ.get('CMAKE_BUILD_TYPE', 'Release')}",
            "-DBUILD_SHARED_LIBS=ON",
            f"-DMLX_ROOT={mlx.__path__[0]}",
            f"-DPython_EXECUTABLE={sys.executable}",
            *os.environ.get("CMAKE_ARGS", "").split(),
        ]
        subprocess.run(["cmake", ext.sourcedir, *arguments], cwd=folder, check=True)
        jobs = self.parallel or len(os.sched_getaffinity(0))
        subprocess.run(["cmake", "--build", ".", f"-j{jobs}"], cwd=folder, check=True)

    def run(self) -> None:
        super().run()
        if not self.inplace:
            return
        # An editable install finds the libraries beside the sources.
        for ext in self.extensions:
            if isinstance(ext, CMakeExtension):
                source = pathlib.Path(self.get_ext_fullpath(ext.name))
                if not source.exists():
                    raise RuntimeError(f"[extension] {ext.name} was not built: no {source}.")
