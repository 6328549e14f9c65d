"""The line in front of a model: who waits, who is turned away, whose turn it is."""
import json
import re
import socket
import threading

from conftest import KEY
from job_client import ALICE, ASYNC, BOB, chat, job_site, one_at_a_time, sim, until


def test_a_caller_beyond_the_line_is_turned_away_and_told_when_to_come_back(tmp_path):
    upstream = sim("silence:times=1")
    with job_site(tmp_path, one_at_a_time("line", upstream, max_waiting=1)) as site:
        answers = []

        def ask():
            answers.append(site.call("/v1/chat/completions", chat("line"))[0])
        blocker = socket.create_connection(("127.0.0.1", site.gateway.port))
        body = json.dumps(chat("line")).encode()
        blocker.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
                        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        site.called(upstream)
        second = threading.Thread(target=ask)
        second.start()
        until(lambda: site.call("/admin/queue/line")[2]["waiting"] == 1)
        status, headers, answer = site.call("/v1/chat/completions", chat("line"))
        assert status == 503 and int(headers["retry-after"]) >= 1
        assert answer["error"]["type"] == "overloaded_error" and answer["error"]["code"] == "queue_full"
        assert answer["error"]["message"] == "Queue is full, please try again later"
        blocker.close()
        second.join(20)
        assert answers == [200], "the slot of a caller that left is the next one's"


def test_jobs_wait_on_disk_up_to_the_backlog(tmp_path):
    upstream = sim("silence")
    with job_site(tmp_path, one_at_a_time("line", upstream, max_waiting=1, max_backlog=4)) as site:
        running = site.submit(chat("line"))
        site.called(upstream)
        waiting = [site.submit(chat("line")) for _ in range(4)]
        status, headers, answer = site.call("/v1/chat/completions", chat("line"), ASYNC)
        assert status == 503 and int(headers["retry-after"]) >= 1
        assert answer["error"]["code"] == "queue_full"
        site.call(f"/v1/jobs/{waiting[0]}", method="DELETE")
        site.submit(chat("line"))  # there is room for one again
        assert site.job(running)["status"] == "running"


def test_callers_and_jobs_share_the_slots_of_a_model(tmp_path):
    upstream = sim("latency=40ms")
    with job_site(tmp_path, one_at_a_time("line", upstream, max_concurrent=2, max_waiting=20)) as site:
        jobs = [site.submit(chat("line")) for _ in range(6)]
        statuses = []
        callers = [threading.Thread(target=lambda: statuses.append(site.call("/v1/chat/completions", chat("line"))[0]))
                   for _ in range(6)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(20)
        assert statuses == [200] * 6
        assert all(site.ended(job)["status"] == "succeeded" for job in jobs)
        calls = site.calls(upstream)
        assert len(calls) == 12
        # Both ends are rounded inwards by the millisecond of the log.
        spans = [(one["received_ms"] + 1, one["received_ms"] + one["took_us"] / 1000) for one in calls]
        assert max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) <= 2


def test_the_line_goes_by_priority(tmp_path):
    upstream = sim("silence:times=1")
    with job_site(tmp_path, one_at_a_time("line", upstream)) as site:
        blocker = site.submit(chat("line"))
        site.called(upstream)
        jobs = [site.submit(chat("line", f"turn {name}"), X_Priority=name) for name in ("low", "normal", "high")]
        site.call(f"/v1/jobs/{blocker}", method="DELETE")
        for job in jobs:
            assert site.ended(job)["status"] == "succeeded"
        order = [re.search(r"turn (\w+)", one["body_start"]) for one in site.calls(upstream)]
        assert [one[1] for one in order if one] == ["high", "normal", "low"]


def test_one_clients_crowd_does_not_hold_up_another(tmp_path):
    upstream = sim("silence:times=1")
    with job_site(tmp_path, one_at_a_time("line", upstream)) as site:
        blocker = site.submit(chat("line"))
        site.called(upstream)
        crowd = [site.submit(chat("line", "turn crowd"), key=ALICE) for _ in range(20)]
        single = site.submit(chat("line", "turn single"), key=BOB)
        site.call(f"/v1/jobs/{blocker}", method="DELETE")
        for job in [*crowd, single]:
            assert site.ended(job)["status"] == "succeeded"
        order = [one["body_start"] for one in site.calls(upstream)][1:]
        assert [("single" in text) for text in order].index(True) <= 2


def metric(site, name):
    """The values of all samples whose name and labels begin so."""
    return [float(line.rsplit(" ", 1)[1]) for line in site.gateway.call("/metrics")[2].decode().splitlines()
            if line.startswith(name)]


def test_the_queue_of_a_model_shows_the_jobs_between_two_attempts(tmp_path):
    delays = ["queue.retry={initial: 60s, max: 60s, jitter: none}"]
    with job_site(tmp_path, one_at_a_time("line", sim("status=500"), retry="{initial: 60s, max: 60s, jitter: none}")
                  + delays) as site:
        jobs = [site.submit(chat("line")) for _ in range(2)]
        until(lambda: site.call("/admin/queue/line")[2]["delayed_jobs"] == 2)
        queue = site.call("/admin/queue/line")[2]
        assert (queue["waiting"], queue["processing"]) == (0, 0)
        assert metric(site, 'headgate_queue_delayed_jobs{model="line"}') == [2]
        assert metric(site, "headgate_jobs_unwritten") == [0] == metric(site, "headgate_job_write_failures_total")
        assert site.call(f"/v1/jobs/{jobs[0]}", method="DELETE")[0] == 200
        assert site.call("/admin/queue/line")[2]["delayed_jobs"] == 1


def test_the_queue_of_a_model_shows_its_figures_and_they_survive_a_crash(tmp_path):
    upstream = sim("status=400:times=1")
    with job_site(tmp_path, one_at_a_time("line", upstream, max_waiting=3) +
                  one_at_a_time("stuck", "sim-stuck:silence", max_waiting=3)) as site:
        assert site.ended(site.submit(chat("line")))["status"] == "failed"
        assert site.ended(site.submit(chat("line")))["status"] == "succeeded"
        _, _, before = site.call("/admin/queue/line")
        assert set(before) >= {"model", "processing", "waiting", "max_concurrent", "max_waiting", "total_processed",
                               "total_failed", "total_timeout", "utilization"}
        assert (before["model"], before["max_concurrent"], before["max_waiting"]) == ("line", 1, 3)
        assert (before["processing"], before["waiting"], before["utilization"]) == (0, 0, 0)
        assert (before["total_failed"], before["total_timeout"]) == (1, 0) and before["total_processed"] in (1, 2)
        waits = before["classes"]["normal"]["waits"]
        assert waits["jobs"]["count"] == 2 and waits["callers"] == {"count": 0, "mean_seconds": 0, "p95_seconds": 0}
        assert 0 <= waits["jobs"]["mean_seconds"] < 20 and 0 <= waits["jobs"]["p95_seconds"] < 20
        metrics = site.gateway.call("/metrics")[2].decode()
        assert 'headgate_queue_wait_seconds_count{model="line",class="normal",what="job"} 2\n' in metrics
        for _ in range(3):
            site.submit(chat("stuck"))
        site.called("sim-stuck:silence")
        _, _, stuck = site.call("/admin/queue/stuck")
        assert (stuck["processing"], stuck["waiting"], stuck["utilization"]) == (1, 2, 1.0)
        site.crash()
        _, _, after = site.call("/admin/queue/line")
        assert {name: after[name] for name in after if name.startswith("total_")} == \
            {name: before[name] for name in before if name.startswith("total_")}
        assert site.call("/admin/queue/nothing")[0] == 404
        assert site.call("/admin/queue/line", key=ALICE)[0] == 403
