#!/usr/bin/env bash
# Installs the Debian packages that are missing for a purpose: install.sh build | install.sh test
set -euo pipefail
cd "$(dirname "$0")"
purpose=${1:?usage: install.sh build|test}

wanted() {
  while read -r kind name; do
    case $kind in
      build) echo "$name" ;;
      test) [ "$purpose" = test ] && echo "$name" ;;
    esac
  done < packages.txt
  return 0
}

missing=()
for package in $(wanted); do
  # Node.js may come from elsewhere; any one on PATH will do.
  case $package in
    nodejs) command -v node >/dev/null && continue ;;
    npm) command -v npm >/dev/null && continue ;;
  esac
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing ${#missing[@]} missing Debian packages: ${missing[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "This needs root. Run as root, once: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  run=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${run[@]}" apt-get update -qq && "${run[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "The packages could not be installed; the lines above say why." >&2
  exit 1
fi
