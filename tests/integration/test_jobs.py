"""Jobs: submitted, waited for, listed, retried, cancelled, and still there after a crash."""
import base64
import hashlib
import json
import re
import socket
import threading
import time
import uuid

import pytest

from conftest import KEY, ROOT
from job_client import ALICE, ASYNC, BOB, JSON, WebhookReceiver, chat, content, job_site, sim, until

SAMPLES = ROOT / "examples/documents"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with job_site(tmp_path_factory.mktemp("jobs")) as running:
        yield running


def one_at_a_time(name, upstream, **queue):
    """Options for a model with one slot."""
    limits = ", ".join(f"{key}: {value}" for key, value in {"max_concurrent": 1, **queue}.items())
    return [f"models.{name}.targets=[{{provider: local, model: \"{upstream}\"}}]", f"models.{name}.queue={{{limits}}}"]


def data_url(name):
    return "data:application/octet-stream;base64," + base64.b64encode((SAMPLES / name).read_bytes()).decode()


def form(name, **fields):
    boundary = uuid.uuid4().hex
    body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                    for key, value in fields.items())
    body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body += (SAMPLES / name).read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


# Submitting


def test_a_chat_that_asks_for_a_job_gets_202_and_later_the_answer(site):
    model = sim("echo")
    status, headers, answer = site.call("/v1/chat/completions", chat(model, "my own words"), ASYNC)
    assert status == 202
    assert answer["object"] == "job" and answer["status"] in ("queued", "running") and answer["model"] == model
    assert headers["location"] == f"/v1/jobs/{answer['id']}"
    assert int(headers["retry-after"]) >= 0
    job = site.ended(answer["id"])
    assert job["status"] == "succeeded", job
    assert "my own words" in content(job["result"])
    assert job["result"]["object"] == "chat.completion" and job["error"] is None


def test_embeddings_run_as_a_job(site):
    job = site.ended(site.submit({"model": sim(), "input": ["a", "b"], "dimensions": 7}, "/v1/embeddings"))
    assert job["status"] == "succeeded"
    assert [len(one["embedding"]) for one in job["result"]["data"]] == [7, 7]


def test_a_completion_runs_as_a_job(site):
    job = site.ended(site.submit({"model": sim(), "prompt": "once"}, "/v1/completions"))
    assert job["status"] == "succeeded" and job["result"]["choices"][0]["text"]


def test_an_extraction_runs_as_a_job(site):
    job_id = site.submit({"image_urls": [data_url("invoice.pdf")], "doc_type": "invoice"}, "/v1/extract")
    job = site.ended(job_id)
    assert job["status"] == "succeeded", job
    assert job["result"]["doc_type"] == "invoice" and job["result"]["data"] and job["result"]["page_count"] == 1


def test_a_job_has_every_field_of_the_contract(site):
    trace = uuid.uuid4().hex
    job_id = site.submit(chat(sim()), X_Client_ID="ledger", X_Priority="high", X_Request_ID="my-request-1",
                         traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    job = site.ended(job_id)
    assert job["id"] == job_id and job["object"] == "job" and job["status"] == "succeeded"
    assert (job["client_id"], job["priority"], job["request_id"]) == ("ledger", "high", "my-request-1")
    assert job["trace_id"] == trace and job["kind"] == "chat" and job["max_attempts"] == 3
    times = [job["created_at"], job["started_at"], job["completed_at"]]
    assert all(TIME.fullmatch(one) for one in times) and times == sorted(times)
    (attempt,) = job["attempts"]
    assert (attempt["n"], attempt["provider"], attempt["outcome"]) == (1, "local", "succeeded")
    assert attempt["target"] and not attempt["error"]
    assert TIME.fullmatch(attempt["started_at"]) and TIME.fullmatch(attempt["ended_at"])
    assert {9, 16} <= set(job["usage"].values()), "tokens in and out"
    assert float(job["cost"]) >= 0 and job["error"] is None and job.get("position") is None


def test_a_large_body_goes_with_its_job_byte_for_byte(site):
    model = sim()
    body = json.dumps(chat(model, "Zx9" * 1_000_000)).encode()
    job = site.ended(site.submit(body))
    assert job["status"] == "succeeded"
    (call,) = site.calls(model)
    assert call["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_what_is_wrong_at_once_is_refused_at_once_and_makes_no_job(site):
    client = uuid.uuid4().hex
    for body in (b"{", b"[]", b'{"messages": []}', {"model": 7, "messages": []}):
        status, _, answer = site.call("/v1/chat/completions", body, {**ASYNC, "X-Client-ID": client})
        assert status == 400, answer
    assert site.call(f"/v1/jobs?client_id={client}")[2]["data"] == []


def test_a_model_that_does_not_exist_makes_no_job(gateway):
    status, _, answer = gateway.call("/v1/chat/completions", json.dumps(chat("tinny")).encode(), ASYNC)
    error = json.loads(answer)["error"]
    assert status == 404 and error["code"] == "model_not_found" and "tiny" in error["details"]["near_names"]


def test_a_priority_that_does_not_exist_is_400(site):
    for path, headers in (("/v1/chat/completions", ASYNC), ("/api/chat", {"X-Client-ID": "app"})):
        status, _, answer = site.call(path, chat(sim()), {**headers, "X-Priority": "urgent"})
        assert status == 400 and "priority" in answer["error"]["message"].lower(), answer


def test_an_unknown_job_is_404_on_every_route(site):
    for job_id in (str(uuid.uuid4()), "0" * 36, "x", "x" * 500):
        for method, tail in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/events")):
            assert site.call(f"/v1/jobs/{job_id}{tail}", method=method)[0] == 404, (job_id, method, tail)
        assert site.call(f"/api/requests/{job_id}", headers={"X-Client-ID": "app"})[0] == 404


def test_nobody_sees_jobs_without_a_key(site):
    job_id = site.submit(chat(sim()))
    for path in (f"/v1/jobs/{job_id}", "/v1/jobs", f"/v1/jobs/{job_id}/events", f"/api/requests/{job_id}"):
        assert site.call(path, headers={"X-Client-ID": "app"}, key=None)[0] == 401, path


# Waiting


def test_a_job_can_be_waited_for(site):
    model = sim("latency=300ms")
    job = site.job(site.submit(chat(model)), query="?wait=20")
    assert job["status"] == "succeeded", "one call was enough"


def test_a_wait_that_is_too_short_shows_the_job_as_it_is(site):
    job_id = site.submit(chat(sim("silence")))
    begin = time.monotonic()
    assert site.job(job_id, query="?wait=1")["status"] == "running"
    assert time.monotonic() - begin >= 0.9
    assert site.call(f"/v1/jobs/{job_id}", method="DELETE")[0] == 200


@pytest.mark.parametrize("wait", ["x", "-1", "1e9", "1.5s"])
def test_a_wait_that_is_no_number_is_400(site, wait):
    job_id = site.submit(chat(sim()))
    status, _, answer = site.call(f"/v1/jobs/{job_id}?wait={wait}")
    assert status == 400 and answer["error"]["param"] == "wait", answer


def test_prefer_wait_on_a_job_route_answers_with_the_result(site):
    status, _, answer = site.call("/api/chat", chat(sim("echo"), "wait for me"), {"X-Client-ID": "app", "Prefer": "wait=20"})
    assert status == 200, answer
    assert answer["request_id"] and answer["status"] == "completed"
    assert "wait for me" in content(answer["result"])


def test_prefer_wait_gives_202_when_the_time_is_over(site):
    status, headers, answer = site.call("/api/chat", chat(sim("silence")), {"X-Client-ID": "app", "Prefer": "wait=1"})
    assert status == 202 and answer["status"] in ("queued", "processing")
    assert headers["location"] == f"/v1/jobs/{answer['request_id']}"
    site.call(f"/v1/jobs/{answer['request_id']}", method="DELETE")


def test_respond_async_with_a_wait_gives_the_plain_answer_if_it_is_ready(site):
    status, _, answer = site.call("/v1/chat/completions", chat(sim()), {"Prefer": "respond-async, wait=20"})
    assert status == 200 and answer["object"] == "chat.completion", answer


# The line


def test_another_principals_job_does_not_exist(site):
    job_id = site.submit(chat(sim()), key=ALICE)
    site.ended(job_id, ALICE)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/events")):
        assert site.call(f"/v1/jobs/{job_id}{path}", method=method, key=BOB)[0] == 404
    assert site.call(f"/v1/jobs/{job_id}?wait=1", key=BOB)[0] == 404
    assert site.call(f"/api/requests/{job_id}", headers={"X-Client-ID": "app"}, key=BOB)[0] == 404
    assert job_id not in [job["id"] for job in site.call("/v1/jobs?limit=100", key=BOB)[2]["data"]]
    assert site.job(job_id, KEY)["id"] == job_id, "an admin sees all"
    assert job_id in [job["id"] for job in site.call("/v1/jobs?limit=100")[2]["data"]]


def test_the_list_is_newest_first_and_goes_on_page_by_page(site):
    client = uuid.uuid4().hex
    made = [site.submit(chat(sim()), X_Client_ID=client) for _ in range(7)]
    seen, after = [], ""
    while True:
        page = site.call(f"/v1/jobs?client_id={client}&limit=3{after}")[2]
        seen += [job["id"] for job in page["data"]]
        assert page["object"] == "list" and page["has_more"] == (len(seen) < 7)
        if not page["has_more"]:
            break
        assert len(page["data"]) == 3
        after = f"&after={seen[-1]}"
    assert seen == made[::-1]


def test_the_list_filters_by_state_model_and_client(site):
    client, good, bad = uuid.uuid4().hex, sim(), sim("status=400")
    done = [site.submit(chat(model), X_Client_ID=client) for model in (good, good, bad)]
    for job_id in done:
        site.ended(job_id)

    def found(query):
        return [job["id"] for job in site.call(f"/v1/jobs?{query}")[2]["data"]]
    assert found(f"client_id={client}&status=failed") == [done[2]]
    assert found(f"client_id={client}&status=succeeded") == [done[1], done[0]]
    assert found(f"model={good}") == [done[1], done[0]]
    assert found(f"client_id={client}&status=queued") == []
    for wrong in ("status=finished", "limit=0", "limit=x", "after=nonsense"):
        assert site.call(f"/v1/jobs?{wrong}")[0] == 400, wrong


# Cancelling


def test_a_queued_job_that_is_cancelled_never_reaches_the_model(tmp_path):
    upstream = sim("silence")
    with job_site(tmp_path, one_at_a_time("line", upstream)) as site:
        first = site.submit(chat("line"))
        site.called(upstream)
        second, third = site.submit(chat("line")), site.submit(chat("line"))
        waiting = [site.job(one) for one in (second, third)]
        assert [job["status"] for job in waiting] == ["queued", "queued"]
        assert waiting[1]["position"] == waiting[0]["position"] + 1
        status, _, answer = site.call(f"/v1/jobs/{second}", method="DELETE")
        assert status == 200 and answer["status"] == "cancelled"
        assert site.call(f"/v1/jobs/{third}/cancel", method="POST")[2]["status"] == "cancelled"
        site.call(f"/v1/jobs/{first}", method="DELETE")
        after = site.submit(chat("line"))  # when it runs, the others had their turn
        until(lambda: len(site.calls(upstream)) == 2)
        assert site.job(after)["status"] == "running"
        for job_id in (second, third):
            job = site.job(job_id)
            assert job["status"] == "cancelled" and job["attempts"] == [] and job["started_at"] is None
            assert TIME.fullmatch(job["completed_at"])


def test_a_running_job_that_is_cancelled_aborts_its_call(site):
    model = sim("silence")
    job_id = site.submit(chat(model))
    site.called(model)
    assert site.call(f"/v1/jobs/{job_id}", method="DELETE")[0] == 200
    assert site.ended(job_id)["status"] == "cancelled"
    until(lambda: site.calls(model)[0]["outcome"] == "hung_up")
    assert len(site.calls(model)) == 1 and site.job(job_id)["result"] is None


def test_what_has_ended_stays_as_it_was(site):
    job_id = site.submit(chat(sim()))
    ended = site.ended(job_id)
    assert site.call(f"/v1/jobs/{job_id}", method="DELETE")[0] in (200, 409)
    assert site.job(job_id) == ended


# Attempts


@pytest.mark.parametrize("fault", ["status=500", "status=503", "status=529", "reset", "half-head", "short-body"])
def test_what_may_succeed_later_is_tried_again(site, fault):
    model = sim(f"{fault}:times=2")
    job = site.ended(site.submit(chat(model)))
    assert job["status"] == "succeeded", job
    assert [one["n"] for one in job["attempts"]] == [1, 2, 3]
    assert [one["outcome"] == "succeeded" for one in job["attempts"]] == [False, False, True]
    assert all(one["error"] and one["outcome"] for one in job["attempts"][:2])
    assert len(site.calls(model)) == 3


def test_a_retry_waits_as_long_as_the_model_server_asked(site):
    model = sim("status=429:retry-after=1:times=1")
    job = site.ended(site.submit(chat(model)))
    assert job["status"] == "succeeded" and len(job["attempts"]) == 2
    first, second = site.calls(model)
    assert second["received_ms"] - first["received_ms"] >= 1000


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_the_caller_must_change_is_not_tried_again(site, status):
    model = sim(f"status={status}")
    job = site.ended(site.submit(chat(model)))
    assert job["status"] == "failed" and len(job["attempts"]) == 1 and len(site.calls(model)) == 1
    assert job["result"] is None
    assert {"message", "type", "code"} <= set(job["error"])


def test_after_the_last_attempt_the_job_has_failed(site):
    model = sim("status=503")
    job = site.ended(site.submit(chat(model)))
    assert job["status"] == "failed" and len(job["attempts"]) == 3 == job["max_attempts"]
    assert len(site.calls(model)) == 3
    assert job["error"]["type"] == "upstream_error" and job["error"]["message"]
    assert site.ended(site.submit(chat(sim())))["status"] == "succeeded", "others go on"


# Deadlines


def test_a_job_that_did_not_begin_in_time_has_expired(tmp_path):
    upstream = sim("silence")
    with job_site(tmp_path, one_at_a_time("line", upstream)) as site:
        site.submit(chat("line"))
        site.called(upstream)
        late = site.submit(chat("line"), X_Job_Start_Within="200ms")
        job = site.ended(late)
        assert job["status"] == "expired" and job["attempts"] == [] and job["error"]["type"] == "timeout_error"
        _, _, old_words = site.call(f"/api/requests/{late}", headers={"X-Client-ID": "app"})
        assert old_words["status"] == "timeout"
        assert len(site.calls(upstream)) == 1


def test_a_job_that_did_not_end_in_time_has_expired_and_its_call_is_aborted(site):
    model = sim("silence")
    job = site.ended(site.submit(chat(model), X_Job_Finish_Within="300ms"))
    assert job["status"] == "expired" and job["error"]["type"] == "timeout_error"
    until(lambda: site.calls(model)[0]["outcome"] == "hung_up")


@pytest.mark.parametrize("name", ["X_Job_Start_Within", "X_Job_Finish_Within"])
def test_a_deadline_that_is_no_duration_is_400(site, name):
    for value in ("soon", "-1s", "10 parsecs"):
        headers = {**ASYNC, name.replace("_", "-"): value}
        assert site.call("/v1/chat/completions", chat(sim()), headers)[0] == 400, value


# The words of each surface


APP = {"X-Client-ID": "my_app"}


def test_api_chat_is_a_job_in_its_own_words(site):
    model = sim("latency=300ms:echo")
    status, headers, answer = site.call("/api/chat", chat(model, "what is 2+2"), APP)
    assert status == 202 and headers["location"] == f"/v1/jobs/{answer['request_id']}"
    assert answer["status"] == "queued" and answer["message"] == "Request queued for processing"
    path = f"/api/requests/{answer['request_id']}"
    site.called(model)
    assert site.call(path, headers=APP)[2]["status"] == "processing"
    done = until(lambda: (lambda job: job if job["status"] == "completed" else None)(site.call(path, headers=APP)[2]))
    assert "what is 2+2" in content(done["result"])
    assert done["request_id"] and done["client_id"] == "my_app"
    assert site.job(answer["request_id"])["status"] == "succeeded"


def test_api_requests_tells_failed_and_cancelled(site):
    def status_of(request_id):
        return site.call(f"/api/requests/{request_id}", headers=APP)[2]["status"]
    failed = site.call("/api/chat", chat(sim("status=400")), APP)[2]["request_id"]
    until(lambda: status_of(failed) == "failed")
    cancelled = site.call("/api/chat", chat(sim("silence")), APP)[2]["request_id"]
    assert site.call(f"/api/requests/{cancelled}", method="DELETE", headers=APP)[2]["status"] == "cancelled"
    assert status_of(cancelled) == "cancelled"


@pytest.mark.parametrize("path", ["/api/chat", "/api/ocr"])
def test_the_api_wants_to_know_the_application(site, path):
    status, _, answer = site.call(path, chat(sim()))
    assert status == 400 and "X-Client-ID" in answer["error"]["message"]
    assert answer["detail"] == answer["error"]["message"]


def test_api_ocr_reads_a_document_as_a_job(site):
    body = chat("document-ocr")
    body["messages"][0]["content"] = [{"type": "image_url", "image_url": {"url": data_url("invoice.pdf")}},
                                      {"type": "text", "text": "Free OCR."}]
    status, _, answer = site.call("/api/ocr", body, {**APP, "X-Resolution": "base"})
    assert status == 202, answer
    assert answer["status"] == "queued" and answer["resolution"] == "base"
    assert answer["message"] == "Request queued for OCR processing"
    job = site.ended(answer["request_id"])
    assert job["status"] == "succeeded" and "INVOICE" in json.dumps(job["result"]).upper()
    assert site.call("/api/ocr", body, {**APP, "X-Resolution": "enormous"})[0] == 400


def test_a_classified_file_can_be_asked_for_later(site):
    body, headers = form("w2.png", industry="finance")
    status, _, answer = site.call("/classify_file_async", body, headers)
    assert status == 202 and answer["status"] == "processing" and answer["task_id"]

    def result():
        status, _, answer_now = site.call(f"/classification_result/{answer['task_id']}")
        assert status in (200, 202), answer_now
        assert answer_now["status"] == ("processing" if status == 202 else "completed")
        return answer_now if status == 200 else None
    done = until(result)
    assert done["result"]["type"] == "W2" and 0 <= done["result"]["confidence"] <= 1
    assert site.job(answer["task_id"])["status"] == "succeeded"
    assert site.call("/classification_result/" + str(uuid.uuid4()))[0] == 404


def test_a_classification_that_waits_or_was_cancelled_says_so(tmp_path):
    with job_site(tmp_path, ["models.document-classifier.queue.max_concurrent=1"]) as site:
        body, headers = form("w2-scan.pdf", industry="finance")
        tasks = [site.call("/classify_file_async", body, headers)[2]["task_id"] for _ in range(5)]
        status, _, waiting = site.call(f"/classification_result/{tasks[-1]}")
        assert (status, waiting["status"], waiting["progress"]) == (202, "processing", "In queue")
        assert site.call(f"/v1/jobs/{tasks[-1]}", method="DELETE")[2]["status"] == "cancelled"
        status, _, failed = site.call(f"/classification_result/{tasks[-1]}")
        assert (status, failed["status"]) == (500, "failed") and failed["error"]
        for task in tasks[:-1]:
            site.ended(task)


def test_text_generation_is_a_task_in_its_own_words(site):
    path, body = "/api/v1/inference/text-generation", {"model": sim("echo"), "prompt": "qubits?", "max_tokens": 512}
    status, headers, task = site.call(path, body)
    assert status == 202 and headers["location"] == f"/v1/jobs/{task['task_id']}"
    assert task["status"] in ("queued", "running") and task["result"] is None and task["completed_at"] is None
    assert {"task_id", "status", "result", "processing_time", "worker_id", "created_at", "completed_at"} <= set(task)
    assert site.ended(task["task_id"])["status"] == "succeeded"
    status, _, done = site.call(path, body, {"Prefer": "wait=20"})
    assert status == 200 and done["status"] == "completed" and "qubits?" in json.dumps(done["result"])
    assert done["processing_time"] >= 0 and TIME.fullmatch(done["completed_at"])


def test_errors_of_the_native_api_have_its_codes(gateway):
    for body, expected, code in (({"model": "tinny", "prompt": "x"}, 404, "INVALID_MODEL"), ({"prompt": "x"}, 400, None)):
        status, _, answer = gateway.call("/api/v1/inference/text-generation", json.dumps(body).encode(), JSON)
        error = json.loads(answer)["error"]
        assert status == expected and re.fullmatch(r"[A-Z_]+", error["code"]) and error["message"], answer
        assert code is None or (error["code"] == code and "tiny" in error["details"]["available_models"])


# Where the line ends


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


# Crashes


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


# Addresses that are not the caller's to name


def test_a_webhook_into_the_private_network_is_refused(site):
    with WebhookReceiver() as receiver:
        for url in (receiver.url, "https://127.0.0.1/x", "https://10.0.0.1/", "https://169.254.169.254/latest",
                    "https://[::1]/", "https://[::ffff:127.0.0.1]/", "http://example.com/", "file:///etc/passwd",
                    "https://2130706433/", "https://localhost/"):
            status, _, answer = site.call("/v1/chat/completions", chat(sim(), webhook_url=url), ASYNC)
            assert status == 400 and answer["error"]["code"] == "url_not_allowed", (url, answer)
        assert receiver.received.empty()
