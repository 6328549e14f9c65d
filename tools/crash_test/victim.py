"""The gateway that is killed again and again, the model server behind it, and one HTTP client."""

import http.client
import json
import pathlib
import re
import select
import signal
import subprocess
import threading
import time

SLOTS = 8  # of each model
PAID, PAID_TARGET = "paid", "sim-paid:latency=10ms"  # the one model that costs something
LOG_SIZE = 100000  # calls that the model server remembers, its limit
KEYS = ("crash-test-admin-key", "crash-test-alice-key", "crash-test-bob-key")

CONFIG = """
server: {{ listen: "127.0.0.1:0", threads: 2, shutdown_grace: 5s }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: admin, key: {keys[0]}, scopes: [admin], tier: unlimited }}
    - {{ name: alice, key: {keys[1]}, scopes: [inference:text, jobs:read, jobs:write], tier: unlimited }}
    - {{ name: bob, key: {keys[2]}, scopes: [inference:text, jobs:read, jobs:write], tier: unlimited }}
limits: {{ tiers: {{ unlimited: {{ budget_day: 1000000 }} }} }}
queue:
  max_concurrent: {slots}
  max_backlog: 1000000
  max_attempts: {max_attempts}
  retry: {{ initial: 20ms, factor: 2, max: 200ms, jitter: full }}
providers:
  local: {{ protocol: openai, base_url: "http://127.0.0.1:{port}/v1", any_model: true }}
models:
  {paid}: {{ targets: [ {{ provider: local, model: "{paid_target}", price: {{ input: 1, output: 1 }} }} ] }}
"""


class Torn(Exception):
    """The connection ended before the answer did: nobody knows what became of the request."""


class Client:
    """One connection kept open, to whichever life of the gateway is up."""

    def __init__(self, victim, key=KEYS[0], timeout=20):
        self.victim, self.key, self.timeout = victim, key, timeout
        self.connection, self.life = None, 0

    def call(self, method, path, body=None, headers=None):
        """(status, headers, JSON); Torn if there was no whole answer."""
        try:
            if self.connection is None or self.life != self.victim.life:
                self.close()
                self.life = self.victim.life
                self.connection = http.client.HTTPConnection("127.0.0.1", self.victim.port, timeout=self.timeout)
            fields = {"X-API-Key": self.key, "Content-Type": "application/json", **(headers or {})}
            self.connection.request(method, path, body, fields)
            answer = self.connection.getresponse()
            data = answer.read()
            return answer.status, answer.headers, json.loads(data) if data else None
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            self.close()
            raise Torn(repr(error)) from error

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class ModelServer:
    """headgate-sim whose answers are the request's own body, so that a result shows whose it is."""

    def __init__(self, binaries):
        command = [binaries / "headgate-sim", "--port", "0", "--exit-with-parent", "--echo", "--log-size", str(LOG_SIZE)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        readable, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith("listening on "):
            self.stop()
            raise RuntimeError(f"headgate-sim did not start: {line!r}")
        self.port = int(line.rsplit(":", 1)[1])

    def log(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", "/sim/log")
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process.stdout.close()


class Victim:
    """`headgate serve` on one data folder, over many lives."""

    def __init__(self, binaries, folder, upstream_port, max_attempts):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "headgate.yaml"
        self.config.write_text(CONFIG.format(folder=folder, keys=KEYS, max_attempts=max_attempts, port=upstream_port,
                                             slots=SLOTS, paid=PAID, paid_target=PAID_TARGET))
        self.command = [binaries / "headgate", "serve", "--config", self.config]
        self.process = None
        self.port = 0
        self.life = 0
        self.up = threading.Event()
        self.killed_at = []  # Unix seconds
        self.start_seconds = []

    def spawn(self):
        self.spawned = time.monotonic()
        # Of every life only the last one's words are kept; they are shown if it does not start.
        with open(self.folder / "gateway.log", "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=log)

    def log(self):
        return (self.folder / "gateway.log").read_text(errors="replace")

    def wait_until_up(self, limit=30):
        """Until it listens and says that it is ready; notes how long that took."""
        while time.monotonic() - self.spawned < limit:
            for line in self.log().splitlines():
                if '"listening"' in line and (found := re.search(r"127\.0\.0\.1:(\d+)", line)):
                    self.port = int(found[1])
                    self.life += 1
                    self._wait_until_ready(limit)
                    self.start_seconds.append(time.monotonic() - self.spawned)
                    self.up.set()
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.003)
        raise RuntimeError(f"the gateway did not start (exit {self.process.poll()}): {self.log()[-4000:]}")

    def _wait_until_ready(self, limit):
        client = Client(self)
        while time.monotonic() - self.spawned < limit:
            try:
                if client.call("GET", "/ready")[0] == 200:
                    return
            except Torn:
                pass
            time.sleep(0.003)
        raise RuntimeError("the gateway listens but is not ready: " + self.log()[-4000:])

    def kill(self):
        self.up.clear()
        self.killed_at.append(time.time())
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        """As an operator would; the exit code."""
        self.up.clear()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
        return self.process.returncode if self.process is not None else 0
