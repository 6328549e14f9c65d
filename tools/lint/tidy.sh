#!/usr/bin/env bash
# clang-tidy over the C++ files changed since a commit: tools/lint/tidy.sh [--all | COMMIT]
# Without an argument: since the parent of the last commit, and what is not committed yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
for build in build/ci build/dev; do
  [ -f "$build/compile_commands.json" ] && break
done
if [ ! -f "$build/compile_commands.json" ]; then
  echo "tidy: configure first: cmake --preset dev" >&2
  exit 2
fi
if [ "${1:-}" = --all ]; then
  files=$(git ls-files 'src/*.cc' 'tools/*.cc')
else
  base=${1:-$(git rev-parse --verify -q HEAD~1 || git rev-parse HEAD)}
  files=$({ git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } |
    { grep -E '^(src|tools)/.*\.cc$' || true; } | sort -u)
fi
[ -n "$files" ] || exit 0
# What clang-tidy says besides its findings is how many it did not show.
xargs -n 1 -P "$(nproc)" clang-tidy-19 --quiet -p "$build" <<<"$files" 2> >(grep -v 'warnings generated\.$' >&2)
