"""Starts what is measured: the simulator, nginx and the gateway, each pinned to its core."""

import contextlib
import http.client
import os
import pathlib
import pwd
import select
import signal
import socket
import subprocess
import time

START_LIMIT_SECONDS = 30
STOP_LIMIT_SECONDS = 10
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

GATEWAY_KEY = "bench-key-of-this-run-only"
PACED_MODEL = "sim-paced"
PACED_PARAMETERS = "tokens=64:tps=1000"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command):
    return ["taskset", "-c", str(core), *map(str, command)] if core is not None else command


class Target:
    """Something that answers on `port`; `stream_port` is the one for streams."""

    def __init__(self, name, process, port, stream_port=None):
        self.name = name
        self.process = process
        self.port = port
        self.stream_port = stream_port or port

    def cpu_seconds(self):
        """User and system time so far of the process, its threads and its children."""
        return sum(map(cpu_ticks, family(self.process.pid))) / TICKS_PER_SECOND


def stat_fields(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text.rsplit(")", 1)[1].split()


def cpu_ticks(pid):
    try:
        fields = stat_fields(pid)
    except OSError:  # it has just ended
        return 0
    return int(fields[11]) + int(fields[12])


def family(root):
    """`root` and all that descend from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry)] = int(stat_fields(entry)[1])
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


@contextlib.contextmanager
def running(command, **options):
    """The process of `command`, ended by its id when the block ends."""
    process = subprocess.Popen([str(word) for word in command], **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_LIMIT_SECONDS)


def wait_until_ready(process, port, path, log):
    end = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.02)
    raise RuntimeError(f"not ready after {START_LIMIT_SECONDS} s:\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def simulator(binary, core):
    command = [binary, "--port", "0", "--exit-with-parent", "--flush", "--keep-body", "0",
               "--model", f"{PACED_MODEL}={PACED_PARAMETERS}"]
    with running(pinned(core, command), stdout=subprocess.PIPE) as process:
        readable, _, _ = select.select([process.stdout], [], [], START_LIMIT_SECONDS)
        line = process.stdout.readline().decode() if readable else ""
        if not line.startswith("listening on "):
            raise RuntimeError(f"{binary} did not start")
        yield Target("direct", process, int(line.rsplit(":", 1)[1]))


NGINX_CONFIG = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/access.log combined buffer=64k flush=1s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  client_max_body_size 64m;
  client_body_buffer_size 8m;
  upstream simulator {{
    server 127.0.0.1:{upstream};
    keepalive 512;
    keepalive_requests 100000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://simulator; }}
  }}
  server {{
    listen 127.0.0.1:{stream_port};
    proxy_buffering off;
    location / {{ proxy_pass http://simulator; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(binary, core, upstream_port, folder):
    folder.mkdir()
    port, stream_port = free_port(), free_port()
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(user=user, folder=folder, upstream=upstream_port,
                                          port=port, stream_port=stream_port))
    log = folder / "error.log"
    with log.open("wb") as errors:
        command = [binary, "-p", folder, "-e", log, "-c", config]
        with running(pinned(core, command), stderr=errors) as process:
            wait_until_ready(process, port, "/health", log)
            yield Target("nginx", process, port, stream_port)


GATEWAY_CONFIG = """
server: {{ listen: "127.0.0.1:{port}", threads: 1 }}
data_dir: "{folder}/data"
log: {{ level: info, format: json }}
auth:
  keys:
    - {{ name: bench, key: "{key}", scopes: ["inference:*"], tier: bench }}
limits:
  tiers:
    bench: {{ per_minute: 0 }}
providers:
  sim: {{ protocol: openai, base_url: "http://127.0.0.1:{upstream}/v1" }}
{providers}models:
  sim:
    kind: chat
    targets: [{{ provider: sim, model: sim }}]
    queue: {{ max_concurrent: 1024, max_waiting: 1024 }}
  {paced}:
    kind: chat
    targets: [{{ provider: sim, model: {paced} }}]
    queue: {{ max_concurrent: 1024, max_waiting: 1024 }}
{models}"""


@contextlib.contextmanager
def gateway(binary, core, upstream_port, folder, providers="", models=""):
    """`providers` and `models` are further lines of those sections."""
    folder.mkdir()
    port = free_port()
    config = folder / "headgate.yaml"
    config.write_text(GATEWAY_CONFIG.format(folder=folder, port=port, upstream=upstream_port,
                                            key=GATEWAY_KEY, paced=PACED_MODEL,
                                            providers=providers, models=models))
    log = folder / "gateway.log"
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
    command = [binary, "serve", "--config", config, "--set", "server.threads=1"]
    with log.open("wb") as output:
        with running(pinned(core, command), stdout=output, stderr=output, cwd=folder,
                     env=environment) as process:
            wait_until_ready(process, port, "/ready", log)
            yield Target("gateway", process, port)
