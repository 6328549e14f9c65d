#!/usr/bin/env python3
"""How soon a provider hears that nobody waits any more: from the client's leaving to the broken connection, or the
provider's cancelled job.

See README.md beside this file.
"""

import argparse
import contextlib
import dataclasses
import http.client
import json
import pathlib
import socket
import sys
import tempfile
import time

from programs import KEY, Gateway, Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 20
GOAL_MS = 50

# protocol: (its word in the configuration, what follows the host in its URL)
PROTOCOLS = {"openai": ("openai", "/v1"), "anthropic": ("anthropic", ""), "gemini": ("gemini", ""),
             "runpod-openai": ("runpod", "/v2"), "runpod-queue": ("runpod", "/v2")}


@dataclasses.dataclass(frozen=True)
class Moment:
    """When the client leaves."""
    name: str
    how: str              # parameters of headgate-sim
    stream: bool = False
    mark: bytes = b""     # what the client has read by then
    job: bool = False     # a job is cancelled instead
    operation: str = ""   # what the provider has been asked by then, of the queue


CHAT_MOMENTS = (
    Moment("whole, before the head", "latency=10m"),
    Moment("whole, inside the body", "drip=50ms"),
    Moment("streamed, before the head", "latency=10m", stream=True),
    Moment("streamed, before the first token", "first-token=10m", stream=True),
    Moment("streamed, behind the first token", "tokens=1000:tps=1", stream=True, mark=b"data: "),
    Moment("a job that runs", "latency=10m", job=True),
)
QUEUE_MOMENTS = (
    Moment("handed over just then, from the provider's word on", "latency=300ms:on=run", operation="/run"),
    Moment("queued at the provider", "queue=10m", operation="/status/"),
    Moment("running at the provider", "execution=10m", operation="/status/"),
    Moment("a job that is queued at the provider", "queue=10m", operation="/status/", job=True),
    Moment("a job that runs at the provider", "execution=10m", operation="/status/", job=True),
)


@dataclasses.dataclass(frozen=True)
class Case:
    protocol: str
    moment: Moment
    number: int

    @property
    def label(self):
        return f"{self.protocol}, {self.moment.name}"

    @property
    def target(self):
        return f"sim-{self.number}:{self.moment.how}"

    def model(self):
        place = f'model: "{self.target}"'
        if self.protocol == "runpod-queue":
            place = f'endpoint: "{self.target}"'
        elif self.protocol == "runpod-openai":
            place = f'endpoint: "sim-e{self.number}", model: "{self.target}"'
        kind = "classify" if self.protocol == "runpod-queue" else "chat"
        return (f"  m{self.number}: {{ kind: {kind}, targets: [ {{ provider: {self.protocol}, {place} }} ],"
                " timeouts: { first_byte: 1h, first_token: 1h, idle: 1h, total: 2h } }\n")

    def request(self):
        if self.protocol == "runpod-queue":
            return "/v1/classify", {"model": f"m{self.number}", "image_urls": ["https://files.example/scan.png"]}
        body = {"model": f"m{self.number}", "messages": [{"role": "user", "content": "Tell me."}], "max_tokens": 2000}
        return "/v1/chat/completions", {**body, "stream": True} if self.moment.stream else body


def all_cases():
    kinds = [(protocol, moment) for protocol in PROTOCOLS
             for moment in (QUEUE_MOMENTS if protocol == "runpod-queue" else CHAT_MOMENTS)]
    return [Case(protocol, moment, number) for number, (protocol, moment) in enumerate(kinds)]


def configuration(folder, port, cases):
    providers = "".join(
        f'  {name}: {{ protocol: {word}, base_url: "http://127.0.0.1:{port}{path}", api_keys: [{name}-key] }}\n'
        for name, (word, path) in PROTOCOLS.items())
    return f"""
server: {{ listen: "127.0.0.1:0", threads: 1, shutdown_grace: 1s }}
data_dir: {folder}/data
log: {{ format: json }}
auth: {{ keys: [ {{ name: cancel, key: {KEY}, scopes: [admin], tier: unlimited }} ] }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
providers:
{providers}models:
{"".join(case.model() for case in cases)}"""


def until(condition):
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.002)
    raise RuntimeError("it did not happen in time")


def ended_at(record):
    """Milliseconds on the wall clock."""
    return (record["received_us"] + record["took_us"]) / 1e3


class Site:
    def __init__(self, gateway, simulator):
        self.gateway, self.simulator = gateway, simulator

    def calls(self, case, operation=""):
        """What the provider saw of the case, oldest first."""
        return [one for one in self.simulator.requests() if one["model"] == case.target and operation in one["path"]]

    def ask(self, case):
        """A client, its request under way."""
        path, body = case.request()
        body = json.dumps(body).encode()
        client = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=LIMIT_SECONDS)
        client.sendall((f"POST {path} HTTP/1.1\r\nHost: cancel\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        return client

    def call(self, method, path, body=None, **fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=LIMIT_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"X-API-Key": KEY, "Content-Type": "application/json", **fields})
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def begin(self, case):
        """How to leave, once the moment has come."""
        if case.moment.job:
            path, body = case.request()
            status, job = self.call("POST", path, body, Prefer="respond-async")
            if status != 202:
                raise RuntimeError(f"{case.label}: {status} {job}")
            until(lambda: self.calls(case, case.moment.operation))
            return lambda: self.call("DELETE", f"/v1/jobs/{job['id']}")
        client = self.ask(case)
        received = b""
        while case.moment.mark and case.moment.mark not in received:
            piece = client.recv(65536)
            if not piece:
                raise RuntimeError(f"{case.label}: {received!r}")
            received += piece
        until(lambda: self.calls(case, case.moment.operation))
        return client.close

    def sample(self, case):
        """Milliseconds until the provider heard of it."""
        self.simulator.admin("DELETE", "/sim/log")
        leave = self.begin(case)
        left = time.time()
        leave()
        if case.moment.operation:
            [cancel] = until(lambda: self.calls(case, "/cancel/"))
            # There is nothing to cancel before the provider has given the work an id.
            known = ended_at(self.calls(case, "/run")[0])
            return cancel["received_us"] / 1e3 - max(left * 1e3, known)
        return ended_at(until(lambda: [one for one in self.calls(case) if one["outcome"] == "hung_up"])[0]) - left * 1e3


@contextlib.contextmanager
def running_site(binaries, cases):
    with tempfile.TemporaryDirectory(prefix="cancel-") as name, Simulator(binaries) as simulator:
        folder = pathlib.Path(name)
        with Gateway(binaries, folder, configuration(folder, simulator.port, cases)) as gateway:
            yield Site(gateway, simulator)


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--samples", type=int, default=20, help="of each case")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    options = parser.parse_args()
    cases = [case for case in all_cases() if options.case in case.label]
    worst = 0
    print("| the client leaves | p50 ms | p95 ms | max ms |\n|---|--:|--:|--:|")
    with running_site(options.bin, cases) as site:
        for case in cases:
            times = sorted(site.sample(case) for _ in range(options.samples))
            worst = max(worst, percentile(times, 0.95))
            print(f"| {case.label} | {percentile(times, 0.5):.1f} | {percentile(times, 0.95):.1f} | {times[-1]:.1f} |")
    return 0 if worst < GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
