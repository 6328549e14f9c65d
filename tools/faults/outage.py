#!/usr/bin/env python3
"""A provider goes down under load while another one is well: who notices, and how often the dead one is called.

See README.md beside this file.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import signal
import sys
import tempfile
import time

from programs import KEY, Gateway, Simulator

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUEST_LIMIT_SECONDS = 60
REFUSE = "refuse"

CONFIG = """
server: {{ listen: "127.0.0.1:0", threads: 1 }}
data_dir: {folder}/data
log: {{ format: json }}
auth: {{ keys: [ {{ name: outage, key: {key}, scopes: [admin], tier: unlimited }} ] }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
queue: {{ max_concurrent: 1000, max_waiting: 1000 }}
providers:
  primary: {{ protocol: openai, base_url: "http://127.0.0.1:{primary}/v1", api_keys: [primary-key] }}
  secondary: {{ protocol: openai, base_url: "http://127.0.0.1:{secondary}/v1", api_keys: [secondary-key] }}
models:
  chat:
    targets: [ {{ provider: primary, model: "sim-p:tokens=8" }}, {{ provider: secondary, model: "sim-s:tokens=8" }} ]
    timeouts: {{ first_byte: 2s, first_token: 2s, idle: 2s }}
"""


async def exchange(connection, method, path, body=b"", fields=""):
    """(status, {header: value}, body) over an open (reader, writer)."""
    reader, writer = connection
    head = f"{method} {path} HTTP/1.1\r\nHost: outage\r\nContent-Length: {len(body)}\r\n{fields}\r\n"
    writer.write(head.encode() + body)
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return int(lines[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


class Load:
    """So many requests a second, whether the ones before are answered or not."""

    BODY = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Hello."}]}).encode()
    FIELDS = f"X-API-Key: {KEY}\r\nContent-Type: application/json\r\n"

    def __init__(self, port, rate):
        self.port, self.rate = port, rate
        self.idle, self.samples, self.stopped = [], [], False  # samples: (begin, seconds, status, provider)

    async def one(self):
        begin = time.monotonic()
        status, provider = 0, ""
        try:
            async with asyncio.timeout(REQUEST_LIMIT_SECONDS):
                connection = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
                status, headers, _ = await exchange(connection, "POST", "/v1/chat/completions", self.BODY, self.FIELDS)
                provider = headers.get("x-headgate-provider", "")
                self.idle.append(connection)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass
        self.samples.append((begin, time.monotonic() - begin, status, provider))

    async def run(self):
        begin, sent = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while not self.stopped:
                due = int((time.monotonic() - begin) * self.rate)
                for _ in range(due - sent):
                    group.create_task(self.one())
                sent = max(sent, due)
                await asyncio.sleep(0.5 / self.rate)
        for _, writer in self.idle:
            writer.close()


class Outage:
    """Takes the primary down and brings it back, by its control or by its death."""

    def __init__(self, binaries, primary, how):
        self.binaries, self.primary, self.how = binaries, primary, how

    async def begin(self):
        if self.how == REFUSE:
            self.primary.stop(signal.SIGKILL)
        else:
            await asyncio.to_thread(self.primary.admin, "DELETE", "/sim/log")
            await asyncio.to_thread(self.primary.admin, "POST", "/sim/down", {"parameters": self.how})

    async def end(self):
        if self.how == REFUSE:
            self.primary = await asyncio.to_thread(Simulator, self.binaries, self.primary.port)
        else:
            await asyncio.to_thread(self.primary.admin, "POST", "/sim/up")

    async def calls(self):
        """Requests that reached the primary while it was down; None if nobody counted them."""
        if self.how == REFUSE:
            return None
        seen = await asyncio.to_thread(self.primary.requests)
        return sum(record["path"].endswith("/chat/completions") for record in seen)


async def failed_calls(port):
    """Calls of the primary that failed, as the gateway counts them."""
    connection = await asyncio.open_connection("127.0.0.1", port)
    try:
        _, _, page = await exchange(connection, "GET", "/admin/targets", b"", f"X-API-Key: {KEY}\r\n")
    finally:
        connection[1].close()
    [target] = [one for one in json.loads(page)["data"] if one["provider"] == "primary"]
    return target["total_calls"] - target["total_succeeded"]


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] if times else 0


async def measure(options, primary, gateway):
    load, outage = Load(gateway.port, options.rate), Outage(options.bin, primary, options.down)
    running = asyncio.create_task(load.run())
    try:
        await asyncio.sleep(options.before)
        failed = await failed_calls(gateway.port)
        down = time.monotonic()
        await outage.begin()
        await asyncio.sleep(options.seconds)
        calls = await outage.calls()
        calls = await failed_calls(gateway.port) - failed if calls is None else calls
        await outage.end()
        up = time.monotonic()
        back = None
        while back is None and time.monotonic() - up < options.patience:
            await asyncio.sleep(0.05)
            back = next((begin - up for begin, _, _, provider in load.samples
                         if begin > up and provider == "primary"), None)
        await asyncio.sleep(options.after)
    finally:
        load.stopped = True
        await running
        outage.primary.stop()
    parts = {"before": [s for s in load.samples if s[0] < down], "during": [s for s in load.samples if down <= s[0] < up],
             "after": [s for s in load.samples if s[0] >= up]}
    settled = [s for s in parts["after"] if back is not None and s[0] >= up + back + 1]
    return {
        "down": options.down,
        "requests": len(load.samples),
        "during": len(parts["during"]),
        "errors": sum(status != 200 for _, _, status, _ in load.samples),
        "primary_attempts": calls,
        "primary_share": calls / max(1, len(parts["during"])),
        "back_after_s": back,
        "settled_on_primary": all(provider == "primary" for _, _, _, provider in settled) and bool(settled),
        "latency_ms": {name: {"p50": percentile([s[1] * 1e3 for s in part], 0.5),
                              "p99": percentile([s[1] * 1e3 for s in part], 0.99),
                              "max": percentile([s[1] * 1e3 for s in part], 1)} for name, part in parts.items()},
    }


def run(options):
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outage-")))
        primary = Simulator(options.bin)
        secondary = stack.enter_context(Simulator(options.bin))
        config = CONFIG.format(folder=folder, key=KEY, primary=primary.port, secondary=secondary.port)
        gateway = stack.enter_context(Gateway(options.bin, folder, config))
        return asyncio.run(measure(options, primary, gateway))


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--seconds", type=float, default=60, help="how long the provider is down")
    parser.add_argument("--rate", type=int, default=200, help="requests a second")
    parser.add_argument("--before", type=float, default=3, help="seconds of load before the outage")
    parser.add_argument("--after", type=float, default=5, help="seconds of load once the provider is used again")
    parser.add_argument("--patience", type=float, default=30, help="longest wait for that")
    parser.add_argument("--down", default="status=503",
                        help=f"how: parameters of headgate-sim, or '{REFUSE}': its process is killed")
    return parser.parse_args(arguments)


def main():
    options = parse_arguments()
    figures = run(options)
    print(json.dumps(figures))
    good = (figures["errors"] == 0 and figures["primary_share"] < 0.02 and figures["back_after_s"] is not None
            and figures["back_after_s"] < 5 and figures["settled_on_primary"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
