#!/usr/bin/env bash
# setup.sh [--tests|--deep]: installs what is missing (Debian packages, the wheels of .deps, the real panel), and nothing else:
# a second call takes a fraction of a second. --tests adds what only the tests need, --deep also what test_deep.sh and coverage.sh need.
# Called by build.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/progress.sh
source "$root/launch/progress.sh"

packages=(g++ cmake ninja-build ccache git ca-certificates pkg-config python3-venv openmpi-bin libopenmpi-dev
  libhdf5-openmpi-dev libyaml-cpp-dev libcli11-dev libspdlog-dev nlohmann-json3-dev libssl-dev libeigen3-dev
  libnlopt-cxx-dev)
requirements=(launch/requirements.txt)
if [[ ${1:-} == --tests || ${1:-} == --deep ]]; then
  packages+=(libgtest-dev libgmock-dev libbenchmark-dev hdf5-tools clang-format-14 chromium slurm-wlm munge iproute2)
  requirements+=(launch/requirements-test.txt)
fi
[[ ${1:-} == --deep ]] && packages+=(clang-14 clang-tidy-14 libclang-rt-14-dev llvm-14 cppcheck valgrind)

install_packages() {  # install_packages [sudo] -- PACKAGE...
  local as_root=()
  if [[ $1 == sudo ]]; then
    as_root=(sudo -n)
    shift
  fi
  shift
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

check_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian: make sure that these packages' counterparts are here: ${packages[*]}"
    return
  fi
  local installed missing=() package
  installed=" $(dpkg-query -W -f='${Package}:${db:Status-Status} ' "${packages[@]}" 2>/dev/null || true)"
  for package in "${packages[@]}"; do
    [[ $installed == *" $package:installed "* ]] || missing+=("$package")
  done
  if [[ ${#missing[@]} == 0 ]]; then
    return
  elif [[ $EUID == 0 ]]; then
    progress "Installing ${#missing[@]} Debian packages" install_packages -- "${missing[@]}"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    progress "Installing ${#missing[@]} Debian packages (sudo)" install_packages sudo -- "${missing[@]}"
  else
    echo "Debian packages are missing. Run this line as root, then call the script again:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 2
  fi
}

# The virtual environment .deps: a stamp holds the pins that are installed.
check_wheels() {
  local python=/usr/bin/python3
  [[ -x $python ]] || python=python3
  if [[ ! -x $root/.deps/bin/python ]]; then
    progress "Making the Python environment .deps" "$python" -m venv "$root/.deps"
  fi
  local list stamp
  for list in "${requirements[@]}"; do
    stamp=$root/.deps/$(basename "$list").installed
    if ! cmp -s "$root/$list" "$stamp"; then
      progress "Installing the wheels of $list" "$root/.deps/bin/python" -m pip install -q \
        --disable-pip-version-check --no-deps --no-build-isolation -r "$root/$list"
      cp "$root/$list" "$stamp"
    fi
  done
}

# The real panel (MIT) lies in a source package: 190 DMAs x 109 weeks x 13 channels x 7 controls.
panel_package=deepcausalmmm-1.0.21
panel_sha256=e1b77328ab241c5608734adae1d426b45cd679d0150b561c74f998821165f30e
panel=$root/.deps/panel

fetch_panel() {
  local folder=$root/.deps/panel.part
  rm -rf "$folder"
  mkdir -p "$folder"
  "$root/.deps/bin/python" -m pip download -q --disable-pip-version-check --retries 2 --no-deps --no-binary :all: \
    --no-build-isolation -d "$folder" "${panel_package/-/==}" &&
    sha256sum --check --quiet <<<"$panel_sha256  $folder/$panel_package.tar.gz" &&
    tar --no-same-owner -xzf "$folder/$panel_package.tar.gz" -C "$folder" --strip-components=1 \
      "$panel_package/LICENSE" "$panel_package/examples/data/MMM Data.csv" &&
    mv "$folder/examples/data/MMM Data.csv" "$folder/mmm_data.csv" &&
    rm -rf "$folder/examples" "$folder/$panel_package.tar.gz" "$panel" &&
    mv "$folder" "$panel"
}

check_packages
check_wheels
if [[ ! -f $panel/mmm_data.csv ]] && ! progress "Fetching the real panel ($panel_package)" fetch_panel; then
  rm -rf "$root/.deps/panel.part"
  echo "Without the real panel the demo trains on a synthetic one of the same shape; the next start tries again." >&2
fi
