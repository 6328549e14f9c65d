"""How the gateway stops, and what it knows right after a start."""
import json
import signal
import threading
import time

from conftest import Gateway
from job_client import LIMIT_SECONDS, WebSocket, chat, job_site, sim, until

WATCHED_LINE = ["server.shutdown_grace=25s", "queue.retry={initial: 60s, max: 60s, jitter: none}"]


def waiting_job(site):
    """A job that waits a minute for its next attempt, so that nothing of it runs."""
    job_id = site.submit(chat(sim("status=500")))
    until(lambda: site.job(job_id)["attempts"] and site.job(job_id)["status"] == "queued")
    return job_id


def test_those_who_watch_a_job_do_not_hold_the_gateway(tmp_path):
    with job_site(tmp_path, WATCHED_LINE) as site:
        job_id = waiting_job(site)
        polled, streamed = [], []

        def poll():
            polled.append(site.call(f"/v1/jobs/{job_id}?wait=120"))

        def prefer():
            polled.append(site.call("/v1/chat/completions", chat(sim("status=500")),
                                    {"Prefer": "respond-async, wait=120"}))

        def stream():
            streamed.extend(site.events(job_id))  # fails unless it ends in due form
            streamed.append("ended")
        threads = [threading.Thread(target=one) for one in (poll, prefer, stream)]
        for thread in threads:
            thread.start()
        socket = WebSocket(site.gateway.port, f"/ws/inference/{job_id}")
        frames = socket.messages()
        assert next(frames)["type"] == "status"
        until(lambda: site.call("/v1/jobs?status=queued")[2]["data"][0]["id"] != job_id
              and site.call("/v1/jobs?status=queued")[2]["data"][0]["attempts"])
        begun = time.monotonic()
        site.gateway.process.send_signal(signal.SIGTERM)
        list(frames)
        assert socket.close_code == 1001
        socket.close()
        for thread in threads:
            thread.join(LIMIT_SECONDS)
        assert site.gateway.process.wait(LIMIT_SECONDS) == 0
        assert time.monotonic() - begun < 20, "well within the grace of 25 seconds"
        assert sorted(status for status, _, _ in polled) == [200, 202]
        assert {answer["status"] for _, _, answer in polled} <= {"queued", "running"}, "the jobs as they are"
        assert streamed[-1] == "ended" and len(streamed) >= 2


def test_a_backlog_stays_on_disk_when_the_gateway_stops(tmp_path):
    line = ["models.line.targets=[{provider: local, model: \"sim-backlog:silence:times=1\"}]",
            "models.line.queue={max_concurrent: 1}"]
    with job_site(tmp_path, line) as site:
        running = site.submit(chat("line"))
        site.called("sim-backlog:silence:times=1")
        jobs = [site.submit(chat("line")) for _ in range(30)]
        assert site.gateway.stop() == 0
        site.start()
        assert {site.ended(job)["status"] for job in [running, *jobs]} == {"succeeded"}
        attempts = [len(site.job(job)["attempts"]) for job in jobs]
        assert attempts == [1] * 30, "none was begun by the gateway that stopped"


def test_health_is_right_from_the_first_answer(tmp_path):
    config = f'server: {{ listen: "127.0.0.1:0" }}\ndata_dir: {tmp_path}/data\nlog: {{ format: json }}\n'
    gateway = Gateway(tmp_path, "", config=config)
    try:
        status, _, body = gateway.call("/health", key=None)
        report = json.loads(body)
        assert status == 200 and report["status"] == "healthy", report
        assert report["endpoints"]["embedded"]["status"] in ("idle", "healthy")
    finally:
        gateway.stop()


def totals(site, model):
    return {name: value for name, value in site.call(f"/admin/queue/{model}")[2].items() if name.startswith("total_")}


def test_totals_count_callers_and_jobs_and_survive_restarts(tmp_path):
    line = [f"models.{name}.targets=[{{provider: local, model: \"{upstream}\"}}]"
            for name, upstream in (("good", "sim-good"), ("bad", "sim-bad:status=400"))]
    with job_site(tmp_path, line) as site:
        for _ in range(3):
            assert site.call("/v1/chat/completions", chat("good"))[0] == 200
        assert site.call("/v1/chat/completions", chat("bad"))[0] == 400
        assert site.ended(site.submit(chat("good")))["status"] == "succeeded"
        assert site.call("/v1/chat/completions", {"model": "good"})[0] == 400
        assert site.gateway.stop() == 0, "which writes them down"
        site.start()
        good = {"total_processed": 4, "total_failed": 0, "total_timeout": 0, "total_cancelled": 0}
        assert totals(site, "good") == good
        assert totals(site, "bad") == {**good, "total_processed": 0, "total_failed": 1}
        assert site.call("/v1/chat/completions", chat("good"))[0] == 200
        until(lambda: totals(site, "good")["total_processed"] == 5)
        site.crash()
        assert totals(site, "good")["total_processed"] == 5, "what was shown is on disk"
