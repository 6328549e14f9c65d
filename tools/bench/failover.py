#!/usr/bin/env python3
"""Measures what a second target costs while the first is well, and what a request takes when the first refuses
connections.

See README.md beside this file.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

import load
import proxies

ROOT = pathlib.Path(__file__).resolve().parents[2]
WARM_UP_SECONDS = 1
GOAL_US = 1000

MODELS = {
    "one target": "one",
    "two targets": "two",
    "first refuses, breaker off": "refused",  # every request meets the refusal
    "first refuses, breaker open": "broken",
}
PROVIDERS = """\
  second: {{ protocol: openai, base_url: "http://127.0.0.1:{upstream}/v1" }}
  dead: {{ protocol: openai, base_url: "http://127.0.0.1:{nobody}/v1" }}
"""
LINES = """\
  one:
    targets: [{ provider: sim, model: sim }]
    queue: { max_concurrent: 1024, max_waiting: 1024 }
  two:
    targets: [{ provider: sim, model: sim }, { provider: second, model: sim }]
    queue: { max_concurrent: 1024, max_waiting: 1024 }
  refused:
    targets: [{ provider: dead, model: sim }, { provider: second, model: sim }]
    breaker: { failures: 0 }
    queue: { max_concurrent: 1024, max_waiting: 1024 }
  broken:
    targets: [{ provider: dead, model: sim-b }, { provider: second, model: sim }]
    breaker: { failures: 5, open_for: 1h }
    queue: { max_concurrent: 1024, max_waiting: 1024 }
"""


def measure(script, target, connections, options, seconds):
    cpu = target.cpu_seconds()
    result = load.run_wrk(script, target.port, connections, seconds, options.load_core)
    cpu = target.cpu_seconds() - cpu
    return {"p50_us": result["p50_us"], "p99_us": result["p99_us"], "cpu_us": cpu * 1e6 / result["requests"]}


def run_rounds(target, scripts, options):
    """samples[(connections, case)] = one dict for each round."""
    samples = {}
    for script in scripts.values():
        measure(script, target, 16, options, WARM_UP_SECONDS)
    for number in range(options.rounds):
        order = list(scripts) if number % 2 == 0 else list(scripts)[::-1]
        for connections in (1, 16):
            for name in order:
                sample = measure(scripts[name], target, connections, options, options.seconds)
                samples.setdefault((connections, name), []).append(sample)
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    return samples


def summarize(samples):
    """The medians of each case, and of the rounds' own differences to one target."""
    rows = []
    for (connections, name), rounds in samples.items():
        base = samples[connections, "one target"]
        rows.append({"case": name, "connections": connections, **{
            key: statistics.median(sample[key] for sample in rounds) for key in rounds[0]}, **{
            "more_" + key: statistics.median(own[key] - one[key] for own, one in zip(rounds, base)) for key in rounds[0]}})
    return sorted(rows, key=lambda row: (row["connections"], list(MODELS).index(row["case"])))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    binaries = ROOT / "build" / "release" / "bin"
    cores = sorted(os.sched_getaffinity(0))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write samples and medians to FILE")
    parser.add_argument("--gateway", type=pathlib.Path, default=binaries / "headgate")
    parser.add_argument("--simulator", type=pathlib.Path, default=binaries / "headgate-sim")
    parser.add_argument("--proxy-core", type=int, default=cores[0] if len(cores) > 1 else None)
    parser.add_argument("--load-core", type=int, default=cores[1] if len(cores) > 1 else None)
    return parser.parse_args()


def main():
    options = parse_arguments()
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="failover-")))
        nobody = stack.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))  # and never listens
        sim = stack.enter_context(proxies.simulator(options.simulator, options.load_core))
        target = stack.enter_context(proxies.gateway(
            options.gateway, options.proxy_core, sim.port, folder / "gateway",
            PROVIDERS.format(upstream=sim.port, nobody=nobody.getsockname()[1]), LINES))
        scripts = {name: load.write_script(folder, model, load.text_body(400, model=model))
                   for name, model in MODELS.items()}
        samples = run_rounds(target, scripts, options)
    rows = summarize(samples)
    print("\n| conn. | case | p50 µs | more | p99 µs | more | CPU µs | more |\n|--:|---|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        figures = " | ".join(f"{row[key]:,.0f} | {row['more_' + key]:+,.0f}" for key in ("p50_us", "p99_us", "cpu_us"))
        print(f"| {row['connections']} | {row['case']} | {figures} |")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "samples": {
            f"{connections} {name}": rounds for (connections, name), rounds in samples.items()}}, indent=1) + "\n")
    healthy = [row for row in rows if row["case"] == "two targets"]
    return 0 if all(row["more_p50_us"] < GOAL_US for row in healthy) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"failover: {error}")
