#!/usr/bin/env bash
# Checks that every C++ file is formatted; --fix formats them.
set -euo pipefail
cd "$(dirname "$0")/../.."
mode=(--dry-run -Werror)
[ "${1:-}" = --fix ] && mode=(-i)
find src tools tests -name '*.cc' -o -name '*.h' | sort | xargs clang-format-19 "${mode[@]}"
