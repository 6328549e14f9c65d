"""A disk whose fsync takes its time, or never returns: what goes on, what waits, and how the gateway ends."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import Gateway
from job_client import ASYNC, CONFIG, ALICE, BOB, KEY, LIMIT_SECONDS, Site, chat, content, sim, until
from processes import start_simulator

SOURCE = pathlib.Path(__file__).with_name("slow_disk.c")
CHAT = "/v1/chat/completions"


class SlowSite(Site):
    """A gateway whose disk hangs while the file `hangs` exists."""

    def __init__(self, folder, simulator):
        super().__init__(folder, simulator)
        self.library, self.hangs = folder / "slow_disk.so", folder / "hangs"
        subprocess.run([os.environ.get("CC", "clang-19"), "-shared", "-fPIC", "-o", self.library, SOURCE],
                       check=True)

    def start(self):
        upstream = f"http://127.0.0.1:{self.simulator.port}"
        config = CONFIG.format(folder=self.folder, upstream=upstream, admin=KEY, alice=ALICE, bob=BOB,
                               scopes="inference:text, jobs:read, jobs:write")
        preload = {"LD_PRELOAD": str(self.library), "HEADGATE_TEST_DISK_HANGS": str(self.hangs)}
        self.gateway = Gateway(self.folder, upstream, config=config, environment=preload)

    def stop(self):
        self.hangs.unlink(missing_ok=True)
        return super().stop()


@pytest.fixture
def site(tmp_path):
    with start_simulator("--log-size", 1000) as simulator:
        made = SlowSite(tmp_path, simulator)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def submit_in_background(site, model):
    """A thread that submits a job, and where its answers go."""
    answers = []

    def submit():
        with contextlib.suppress(OSError):  # the gateway may end before it has answered
            answers.append(site.call(CHAT, chat(model), ASYNC))
    thread = threading.Thread(target=submit)
    thread.start()
    return thread, answers


def test_a_slow_fsync_holds_only_what_must_be_on_disk(site):
    site.ended(site.submit(chat(sim("echo"))))
    site.hangs.touch()
    thread, answers = submit_in_background(site, sim("echo"))
    begun = time.monotonic()
    while time.monotonic() - begun < 2:
        assert site.call("/live", key=None)[0] == 200
        assert site.call(CHAT, chat(sim("echo")))[0] == 200, "a caller needs no disk"
        assert site.call("/v1/jobs")[0] == 200, "readers do not wait"
        assert not answers, "a 202 before its fsync"
    site.hangs.unlink()
    thread.join(LIMIT_SECONDS)
    status, _, answer = answers[0]
    assert status == 202
    assert content(site.ended(answer["id"])["result"])


def test_health_answers_while_the_disk_hangs_and_is_well_after(site):
    site.hangs.touch()
    thread, answers = submit_in_background(site, sim("echo"))
    report = until(lambda: (lambda one: one if one["checks"]["store"] == "unhealthy" else None)(
        site.call("/health", key=None)[2]))
    assert report["status"] == "unhealthy"
    assert not answers
    site.hangs.unlink()
    until(lambda: site.call("/health", key=None)[2]["status"] == "healthy")
    thread.join(LIMIT_SECONDS)
    assert answers[0][0] == 202


def hang(site):
    """The disk hangs, and a thread holds the database while it waits for it."""
    site.hangs.touch()
    thread, _ = submit_in_background(site, sim("echo"))
    until(lambda: site.call("/health", key=None)[2]["checks"]["store"] == "unhealthy")
    return thread


def in_flight(site):
    status, _, text = site.gateway.call("/metrics")
    assert status == 200
    return float(re.search(r"^headgate_requests_in_flight (.*)$", text.decode(), re.M)[1])


def test_metrics_answer_while_the_disk_hangs(site):
    thread = hang(site)
    waiting = [threading.Thread(target=site.call, args=("/admin/keys",), daemon=True) for _ in range(4)]
    for one in waiting:
        one.start()
    # The submission, those who ask for the keys, and this one: more than there are threads for the store.
    until(lambda: in_flight(site) >= 6)
    assert in_flight(site) >= 6
    site.hangs.unlink()
    for one in [thread, *waiting]:
        one.join(LIMIT_SECONDS)
        assert not one.is_alive()


def test_a_reload_that_the_disk_holds_up_does_not_hold_up_the_stop(site):
    hang(site)
    # Of two signals that wait, the one with the lower number is taken first: this is no race.
    site.gateway.process.send_signal(signal.SIGHUP)
    site.gateway.process.send_signal(signal.SIGTERM)
    assert site.gateway.process.wait(60) == 0
    assert '"stopped"' in site.gateway.log()


def test_a_stop_does_not_wait_for_a_disk_that_never_answers(site):
    job_id = site.submit(chat(sim("echo")))
    site.ended(job_id)
    slow = sim("latency=1s")
    unfinished = site.submit(chat(slow))
    site.called(slow)
    site.hangs.touch()
    until(lambda: site.simulator.stats()["in_flight"] == 0)  # its end now waits for the disk
    site.gateway.process.send_signal(signal.SIGTERM)
    assert site.gateway.process.wait(60) == 0, "it ends itself, though threads of it never return"
    log = site.gateway.log()
    assert "jobs did not end after they were broken off" in log and '"stopped"' in log
    site.stop()
    site.start()
    assert site.job(job_id)["status"] == "succeeded"
    assert content(site.ended(unfinished)["result"]), "taken up by the next start"
