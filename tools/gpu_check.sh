#!/usr/bin/env bash
# Builds on a machine with an NVIDIA GPU, fetching nothing, and proves the GPU backend there: ops against the CPU,
# compute-sanitizer, benchmarks beside PyTorch, the default job. Results go to tests/results and bench/results.
#
#   tools/gpu_check.sh carry FOLDER   (on a machine with apt and pip) puts the packages it needs into FOLDER
#   tools/gpu_check.sh [FOLDER]       runs everything; FOLDER holds carried packages. $OUT, if set, gets copies.
#   STEPS="build compare" tools/gpu_check.sh   runs some steps only: build archive compare memory suite sanitize
#                                              bench host decode job
set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

if [ "${1:-}" = carry ]; then
  mkdir -p "${2:?a folder is needed}" && cd "$2"
  apt-get download libhwy-dev libhwy1 nlohmann-json3-dev libfmt-dev libfmt9 libgtest-dev || exit 1
  # Plain Python, so any version of it runs them; NumPy is the machine's own.
  exec "${PYTHON:-python3}" -m pip install --quiet --target python --no-compile --no-deps \
    --constraint "$ROOT/tools/requirements.txt" nanobind pytest iniconfig packaging pluggy pygments
fi

PACKAGES=${1:-}
STEPS=${STEPS:-build archive compare memory suite sanitize bench host decode job}
BUILD=${BUILD:-$ROOT/build/gpu}
ARCH=${ARCH:-sm_90a}
PYTHON=${PYTHON:-python3}
# A compiler with a C++ library of its own linked in would put a second one beside PyTorch's.
[ -x /usr/bin/g++ ] && export CXX=/usr/bin/g++
failed=0
say() { printf '\n==> %s (%ss)\n' "$*" "$SECONDS"; }
wants() { [[ " $STEPS " == *" $1 "* ]]; }
step() { # step NAME LIMIT COMMAND...: runs it under a time limit and remembers a failure
  local name=$1 limit=$2
  shift 2
  say "$name"
  timeout "$limit" "$@" || { echo "FAILED: $name ($?)"; failed=$((failed + 1)); }
}

if [ -n "$PACKAGES" ]; then
  PREFIX=$BUILD/packages
  mkdir -p "$PREFIX"
  for package in "$PACKAGES"/*.deb; do dpkg -x "$package" "$PREFIX"; done
  libraries=$(dirname "$(find "$PREFIX/usr/lib" -name 'libhwy.so*' | head -1)")
  export CMAKE_PREFIX_PATH=$PREFIX/usr CPATH=$PREFIX/usr/include LIBRARY_PATH=$libraries
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
export PYTHONPATH=$BUILD/python:$ROOT${PYTHONPATH:+:$PYTHONPATH}${PACKAGES:+:$PACKAGES/python} PYTHONUNBUFFERED=1
export MLX_CUDA_CACHE_DIR=$BUILD/cubins

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
if wants build; then
  step "configure" 60 cmake -S . -B "$BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMLX_SIMD_NATIVE_ONLY=ON \
    -DMLX_BUILD_TESTS=OFF -DPython_EXECUTABLE="$(command -v "$PYTHON")"
  step "build" 280 ninja -C "$BUILD" core
fi
if wants archive; then
  step "archive of kernels: build" 60 ninja -C "$BUILD" cuda_archive
  step "archive of kernels" 60 "$BUILD/cuda_archive" "$BUILD/python/mlx/cuda_archive" "$ARCH" \
    --texts data/gpu_kernels.txt
fi
wants compare && step "ops: GPU against CPU" 120 "$PYTHON" tests/gpu/compare.py --out tests/results/gpu-compare.md
wants memory && step "memory" 60 "$PYTHON" tests/gpu/memory.py
if wants suite; then
  # Shares of the cases in processes of their own: compiling kernels takes most of the time.
  run_shares() {
    local share status=0 shares=${SHARES:-8} children=()
    for ((share = 0; share < shares; ++share)); do
      timeout 180 "$PYTHON" -m pytest -q --tb=no -p no:cacheprovider -p tests.gpu.suite_plugin --gpu-share "$share/$shares" \
        --gpu-summary tests/results/gpu-suite.md tests/ops >"$BUILD/suite.$share.log" 2>&1 &
      children+=($!)
    done
    for child in "${children[@]}"; do wait "$child" || status=1; done
    "$PYTHON" -m tests.gpu.suite_plugin tests/results/gpu-suite.md
    sed -n 3p tests/results/gpu-suite.md
    return $status
  }
  say "the op suite on the GPU"
  run_shares || { echo "FAILED: the op suite"; failed=$((failed + 1)); }
fi
if wants sanitize; then
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -1)
  for tool in memcheck racecheck; do
    # Every few cases of all, on small arrays; compare.py fails when no case has run.
    step "compute-sanitizer $tool" 100 "${sanitizer:-compute-sanitizer}" --tool "$tool" --error-exitcode 9 "$PYTHON" \
      tests/gpu/compare.py --quick --every "${EVERY:-5}" >"$BUILD/$tool.log" 2>&1
    grep -v '^$' "$BUILD/$tool.log" | tail -3 | tee "tests/results/gpu-$tool.txt"
  done
fi
wants bench && step "bench beside PyTorch" 150 "$PYTHON" bench/gpu/run.py --out bench/results/h200.md
wants host && step "host cost of a decoding step" 60 "$PYTHON" bench/gpu/host_cost.py
if wants decode; then
  for bits in 16 4; do
    step "decode 0.6B, $bits bits" 60 "$PYTHON" examples/qwen3.py --size 0.6b --bits "$bits"
    step "decode 0.6B, $bits bits, compiled" 60 "$PYTHON" examples/qwen3.py --size 0.6b --bits "$bits" --compile
  done
fi
if wants job; then
  # Without the disk cache of earlier steps: what a fresh installation with the archive does.
  export MLX_CUDA_CACHE_DIR=$BUILD/job-cubins
  rm -rf "$MLX_CUDA_CACHE_DIR"
  for round in first second; do
    start=$EPOCHREALTIME
    step "the default job, $round run" 60 "$PYTHON" examples/char_lm.py --steps "${JOB_STEPS:-300}" --out "$BUILD/job"
    awk "BEGIN { printf \"the $round run took %.2f s\\n\", $EPOCHREALTIME - $start }"
  done
fi
if [ -n "${OUT:-}" ]; then cp tests/results/gpu-* bench/results/h200.md "$OUT"/ 2>/dev/null; fi
say "done: $failed steps failed"
exit "$((failed > 0))"
