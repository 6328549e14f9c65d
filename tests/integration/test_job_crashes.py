"""Jobs over crashes and stops of the gateway: none is lost, none runs more often than it may."""
import json
import time

from job_client import chat, job_site, one_at_a_time, sim


def test_a_crash_straight_after_the_202_loses_nothing(tmp_path):
    with job_site(tmp_path) as site:
        ended = site.submit(chat(sim("echo"), "an earlier one"))
        before = site.ended(ended)
        jobs = {site.submit(chat(sim("echo"), f"marker {number}")): number for number in range(20)}
        site.crash()
        for job_id, number in jobs.items():
            job = site.ended(job_id)
            assert job["status"] == "succeeded" and f"marker {number}\\\"" in json.dumps(job["result"]), job
        assert site.job(ended) == before, "what had ended is as it was"


def test_unfinished_jobs_run_again_at_once(tmp_path):
    upstream = sim("silence:times=1")
    with job_site(tmp_path, one_at_a_time("line", upstream)) as site:
        jobs = [site.submit(chat("line")) for _ in range(5)]
        site.called(upstream)
        site.crash()
        begin = time.monotonic()
        ended = [site.ended(job) for job in jobs]
        assert time.monotonic() - begin < 5, "no visibility time-out"
        assert [job["status"] for job in ended] == ["succeeded"] * 5
        assert [one["outcome"] for one in ended[0]["attempts"]] == ["crashed", "succeeded"]
        assert all(len(job["attempts"]) == 1 for job in ended[1:])
        assert len(site.calls(upstream)) == 6


def test_a_job_that_took_the_gateway_down_too_often_has_failed(tmp_path):
    upstream = sim("silence")
    with job_site(tmp_path, ["queue.max_attempts=2"]) as site:
        job_id = site.submit(chat(upstream))
        site.called(upstream, 1)
        site.crash()
        site.called(upstream, 2)
        site.crash()
        job = site.ended(job_id)
        assert job["status"] == "failed" and [one["outcome"] for one in job["attempts"]] == ["crashed", "crashed"]
        assert job["error"]["message"] and len(site.calls(upstream)) == 2


def test_a_cancelled_job_stays_cancelled_over_a_crash(tmp_path):
    upstream = sim("silence")
    with job_site(tmp_path) as site:
        job_id = site.submit(chat(upstream))
        site.called(upstream)
        assert site.call(f"/v1/jobs/{job_id}", method="DELETE")[2]["status"] == "cancelled"
        site.crash()
        assert site.ended(site.submit(chat(sim())))["status"] == "succeeded"
        assert site.job(job_id)["status"] == "cancelled" and len(site.calls(upstream)) == 1


def test_a_gateway_that_is_stopped_leaves_its_queued_jobs_to_the_next(tmp_path):
    upstream = sim("silence:times=1")
    with job_site(tmp_path, one_at_a_time("line", upstream)) as site:
        jobs = [site.submit(chat("line")) for _ in range(3)]
        site.called(upstream)
        assert site.gateway.stop() == 0
        site.start()
        assert all(site.ended(job)["status"] == "succeeded" for job in jobs)
