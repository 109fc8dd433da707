"""Records the GPU kernels that the default programs use and writes data/gpu_kernels.txt, part of the archive's input.

``python tools/record_kernels.py BUILD`` runs them on the stand-in for a GPU (BUILD/tests/fake_cuda), which computes
nothing here; so no GPU is needed. Run it when the text of generated kernels changes.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = (
    ["examples/char_lm.py", "--steps", "3", "--length", "8"],
    ["examples/qwen3.py", "--size", "0.6b", "--bits", "16", "--tokens", "4"],
    ["examples/qwen3.py", "--size", "0.6b", "--bits", "4", "--tokens", "4"],
    ["examples/qwen3.py", "--size", "0.6b", "--bits", "4", "--tokens", "4", "--compile"],
)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        records = pathlib.Path(folder) / "records"
        environment = dict(
            os.environ,
            PYTHONPATH=str(build / "python"),
            MLX_CUDA_LIBRARY_PATH=str(build / "tests/fake_cuda"),
            MLX_FAKE_CUDA_DRY="1",
            MLX_FAKE_CUDA_BYTES=str(40 << 30),
            MLX_CUDA_CACHE_DIR=str(pathlib.Path(folder) / "cache"),
            MLX_CUDA_RECORD_DIR=str(records),
        )
        for program in PROGRAMS:
            extra = ["--out", folder] if "char_lm" in program[0] else []
            done = subprocess.run(
                [sys.executable, *program, *extra], cwd=ROOT, env=environment, check=False
            )
            # Values are meaningless, so a program may fail late; its kernels have been asked for.
            print(program[0], "exit", done.returncode, flush=True)
        texts = sorted(records.glob("*.cu"))
        target = ROOT / "data/gpu_kernels.txt"
        target.parent.mkdir(exist_ok=True)
        target.write_text("".join(f"=== {path.stem}\n{path.read_text()}" for path in texts))
        print(len(texts), "kernels")


if __name__ == "__main__":
    main()
