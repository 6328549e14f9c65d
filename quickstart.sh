#!/usr/bin/env bash
# From a fresh Debian 12 to a running gateway that has read a document: ./quickstart.sh [--once] [--port N]
set -euo pipefail
cd "$(dirname "$0")"
port=8080
once=false
while [ $# -gt 0 ]; do
  case $1 in
    --once) once=true ;;
    --port)
      port=${2:?--port needs a number}
      shift
      ;;
    *)
      echo "usage: ./quickstart.sh [--once] [--port N]" >&2
      exit 2
      ;;
  esac
  shift
done

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
headgate=build/release/bin/headgate
data=./data
base=http://127.0.0.1:$port
document=examples/documents/w2.png

say "1. Debian packages"
tools/install/install.sh build
echo "all there"

say "2. Build (the first one takes some minutes)"
cmake --preset release -Wno-dev >/dev/null
cmake --build --preset release -j "$(nproc)"

say "3. A data folder and a key"
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  echo "Port $port is in use. Choose another one: ./quickstart.sh --port 8081" >&2
  exit 1
fi
mkdir -p "$data"
chmod 700 "$data"
key_file=$data/quickstart-key
if [ ! -s "$key_file" ]; then
  (umask 077 && "$headgate" keys create --name quickstart --data-dir "$data" --json |
    sed -n 's/.*"key":"\([^"]*\)".*/\1/p' >"$key_file")
fi
key=$(cat "$key_file")
echo "API key (also in $key_file): $key"

say "4. Start"
"$headgate" serve --data-dir "$data" --listen "127.0.0.1:$port" --set log.format=json \
  >"$data/requests.log" 2>"$data/gateway.log" &
gateway=$!
stop() {
  trap - EXIT INT TERM
  kill -TERM "$gateway" 2>/dev/null || true
  wait "$gateway" 2>/dev/null || true
}
trap 'stop' EXIT
trap 'stop; echo; echo "stopped"; exit 0' INT TERM
ready=false
for _ in $(seq 100); do
  if curl -fs -o /dev/null "$base/ready"; then
    ready=true
    break
  fi
  kill -0 "$gateway" 2>/dev/null || break
  sleep 0.1
done
if [ "$ready" != true ]; then
  cat "$data/gateway.log" >&2
  echo "The gateway did not start; its log is above." >&2
  exit 1
fi
grep -h 'First start' -A1 "$data/gateway.log" || true
echo "running at $base (process $gateway), log in $data/gateway.log and $data/requests.log"

pretty() { python3 -m json.tool --no-ensure-ascii; }
ask() {  # ask <route>
  echo "+ curl -H 'X-API-Key: ...' -F file=@$document $base$1"
  local answer
  if ! answer=$(curl -sS --fail-with-body --max-time 120 -H "X-API-Key: $key" -F "file=@$document" "$base$1"); then
    echo "$answer" >&2
    exit 1
  fi
  echo "$answer" | pretty
}
say "5. What is this document?"
ask /v1/classify
say "6. Its fields"
ask /v1/extract

say "How to go on"
cat <<TEXT
  Metrics   curl -H "X-API-Key: <a key with scope metrics:read>" $base/metrics
  Health    curl $base/health
  Routes    $base/docs (Swagger UI), $base/redoc, $base/openapi.json
  Chat with a model server of your own (vLLM, llama-server, Ollama, ...): put this into headgate.yaml

    providers:
      local: { protocol: openai, base_url: "http://127.0.0.1:8000/v1" }
    models:
      my-model: { targets: [ { provider: local, model: name-at-the-server } ] }

  start again, and ask:
    curl -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \\
      -d '{"model":"my-model","messages":[{"role":"user","content":"Hello"}]}' $base/v1/chat/completions
TEXT
if [ "$once" = true ]; then
  stop
  say "Done (--once): the gateway is stopped."
  exit 0
fi
say "The gateway keeps running; Ctrl-C stops it."
wait "$gateway"
