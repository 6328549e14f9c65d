#!/usr/bin/env python3
"""Kills the gateway with SIGKILL again and again under load, then asks whether every promise was kept.

A job that was answered with 202 must exist, end exactly once, and show a result of its own; nothing
may be doubled, and the model server may not be called more often than max_attempts for one job.
See README.md beside this file. Exit code: 0 kept, 1 broken.
"""

import argparse
import json
import pathlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time

from load import Load
from verdict import check_databases, check_everything, unfinished
from victim import ModelServer, Torn, Victim

ROOT = pathlib.Path(__file__).resolve().parents[2]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin", help="folder of the programs")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the load and of the moments")
    parser.add_argument("--seconds", type=float, default=900, help="the whole run takes no longer")
    parser.add_argument("--workers", type=int, default=8, help="threads that submit")
    parser.add_argument("--jobs-per-life", type=int, default=25, help="submissions of each thread between two kills")
    parser.add_argument("--max-attempts", type=int, default=4)
    parser.add_argument("--longest-life", type=float, default=0.8, help="seconds from ready to the kill, at most")
    parser.add_argument("--start-limit", type=float, default=2.0, help="seconds a start may take")
    parser.add_argument("--keep", type=pathlib.Path, help="where the data folder is copied if something is broken")
    return parser.parse_args()


def tell(text):
    print(text, file=sys.stderr, flush=True)


def kill_again_and_again(victim, dice, asked, end):
    """Kills at random moments of a life: most while it works, some while it starts and recovers."""
    starting = 0
    while len(victim.killed_at) < asked.kills:
        if time.monotonic() > end:
            raise TimeoutError(f"only {len(victim.killed_at)} of {asked.kills} kills in the time allowed")
        victim.spawn()
        if victim.killed_at and dice.random() < 0.15:
            usual = statistics.median(victim.start_seconds)
            time.sleep(dice.uniform(0, usual))
            victim.kill()
            starting += 1
            continue
        victim.wait_until_up()
        # Short lives are as likely as long ones: the first moments after recovery matter most.
        time.sleep(asked.longest_life * dice.random() ** 2)
        if victim.process.poll() is not None:
            raise RuntimeError(f"the gateway ended by itself ({victim.process.returncode}): {victim.log()[-4000:]}")
        victim.kill()
        if len(victim.killed_at) % 10 == 0:
            tell(f"{len(victim.killed_at)} kills")
    return starting


def let_all_finish(victim, end):
    while left := unfinished(victim):
        if time.monotonic() > end:
            raise TimeoutError(f"at least {left} jobs have not ended in the time allowed")
        if victim.process.poll() is not None:
            raise RuntimeError(f"the gateway ended by itself ({victim.process.returncode}): {victim.log()[-4000:]}")
        time.sleep(0.2)


def run(asked, folder, figures):
    """The violations."""
    end = time.monotonic() + asked.seconds
    dice = random.Random(f"{asked.seed}-moments")
    model_server = ModelServer(asked.bin)
    victim = Victim(asked.bin, folder, model_server.port, asked.max_attempts)
    load = Load(victim, asked.seed, asked.workers, asked.jobs_per_life)
    wrong = []
    try:
        load.start()
        figures["kills_while_starting"] = kill_again_and_again(victim, dice, asked, end)
        victim.spawn()
        victim.wait_until_up()
        load.stop()
        tell("the last life; waiting for every job to end")
        let_all_finish(victim, end)
        more, found = check_everything(load, victim, model_server.log(), asked.max_attempts)
        wrong += more
        figures |= found
        tell("once more after an orderly restart")
        if (code := victim.stop()) != 0:
            wrong.append(f"the gateway ended with {code} on SIGTERM")
        victim.spawn()
        victim.wait_until_up()
        again, _ = check_everything(load, victim, model_server.log(), asked.max_attempts)
        wrong += [one for one in again if one not in more]
        victim.kill()
        more, figures["databases"] = check_databases(victim.folder / "data", victim.folder / "copy")
        wrong += more
    except (TimeoutError, RuntimeError, Torn) as error:
        wrong.append(f"{type(error).__name__}: {error}")
    finally:
        load.stop()
        victim.stop()
        model_server.stop()
        slow = [seconds for seconds in victim.start_seconds if seconds > asked.start_limit]
        if slow:
            wrong.append(f"{len(slow)} starts took more than {asked.start_limit} s, the longest {max(slow):.2f} s")
        wrong += load.violations
        figures |= load.figures
        figures["kills"] = len(victim.killed_at)
        if victim.start_seconds:
            figures["start_ms_median"] = round(1000 * statistics.median(victim.start_seconds))
            figures["start_ms_max"] = round(1000 * max(victim.start_seconds))
    if wrong and asked.keep:
        shutil.copytree(folder, asked.keep, dirs_exist_ok=True)
        tell(f"the data folder is in {asked.keep}")
    return wrong


def main():
    asked = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started ends with it
    begin, figures = time.monotonic(), {"seed": asked.seed}
    with tempfile.TemporaryDirectory(prefix="headgate-crash-") as folder:
        wrong = run(asked, folder, figures)
    figures["violations"] = len(wrong)
    figures["seconds"] = round(time.monotonic() - begin, 1)
    for one in wrong[:100]:
        tell("BROKEN: " + one)
    if len(wrong) > 100:
        tell(f"… and {len(wrong) - 100} more")
    print(json.dumps(figures))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
