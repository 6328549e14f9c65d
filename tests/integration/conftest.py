"""Fixtures: the real gateway in front of a scripted model server, each on a free loopback port."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import pytest

from model_server import ModelServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("HEADGATE_BIN_DIR", ROOT / "build/dev/bin"))
KEY = "integration-test-key"


class Gateway:
    """One `headgate serve`; ended by its process id."""

    def __init__(self, folder, upstream, options=(), environment=None, config=None):
        self.folder = folder
        self.config = folder / "headgate.yaml"
        self.config.write_text(config or
            f"""
server: {{ listen: "127.0.0.1:0", header_timeout: 2s, body_timeout: 2s, threads: 2 }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: test, key: {KEY}, scopes: [admin], tier: unlimited }}
    - {{ name: models, key: models-only-key, scopes: [models:read], tier: unlimited }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
providers:
  local: {{ protocol: openai, base_url: "{upstream}/v1", api_keys: [upstream-secret] }}
models:
  tiny: {{ aliases: [org/tiny], targets: [ {{ provider: local, model: tiny-upstream }} ] }}
"""
        )
        arguments = [BINARIES / "headgate", "serve", "--config", self.config]
        for option in options:
            arguments += ["--set", option]
        self.out = open(folder / "requests.log", "wb")
        self.err = open(folder / "gateway.log", "wb")
        self.process = subprocess.Popen(
            arguments, stdout=self.out, stderr=self.err, stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})})
        try:
            self.port = self._wait_for_port()
        except BaseException:
            self.stop()
            raise
        self.url = f"http://127.0.0.1:{self.port}"

    def _wait_for_port(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for line in self.log().splitlines():
                if '"listening"' in line:
                    return int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])
            assert self.process.poll() is None, self.log()
            time.sleep(0.02)
        raise AssertionError("the gateway did not start: " + self.log())

    def log(self):
        return (self.folder / "gateway.log").read_text()

    def requests_log(self):
        return (self.folder / "requests.log").read_text()

    def call(self, path, body=None, headers=None, method=None, key=KEY):
        """(status, headers, bytes) of one request."""
        request = urllib.request.Request(self.url + path, data=body, method=method)
        if key:
            request.add_header("X-API-Key", key)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.out.close()
        self.err.close()
        return self.process.returncode


@pytest.fixture(scope="session")
def upstream():
    server = ModelServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory, upstream):
    running = Gateway(tmp_path_factory.mktemp("gateway"), upstream.url)
    yield running
    assert running.stop() == 0


@contextlib.contextmanager
def running_gateway(folder, upstream, **more):
    gateway = Gateway(folder, upstream, **more)
    try:
        yield gateway
    finally:
        gateway.stop()
