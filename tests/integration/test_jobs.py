"""Jobs: submitted, waited for, listed, retried and cancelled."""
import hashlib
import json
import time
import uuid

import pytest

from conftest import KEY
from job_client import (ALICE, ASYNC, BOB, TIME, WebhookReceiver, chat, content, data_url, job_site, one_at_a_time, sim,
                        until)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with job_site(tmp_path_factory.mktemp("jobs")) as running:
        yield running


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


@pytest.mark.parametrize("name, value", [("Idempotency-Key", "k"), ("X-Priority", "high"), ("X-Client-ID", "app"),
                                         ("X-Job-Start-Within", "5s"), ("X-Job-Finish-Within", "5s"),
                                         ("X-Webhook-URL", "https://example.com/"), ("X-Resolution", "base")])
def test_a_field_that_is_given_twice_is_400_and_named(site, name, value):
    model = sim()
    for prefer in ([], [("Prefer", "respond-async")]):
        fields = [("Content-Type", "application/json"), *prefer, (name, value), (name.lower(), value)]
        status, answer = site.call_with(fields, chat(model))
        assert status == 400 and answer["error"]["param"] == name and name in answer["error"]["message"], answer
    assert site.calls(model) == []


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "respond-async"}])
def test_only_json_is_json(site, prefer):
    body = chat(sim())
    for kind in ("application/jsonx", "application/json-seq", "text/json"):
        assert site.call("/v1/chat/completions", body, {**prefer, "Content-Type": kind})[0] == 415, kind
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        assert site.call("/v1/chat/completions", body, {**prefer, "Content-Type": kind})[0] in (200, 202), kind


def test_a_webhook_of_a_call_that_is_no_job_is_400_and_stays_with_us(site):
    model, url = sim(), "https://hooks.example/private-token"
    for path, body in (("/v1/chat/completions", chat(model)), ("/v1/embeddings", {"model": model, "input": "x"}),
                       ("/v1/classify", {"image_urls": [data_url("w2.png")]})):
        status, _, answer = site.call(path, {**body, "webhook_url": url})
        assert status == 400 and answer["error"]["param"] == "webhook_url", answer
        assert "respond-async" in answer["error"]["message"]
        status, _, answer = site.call(path, body, {"X-Webhook-URL": url})
        assert status == 400 and answer["error"]["param"] == "X-Webhook-URL", answer
    assert site.calls(model) == []


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


@pytest.mark.parametrize("prefer", [["respond-async, wait = 20"], ['wait="20"', "respond-async"],
                                    ["return=minimal, respond-async; x=y", "WAIT\t=\t20"]])
def test_prefer_is_read_as_the_rfc_writes_it(site, prefer):
    fields = [("Content-Type", "application/json"), *(("Prefer", line) for line in prefer)]
    status, answer = site.call_with(fields, chat(sim("latency=100ms")))
    assert status == 200 and answer["object"] == "chat.completion", answer


@pytest.mark.parametrize("prefer", [["wait=1, wait=2"], ["respond-async, wait=1", "wait=2"], ["respond-async wait=1"]])
def test_a_prefer_that_contradicts_itself_is_400(site, prefer):
    fields = [("Content-Type", "application/json"), *(("Prefer", line) for line in prefer)]
    status, answer = site.call_with(fields, chat(sim()))
    assert status == 400 and answer["error"]["param"] == "Prefer", answer


# Whose jobs they are


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


# Addresses that are not the caller's to name


def test_a_webhook_into_the_private_network_is_refused(site):
    with WebhookReceiver() as receiver:
        for url in (receiver.url, "https://127.0.0.1/x", "https://10.0.0.1/", "https://169.254.169.254/latest",
                    "https://[::1]/", "https://[::ffff:127.0.0.1]/", "http://example.com/", "file:///etc/passwd",
                    "https://2130706433/", "https://localhost/"):
            status, _, answer = site.call("/v1/chat/completions", chat(sim(), webhook_url=url), ASYNC)
            assert status == 400 and answer["error"]["code"] == "url_not_allowed", (url, answer)
        assert receiver.received.empty()
