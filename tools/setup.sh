# Sets up everything a checkout needs: Debian packages, virtual environments, a CMake build.
# Sourced by ./run, ./test and .ci/run. Each step leaves a stamp, so a second start takes seconds.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PACKAGES=(g++ cmake ninja-build ccache mold python3-dev python3-venv libhwy-dev nlohmann-json3-dev
  libfmt-dev libopenblas0-serial libgtest-dev libbenchmark-dev)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Installs the Debian packages that are missing, through sudo when not root.
setup_packages() {
  command -v dpkg-query >/dev/null ||
    die "this script installs packages with apt (Debian 12); elsewhere install the equivalents of: ${PACKAGES[*]}"
  local missing=() package as_root=()
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "these Debian packages are missing, and neither root nor sudo is here; run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing Debian packages: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 update >&2 ||
    say "apt-get update failed; trying with the package lists there are"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y \
    --no-install-recommends "${missing[@]}" >&2 || die "apt-get install failed for: ${missing[*]}"
}

# Prints the first Python of version 3.10 to 3.13 that can make a venv and has its C headers.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 /usr/bin/python3; do
    if "$candidate" - >/dev/null 2>&1 <<'PY'
import ensurepip, os, sys, sysconfig, venv
assert (3, 10) <= sys.version_info[:2] <= (3, 13)
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
PY
    then
      command -v "$candidate"
      return
    fi
  done
  die "no usable Python: need 3.10 to 3.13 with venv and C headers (python3-venv, python3-dev); set PYTHON to choose one"
}

# setup_venv FOLDER REQUIREMENTS: a virtual environment holding exactly the pinned packages.
setup_venv() {
  local folder=$ROOT/$1 requirements=$ROOT/$2 python stamp
  python=$(find_python) || exit 1
  stamp=$("$python" -c 'import sys; print(sys.base_prefix, sys.version)' | cat - "$requirements" | sha256sum)
  [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$stamp" ] && return
  say "creating $1 from $2 ($python)"
  rm -rf "$folder"
  "$python" -m venv "$folder" || die "could not create the virtual environment $folder"
  "$folder/bin/python" -m pip install --disable-pip-version-check --no-input -r "$requirements" >&2 ||
    die "pip could not install $2; is PyPI reachable?"
  printf '%s\n' "$stamp" >"$folder/.stamp"
}

# setup_build PRESET [TARGET]: configures once, then builds what changed.
setup_build() {
  local preset=$1 target=${2:-all} build=$ROOT/build/$1 python=$ROOT/.venv/bin/python stamp
  stamp=$(cat "$ROOT/CMakePresets.json" "$ROOT/.venv/.stamp" | sha256sum)
  if [ "$(cat "$build/.stamp" 2>/dev/null)" != "$stamp" ]; then
    say "configuring $preset"
    # A wheel of cmake in PATH may be newer than Debian's; either works.
    (cd "$ROOT" && cmake --preset "$preset" -DPython_EXECUTABLE="$python" ${SETUP_CMAKE_ARGS:-}) >&2 ||
      die "cmake failed to configure $preset"
    printf '%s\n' "$stamp" >"$build/.stamp"
  fi
  say "building $preset ($target)"
  cmake --build "$build" --target "$target" >&2 || die "the $preset build failed"
}
