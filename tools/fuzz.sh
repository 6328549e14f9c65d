#!/usr/bin/env bash
# Runs fuzz targets: tools/fuzz.sh [--seconds N] [target...]; default 60 s each, all of build/ci/bin.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60
if [ "${1:-}" = --seconds ]; then
  seconds=$2
  shift 2
fi
[ $# -gt 0 ] || set -- build/ci/bin/*_fuzz
for target in "$@"; do
  name=$(basename "$target")
  work=$(mktemp -d)
  seeds=tests/fuzz/corpus/$name
  log=$work/log
  mkdir -p "$work/corpus"
  [ -d "$seeds" ] || seeds=
  if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
      -artifact_prefix="$work/" "$work/corpus" $seeds >"$log" 2>&1; then
    grep -E '^Done|stat::number_of_executed_units' "$log" | sed "s/^/$name: /"
    rm -rf "$work"
  else
    tail -40 "$log"
    echo "$name: a finding; the input is in $work" >&2
    exit 1
  fi
done
