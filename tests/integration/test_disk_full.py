"""The disk under the data folder is full, then has space again. Nothing acknowledged is lost."""
import contextlib
import os
import subprocess

import pytest

from job_client import ASYNC, chat, content, job_site, sim, until

DISK_BYTES = 16 << 20
SPACE_BYTES = 2 << 20  # what a test leaves itself


@contextlib.contextmanager
def small_disk(folder):
    """A file system of 16 MiB at `folder`; needs the right to mount one, as CI and containers have."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "headgate-test", folder],
                          capture_output=True, text=True)
    assert done.returncode == 0, f"this test mounts a small tmpfs and needs root: {done.stderr}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder, leave=0):
    """Takes the disk but for `leave` bytes."""
    disk = os.statvfs(folder)
    with open(folder / "ballast", "ab", buffering=0) as file:
        with contextlib.suppress(OSError):
            for _ in range(disk.f_bavail - leave // disk.f_bsize + (100 if leave == 0 else 0)):
                file.write(bytes(disk.f_bsize))


@pytest.fixture
def site(tmp_path):
    with small_disk(tmp_path / "data"):
        with job_site(tmp_path) as running:
            yield running


def submit_until_refused(site, model, text):
    """Ids of accepted jobs, and the answer that was no 202."""
    accepted = []
    for _ in range(1000):
        status, headers, answer = site.call("/v1/chat/completions", chat(model, text), ASYNC)
        if status != 202:
            return accepted, (status, headers, answer)
        accepted.append(answer["id"])
    raise AssertionError("the disk is never full")


def store_check(site):
    _, _, health = site.call("/health", key=None)
    return health["checks"]["store"]


def test_jobs_fill_the_disk_and_none_that_was_accepted_is_lost(site):
    data = site.folder / "data"
    model = sim("echo")
    fill(data, leave=SPACE_BYTES)
    accepted, (status, headers, answer) = submit_until_refused(site, model, "x" * 20_000)
    assert len(accepted) > 5
    assert status == 503 and answer["error"]["code"] == "store_unavailable", answer
    assert int(headers["retry-after"]) >= 1
    assert str(data) not in str(answer)
    assert site.gateway.process.poll() is None

    (data / "ballast").unlink()
    for job_id in accepted:
        job = site.ended(job_id)
        assert job["status"] == "succeeded" and content(job["result"]), job
    assert len(site.calls(model)) >= len(accepted)
    later = site.submit(chat(model, "space again"))
    assert site.ended(later)["status"] == "succeeded", "without a restart"


def test_a_running_job_ends_when_there_is_space_again(site):
    data = site.folder / "data"
    slow = sim("latency=2s")
    job_id = site.submit(chat(slow))
    site.called(slow)
    fill(data)
    status, _, answer = site.call("/v1/chat/completions", chat(sim("echo"), "x" * 20_000), ASYNC)
    assert status == 503 and answer["error"]["code"] == "store_unavailable", answer
    until(lambda: store_check(site) != "healthy")
    assert site.job(job_id)["status"] == "running", "readers are not in the way of a full disk"
    until(lambda: site.simulator.stats()["in_flight"] == 0)

    (data / "ballast").unlink()
    job = site.ended(job_id)
    assert job["status"] == "succeeded" and content(job["result"])
    assert site.ended(site.submit(chat(sim("echo"))))["status"] == "succeeded"
    until(lambda: store_check(site) == "healthy")


def test_a_crash_on_a_full_disk_loses_nothing(site):
    data = site.folder / "data"
    model = sim("latency=300ms")
    fill(data, leave=SPACE_BYTES)
    accepted, _ = submit_until_refused(site, model, "x" * 20_000)
    site.kill()
    (data / "ballast").unlink()
    site.gateway.stop()
    site.start()
    for job_id in accepted:
        assert site.ended(job_id)["status"] == "succeeded"
    assert site.ended(site.submit(chat(model)))["status"] == "succeeded"
