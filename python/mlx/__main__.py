"""`python -m mlx`: where the package is, for builds of extensions."""

import argparse
import pathlib

import mlx.core


def main():
    parser = argparse.ArgumentParser(prog="mlx")
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument(
        "--cmake-dir", action="store_true", help="print the folder for CMake's MLX_ROOT"
    )
    arguments = parser.parse_args()
    if arguments.version:
        print(mlx.core.__version__)
    if arguments.cmake_dir:
        print(pathlib.Path(mlx.core.__file__).parent)


if __name__ == "__main__":
    main()
