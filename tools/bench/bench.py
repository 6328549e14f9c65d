#!/usr/bin/env python3
"""Measures the gateway against nginx as a plain proxy, in the same run on the same simulator.

See README.md beside this file for what the figures mean.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import load
import proxies

ROOT = pathlib.Path(__file__).resolve().parents[2]
WARM_UP_SECONDS = 1
PAUSE_SECONDS = 0.05  # lets the sockets of the case before close


@dataclass(frozen=True)
class Case:
    name: str
    body: str  # which script of make_scripts()
    connections: int
    stream: bool = False


CASES = [
    Case("400 B", "small", 1),
    Case("400 B", "small", 16),
    Case("400 B", "small", 128),
    Case("16 KiB", "medium", 16),
    Case("16 KiB", "medium", 128),
    Case("4 MiB", "large", 1),
    Case("4 MiB", "large", 16),
    Case("stream at once", "stream", 16, stream=True),
    Case("stream at once", "stream", 128, stream=True),
    Case("stream 1000/s", "paced", 128, stream=True),
]

# What a sample holds: key, heading, format.
FIGURES = [
    ("per_second", "requests/s", "{:,.0f}"),
    ("p50_us", "p50 µs", "{:,.0f}"),
    ("p99_us", "p99 µs", "{:,.0f}"),
    ("cpu_us", "CPU µs", "{:,.1f}"),
]


def make_scripts(folder):
    bodies = {
        "small": load.text_body(400),
        "medium": load.text_body(16 << 10),
        "large": load.image_body(4 << 20),
        "stream": load.stream_body("sim"),
        "paced": load.stream_body(proxies.PACED_MODEL),
    }
    return {name: load.write_script(folder, name, body) for name, body in bodies.items()}


def measure(case, target, scripts, seconds, core):
    port = target.stream_port if case.stream else target.port
    cpu = target.cpu_seconds()
    result = load.run_wrk(scripts[case.body], port, case.connections, seconds, core)
    cpu = target.cpu_seconds() - cpu
    return {"per_second": result["requests"] / result["seconds"], "p50_us": result["p50_us"],
            "p99_us": result["p99_us"], "cpu_us": cpu * 1e6 / result["requests"]}


def measure_first_token(target, seconds):
    times = sorted(load.first_tokens(target.stream_port, seconds))
    return {"p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}


def run_rounds(targets, cases, scripts, options):
    """samples[case label][target name] = one dict for each round."""
    samples = {}

    def note(label, target, sample):
        samples.setdefault(label, {}).setdefault(target.name, []).append(sample)

    for target in targets:  # grows pools and caches to their working size
        for case in (cases[0], cases[-1]):
            measure(case, target, scripts, WARM_UP_SECONDS, options.load_core)
    for number in range(options.rounds):
        order = targets if number % 2 == 0 else targets[::-1]
        for case in cases:
            for target in order:
                sample = measure(case, target, scripts, options.seconds, options.load_core)
                note(f"{case.name}, {case.connections} conn.", target, sample)
                time.sleep(PAUSE_SECONDS)
        for target in order:
            note("first token, 1 conn.", target, measure_first_token(target, options.seconds / 2))
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    return samples


def medians(samples):
    return {key: statistics.median(s[key] for s in samples) for key in samples[0]}


def summarize(samples):
    """For each case the medians of each target, and the medians of the rounds' ratios."""
    summary = {}
    for label, by_target in samples.items():
        row = {name: medians(rounds) for name, rounds in by_target.items()}
        if "gateway" in by_target and "nginx" in by_target:
            pairs = list(zip(by_target["gateway"], by_target["nginx"]))
            row["ratio"] = {
                key: statistics.median(g[key] / n[key] for g, n in pairs if n[key] > 0)
                for key in pairs[0][0] if any(n[key] > 0 for _, n in pairs)}
        summary[label] = row
    return summary


def print_table(summary, names):
    print("\n| case | " + " | ".join(f"{heading}: {', '.join(names)}"
                                     + (", ratio" if len(names) > 1 else "")
                                     for _, heading, _ in FIGURES) + " |")
    print("|---|" + "--:|" * len(FIGURES))
    for label, row in summary.items():
        cells = []
        for key, _, form in FIGURES:
            parts = [form.format(row[name][key]) for name in names if key in row[name]]
            if key in row.get("ratio", {}):
                parts.append(f"**{row['ratio'][key]:.2f}**")
            cells.append(" / ".join(parts) or "–")
        print(f"| {label} | " + " | ".join(cells) + " |")
    if len(names) > 1:
        print("\nRatios are gateway / nginx, medians over the rounds: requests/s above 1 and the "
              "rest below 1 favour the gateway.")


def environment():
    def run(*command):
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    models = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
              if line.startswith("model name")]
    return {"cpu": models[0] if models else "", "cores": os.cpu_count(),
            "kernel": platform.release(), "commit": run("git", "rev-parse", "HEAD"),
            "load_before": os.getloadavg()[0]}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    binaries = ROOT / "build" / "release" / "bin"
    cores = sorted(os.sched_getaffinity(0))
    spread = len(cores) > 1
    parser.add_argument("--only", choices=["gateway", "nginx", "direct"],
                        help="measure one thing; direct: the simulator itself, no proxy")
    parser.add_argument("--quick", action="store_true", help="three rounds of one second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="write samples, medians and machine to FILE")
    parser.add_argument("--gateway", type=pathlib.Path, default=binaries / "headgate")
    parser.add_argument("--simulator", type=pathlib.Path, default=binaries / "headgate-sim")
    parser.add_argument("--nginx", default=shutil.which("nginx") or "/usr/sbin/nginx")
    parser.add_argument("--proxy-core", type=int, default=cores[0] if spread else None)
    parser.add_argument("--load-core", type=int, default=cores[1] if spread else None)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 1
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    if not spread:
        print("only one core: proxy and load share it, the figures mean little", file=sys.stderr)
    return options


def main():
    options = parse_arguments()
    cases = [case for case in CASES if options.case in case.name]
    if not cases:
        print(f"no case is named like '{options.case}'", file=sys.stderr)
        return 2
    names = [options.only] if options.only else ["nginx", "gateway"]
    machine = environment()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        scripts = make_scripts(folder)
        sim_core = options.proxy_core if options.only == "direct" else options.load_core
        sim = stack.enter_context(proxies.simulator(options.simulator, sim_core))
        targets = [sim] if options.only == "direct" else []
        if "nginx" in names:
            targets.append(stack.enter_context(proxies.nginx(
                options.nginx, options.proxy_core, sim.port, folder / "nginx")))
        if "gateway" in names:
            targets.append(stack.enter_context(proxies.gateway(
                options.gateway, options.proxy_core, sim.port, folder / "gateway")))
        samples = run_rounds(targets, cases, scripts, options)
    summary = summarize(samples)
    print_table(summary, names)
    if options.json:
        report = {"machine": machine, "rounds": options.rounds, "seconds": options.seconds,
                  "summary": summary, "samples": samples}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"bench: {error}")
