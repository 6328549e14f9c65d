#!/usr/bin/python3
"""Measures the durable queue: jobs acknowledged per second beside PostgreSQL's inserts on the same
disk, whole cycles per second on the simulator, and the cost of a job when a million wait.

PostgreSQL (package postgresql-15) runs in a folder of its own; pgbench inserts a row of the same
size and commits, with 64 clients."""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import pwd
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

import load
import proxies

ROOT = pathlib.Path(__file__).resolve().parents[2]
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
CLIENTS = 64
QUIET = 0.2  # processors that other programs may use meanwhile

CONFIG = """
server: {{ listen: "127.0.0.1:{port}", threads: 2 }}
data_dir: "{folder}/data"
log: {{ level: warning, format: json }}
auth:
  keys:
    - {{ name: bench, key: "{key}", scopes: [admin], tier: bench }}
limits:
  tiers:
    bench: {{ per_minute: 0 }}
providers:
  sim: {{ protocol: openai, base_url: "http://127.0.0.1:{upstream}/v1" }}
models:
  sim:
    kind: chat
    targets: [{{ provider: sim, model: sim }}]
    queue: {{ max_concurrent: 128, max_backlog: 100000000 }}
  waiting:
    kind: chat
    targets: [{{ provider: sim, model: "waiting:silence" }}]
    queue: {{ max_concurrent: 1, max_backlog: 100000000, timeout: 24h }}
    timeouts: {{ first_byte: 1h, total: 1h }}
"""


@contextlib.contextmanager
def gateway(binary, upstream_port, folder):
    port = proxies.free_port()
    folder.mkdir(exist_ok=True)
    config = folder / "headgate.yaml"
    config.write_text(CONFIG.format(folder=folder, port=port, upstream=upstream_port,
                                    key=proxies.GATEWAY_KEY))
    log = folder / "gateway.log"
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
    with log.open("ab") as output:
        with proxies.running([binary, "serve", "--config", config], stdout=output, stderr=output,
                             cwd=folder, env=environment) as process:
            begin = time.monotonic()
            proxies.wait_until_ready(process, port, "/ready", log)
            target = proxies.Target("gateway", process, port)
            target.start_seconds = time.monotonic() - begin
            yield target


def job_script(folder, name, body):
    script = load.write_script(folder, name, body)
    text = script.read_text()
    script.write_text('wrk.headers["Prefer"] = "respond-async"\n' + text)
    return script


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {proxies.GATEWAY_KEY}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
    return body


def finished(port):
    for line in get(port, "/metrics").decode().splitlines():
        if line.startswith('headgate_jobs_total{event="finished"}'):
            return float(line.split()[-1])
    return 0.0


@contextlib.contextmanager
def postgres(folder):
    """A private server on a socket in `folder`, with its default durability."""
    folder.mkdir()
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    def as_user(*command):
        words = [str(word) for word in command]
        return ["runuser", "-u", user, "--"] + words if os.geteuid() == 0 else words
    if os.geteuid() == 0:
        shutil.chown(folder, user)
        for parent in folder.parents:
            if parent == pathlib.Path("/"):
                break
            parent.chmod(parent.stat().st_mode | 0o011)
    data = folder / "data"
    subprocess.run(as_user(POSTGRES / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "-N"),
                   check=True, capture_output=True)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c max_connections=100"
    subprocess.run(as_user(POSTGRES / "pg_ctl", "-D", data, "-w", "-o", options, "-l",
                           folder / "log", "start"), check=True, capture_output=True)
    try:
        yield lambda *command: as_user(*command)
    finally:
        subprocess.run(as_user(POSTGRES / "pg_ctl", "-D", data, "-m", "fast", "stop"),
                       capture_output=True)


def postgres_inserts(folder, body, seconds):
    """Committed inserts per second with 64 clients."""
    with postgres(folder) as as_user:
        table = ("CREATE TABLE jobs (seq bigserial PRIMARY KEY, id uuid NOT NULL, owner text NOT NULL,"
                 " model text NOT NULL, state smallint NOT NULL, created_at bigint NOT NULL,"
                 " body bytea NOT NULL); CREATE INDEX ON jobs (owner);"
                 " CREATE INDEX ON jobs (state) WHERE state < 2;")
        subprocess.run(as_user(POSTGRES / "psql", "-h", folder, "-d", "postgres", "-qc", table),
                       check=True, capture_output=True)
        script = folder / "insert.sql"
        script.write_text("INSERT INTO jobs (id, owner, model, state, created_at, body) VALUES "
                          f"(gen_random_uuid(), 'bench', 'sim', 0, 0, '\\x{body.hex()}');\n")
        output = subprocess.run(
            as_user(POSTGRES / "pgbench", "-h", folder, "-n", "-M", "prepared", "-c", CLIENTS,
                    "-j", 2, "-T", seconds, "-f", script, "postgres"),
            check=True, capture_output=True, text=True).stdout
        line = next(line for line in output.splitlines() if line.startswith("tps"))
        return float(line.split("=")[1].split()[0])


def acknowledged(target, script, seconds):
    """wrk's figures, and what each job cost: the gateway's CPU time and the bytes it wrote."""
    processor, written, begin = target.cpu_seconds(), bytes_written(target.process.pid), Load()
    result = load.run_wrk(script, target.port, CLIENTS, seconds, None)
    result["cpu_us"] = (target.cpu_seconds() - processor) * 1e6 / result["requests"]
    result["bytes"] = (bytes_written(target.process.pid) - written) / result["requests"]
    result["others"] = begin.others(target.cpu_seconds() - processor)
    return result


def bytes_written(pid):
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("wchar"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/io has no wchar")


class Load:
    """What the machine's processors do from now on."""

    def __init__(self):
        self.begin, self.busy, self.children = time.monotonic(), self._busy(), self._children()

    def others(self, known):
        """Processors in use, without `known` seconds and without what our children have used that
        have ended. They must be few: programs beside the measured one take its turns away, and take
        more from a few busy threads than from 64 processes."""
        busy = self._busy() - self.busy - (self._children() - self.children) - known
        return max(0.0, busy / (time.monotonic() - self.begin))

    @staticmethod
    def _busy():
        words = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()
        user, nice, system, _idle, _wait, interrupts, soft = (int(word) for word in words[1:8])
        return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _children():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


def cycles(target, script, seconds):
    """Jobs that ended per second while 64 clients submit, until the last has ended."""
    before, begin = finished(target.port), time.monotonic()
    sent = load.run_wrk(script, target.port, CLIENTS, seconds, None)["requests"]
    while finished(target.port) - before < sent and time.monotonic() - begin < seconds + 120:
        time.sleep(0.05)
    done = finished(target.port) - before
    return done / (time.monotonic() - begin), done, sent


def fill(binary, folder, upstream_port, script, count):
    """Submits until `count` jobs wait; jobs per second over the last 50,000."""
    with gateway(binary, upstream_port, folder) as target:
        done, rate = 0, 0
        while done < count:
            result = acknowledged(target, script, 5)
            done += result["requests"]
            rate = result["requests"] / result["seconds"]
        return done, rate, resident_mib(target.process.pid)


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) >> 10
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default=ROOT / "build/release/bin", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", type=int, default=0, metavar="JOBS",
                        help="also measure with so many jobs waiting")
    parser.add_argument("--folder", default=None, help="where the databases lie; the same disk for all")
    arguments = parser.parse_args()
    headgate, simulator = arguments.bin / "headgate", arguments.bin / "headgate-sim"
    body = load.text_body(400)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="jobs-bench-", dir=arguments.folder)))
        sim = stack.enter_context(proxies.simulator(simulator, None))
        waiting = job_script(folder, "waiting", load.text_body(400, model="waiting"))
        running = job_script(folder, "running", body)
        rows = {name: [] for name in
                ("postgres", "acknowledged", "cpu_us", "bytes", "others", "cycles")}
        for number in range(arguments.rounds):
            rows["postgres"].append(
                postgres_inserts(folder / f"postgres-{number}", body, arguments.seconds))
            with gateway(headgate, sim.port, folder / f"ack-{number}") as target:
                result = acknowledged(target, waiting, arguments.seconds)
                rows["acknowledged"].append(result["requests"] / result["seconds"])
                rows["cpu_us"].append(result["cpu_us"])
                rows["bytes"].append(result["bytes"])
                rows["others"].append(result["others"])
            with gateway(headgate, sim.port, folder / f"cycle-{number}") as target:
                rows["cycles"].append(cycles(target, running, arguments.seconds)[0])
            print(f"round {number + 1}:", {name: round(values[-1], 2 if name == "others" else None)
                   for name, values in rows.items()},
                  file=sys.stderr, flush=True)
        medians = {name: statistics.median(values) for name, values in rows.items()}
        print(f"PostgreSQL 15, insert and commit, {CLIENTS} clients: {medians['postgres']:,.0f}/s")
        print(f"jobs acknowledged, {CLIENTS} connections: {medians['acknowledged']:,.0f}/s "
              f"({medians['acknowledged'] / medians['postgres']:.2f} x PostgreSQL); each "
              f"{medians['cpu_us']:.0f} us of CPU and {medians['bytes']:,.0f} bytes written")
        if medians["others"] > QUIET:
            print(f"NOT A QUIET MACHINE: other programs used {medians['others']:.1f} processors; "
                  "the figures are no comparison")
        print(f"whole cycles (submit, run, result): {medians['cycles']:,.0f}/s")
        if arguments.million:
            home = folder / "million"
            few = fill(headgate, home, sim.port, waiting, 1000)
            many = fill(headgate, home, sim.port, waiting, arguments.million)
            with gateway(headgate, sim.port, home) as target:
                result = acknowledged(target, waiting, 5)
                print(f"{many[0] + few[0]:,} waiting: start in {target.start_seconds:.2f} s, "
                      f"{resident_mib(target.process.pid)} MiB, submit "
                      f"{result['requests'] / result['seconds']:,.0f}/s beside {few[1]:,.0f}/s when empty")


if __name__ == "__main__":
    main()
