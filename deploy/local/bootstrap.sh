#!/usr/bin/env bash
# Installs what a checkout needs: uv, the locked packages, the generated stubs, and what Keycloak's fetch needs.
# What only root can install is installed when we are root, and otherwise named in one line.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
data_dir="${LUMBUNG_DATA_DIR:-.lumbung}"

say() { printf '%s\n' "$*" >&2; }

apt_updated=""
install_package() { # install_package WHAT PACKAGE
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "lumbung needs $1, which only root can install: apt-get install $2"
    return 1
  fi
  say "installing $2"
  if [ -z "$apt_updated" ]; then apt-get update -qq >/dev/null; apt_updated=yes; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "$2" >/dev/null
}

find_python() {
  local candidate
  for candidate in "${LUMBUNG_PYTHON:-}" python3.12 python3.11 python3.13 python3; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  say "lumbung needs Python 3.11, 3.12 or 3.13: apt-get install python3 (or name one with LUMBUNG_PYTHON)"
  return 1
}

find_uv() {
  if command -v uv >/dev/null 2>&1; then command -v uv; return 0; fi
  local home="$data_dir/tools/uv"
  if [ ! -x "$home/bin/uv" ]; then
    if ! "$1" -c 'import ensurepip' >/dev/null 2>&1; then
      # Debian keeps this module in a package of its own.
      install_package "Python's venv module" python3-venv || return 1
    fi
    say "installing uv"
    "$1" -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check uv
  fi
  realpath "$home/bin/uv"
}

python="$(find_python)"
uv="$(find_uv "$python")"
export UV_PYTHON="$python" UV_PYTHON_DOWNLOADS=never
"$uv" sync --quiet --locked --all-packages --all-groups
.venv/bin/python sdk/generate_stubs.py >/dev/null

cache="${LUMBUNG_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lumbung}"
if [ -z "${LUMBUNG_KEYCLOAK_ARCHIVE:-}" ] && ! compgen -G "$cache/keycloak-*" >/dev/null && ! command -v mvn >/dev/null; then
  install_package "mvn, to fetch Keycloak (or a local archive named by LUMBUNG_KEYCLOAK_ARCHIVE)" maven || true
fi
