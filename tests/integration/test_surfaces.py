"""The surfaces of the systems that Headgate replaces, each in its own words."""
import json
import re
import uuid

import pytest

from conftest import KEY
from job_client import (ALICE, ASYNC, BOB, JSON, TIME, chat, content, data_url, form, job_site, sim,
                        until)

APP = {"X-Client-ID": "my_app"}
TEXT = "/api/v1/inference/text-generation"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    options = ["models.writer.kind=completion", 'models.writer.targets=[{provider: local, model: "sim-writer:echo"}]']
    with job_site(tmp_path_factory.mktemp("surfaces"), options) as running:
        yield running


# A job in the words of each surface


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
        headers["Cache-Control"] = "no-cache"
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


# /api


@pytest.mark.parametrize("path, body", [("/api/chat", chat(sim())), (TEXT, {"model": sim(), "prompt": "x"})])
def test_respond_async_changes_nothing_where_every_request_is_a_job(site, path, body):
    status, headers, answer = site.call(path, body, {**ASYNC, **APP})
    assert status == 202 and "object" not in answer and headers["preference-applied"] is None
    assert site.ended(answer.get("request_id") or answer["task_id"])["status"] == "succeeded"


def test_a_request_of_api_that_comes_again_gets_the_first_answer_again(site):
    headers = {**APP, "Idempotency-Key": uuid.uuid4().hex}
    body = chat(sim())
    _, _, first = site.call("/api/chat", body, headers)
    site.ended(first["request_id"])
    status, fields, again = site.call("/api/chat", body, headers)
    assert status == 202 and again == first and fields["idempotent-replayed"] == "true"
    status, _, waited = site.call("/api/chat", body, {**headers, "Prefer": "wait=5"})
    assert status == 200 and waited["request_id"] == first["request_id"] and waited["result"]


def test_a_wait_for_what_fails_ends_in_its_error(site):
    status, _, answer = site.call("/api/chat", chat(sim("status=400")), {**APP, "Prefer": "wait=20"})
    assert status == 400 and answer["detail"] == answer["error"]["message"]


def test_api_ocr_takes_urls_and_a_wait(site):
    body = {"image_urls": [data_url("invoice.pdf")], "output": "layout"}
    status, _, answer = site.call("/api/ocr", body, {**APP, "Prefer": "wait=30"})
    assert status == 200 and (answer["status"], answer["resolution"]) == ("completed", "large")
    assert answer["result"]["output"] == "layout"


def test_api_ocr_gives_markdown_to_a_prompt_that_asks_for_it(site):
    body = {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": data_url("invoice.pdf")}},
        {"type": "text", "text": "<|grounding|>Convert the document to markdown."}]}], "max_tokens": 4096}
    _, _, answer = site.call("/api/ocr", body, {**APP, "X-Resolution": "tiny"})
    job = site.ended(answer["request_id"])
    assert job["result"]["markdown"] and (job["kind"], job["model"]) == ("ocr", "document-ocr")


def test_api_ocr_without_a_document_is_400(site):
    for body in ({}, {"messages": [{"role": "user", "content": "read this"}]}, {"image_urls": []}):
        status, _, answer = site.call("/api/ocr", body, APP)
        assert status == 400 and answer["error"]["param"] in ("messages", "image_urls"), answer


def test_these_surfaces_want_a_key_and_count_against_its_limits(tmp_path):
    with job_site(tmp_path, ["limits.tiers.unlimited.per_minute=2", "limits.tiers.unlimited.burst=2"]) as site:
        for path in ("/api/chat", "/api/ocr", "/classify_file", "/classify_file_async", TEXT):
            assert site.call(path, {}, APP, key=None)[0] == 401, path
        statuses = [site.call(TEXT, {"model": sim(), "prompt": "x"}, key=ALICE) for _ in range(3)]
        assert [one[0] for one in statuses] == [202, 202, 429]
        assert statuses[2][2]["error"]["code"] == "RATE_LIMITED" and "detail" not in statuses[2][2]
        statuses = [site.call("/api/chat", chat(sim()), APP, key=BOB)[0] for _ in range(3)]
        assert statuses == [202, 202, 429]


# Classification


def test_a_file_is_classified_while_the_caller_waits(site):
    body, headers = form("w2.png", industry="finance")
    status, _, answer = site.call("/classify_file", body, headers)
    assert status == 200 and answer["type"] == "W2" and answer["model"] == "document-classifier"


def test_a_file_that_is_known_is_answered_at_once(site):
    body, headers = form("w2.png", industry="known")
    status, fields, first = site.call("/classify_file", body, headers)
    assert status == 200 and fields["x-headgate-cache"] == "miss" and "cached" not in first
    for path in ("/classify_file", "/classify_file_async", "/v1/classify"):
        status, fields, known = site.call(path, body, headers)
        assert status == 200 and known["cached"] is True, (path, known)
        assert {name: known[name] for name in ("type", "confidence", "reasoning", "provider")} == {
            name: first[name] for name in ("type", "confidence", "reasoning", "provider")}
        assert fields["x-headgate-cache"] == "hit" and fields["x-headgate-attempts"] == "0" and int(fields["age"]) >= 0
        assert fields.get_all("x-headgate-cost") == ["0.00"] and known["request_id"] == fields["x-request-id"]
        assert ("processing_time" in known) == (path == "/classify_file_async")
    again = {"image_urls": [data_url("w2.png")], "industry": "known"}
    assert site.call("/v1/classify", again)[2]["cached"] is True, "the content counts, not how it came"


def test_what_a_job_found_is_known(site):
    body, headers = form("w2.png", industry="of a job")
    task = site.call("/classify_file_async", body, headers)[2]
    assert site.ended(task["task_id"])["result"]["type"] == "W2"
    status, _, known = site.call("/classify_file_async", body, headers)
    assert status == 200 and known["cached"] is True and known["type"] == "W2" and known["processing_time"] >= 0
    status, _, named = site.call("/classify_file_async", body, {**headers, "Idempotency-Key": uuid.uuid4().hex})
    assert status == 202 and named["task_id"], "a key names a task"


def test_a_known_file_is_known_to_its_principal_for_its_industry_and_if_it_wants(site):
    body, headers = form("w2.png", industry="mine")

    def cached(key=ALICE, form_body=(body, headers), **more):
        return site.call("/classify_file", form_body[0], {**form_body[1], **more}, key=key)[2].get("cached", False)
    assert not cached() and cached()
    assert not cached(key=BOB), "another principal's"
    assert not cached(form_body=form("w2.png", industry="other")) and not cached(form_body=form("invoice.jpg", industry="mine"))
    assert not cached(**{"Cache-Control": "no-cache"}) and not cached(**{"Cache-Control": "no-store"})
    assert cached()
    unseen = form("w2.png", industry="no-store")
    assert not cached(form_body=unseen, **{"Cache-Control": "no-store"}) and not cached(form_body=unseen)


def test_classify_file_can_be_made_a_job_like_any_inference(site):
    body, headers = form("w2.png")
    status, _, answer = site.call("/classify_file", body, {**headers, "Prefer": "respond-async"})
    assert status == 202 and answer["object"] == "job"
    assert site.ended(answer["id"])["result"]["type"] == "W2"


def test_classify_file_async_honours_a_wait(site):
    body, headers = form("w2.png")
    status, _, answer = site.call("/classify_file_async", body, {**headers, "Prefer": "wait=30", "Cache-Control": "no-cache"})
    assert status == 200 and answer["status"] == "completed" and answer["result"]["type"] == "W2"


@pytest.mark.parametrize("path", ["/classify_file", "/classify_file_async"])
def test_a_form_without_a_file_is_400_and_no_form_415(site, path):
    boundary = "b"
    body = b'--b\r\nContent-Disposition: form-data; name="industry"\r\n\r\nfinance\r\n--b--\r\n'
    status, _, answer = site.call(path, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert status == 400 and answer["error"]["param"] == "file" and answer["detail"]
    assert site.call(path, {"file": "x"})[0] == 415


def test_a_file_that_cannot_be_read_is_told_as_failed(site):
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.pdf"\r\n\r\nno document\r\n--b--\r\n'
    status, _, task = site.call("/classify_file_async", body, {"Content-Type": "multipart/form-data; boundary=b"})
    assert status == 202
    site.ended(task["task_id"])
    status, _, answer = site.call(f"/classification_result/{task['task_id']}")
    assert (status, answer["status"], answer["task_id"]) == (500, "failed", task["task_id"])
    assert answer["error"]["message"] == answer["detail"] and answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["request_id"] and TIME.fullmatch(answer["error"]["timestamp"])


def test_a_result_is_its_principals_own(site):
    body, headers = form("w2.png")
    _, _, task = site.call("/classify_file_async", body, headers, key=ALICE)
    path = f"/classification_result/{task['task_id']}"
    assert site.call(path, key=BOB)[0] == 404
    assert site.call(path, key=ALICE)[0] in (200, 202) and site.call(path, key=KEY)[0] in (200, 202)


def test_a_result_of_another_kind_is_no_classification(site):
    for job_id in (site.submit(chat(sim())), site.call("/api/ocr", {"image_urls": [data_url("w2.png")]}, APP)[2]["request_id"]):
        status, _, answer = site.call(f"/classification_result/{job_id}")
        assert status == 404 and answer["error"]["code"] == "job_not_found" and answer["detail"], answer
    job_id = site.submit({"image_urls": [data_url("w2.png")]}, "/v1/classify")
    assert site.call(f"/classification_result/{job_id}")[0] in (200, 202)


# The task API


def test_a_task_can_be_asked_for_until_it_has_ended(site):
    _, _, task = site.call(TEXT, {"model": sim("echo"), "prompt": "qubits?"})
    status, _, done = site.call(f"/api/v1/inference/{task['task_id']}?wait=20")
    assert status == 200 and done["status"] == "completed" and done["error"] is None
    assert "qubits?" in content(done["result"]) and done["worker_id"] == "local"
    assert done["created_at"] == task["created_at"]
    status, _, answer = site.call(f"/api/v1/inference/{uuid.uuid4()}")
    assert status == 404 and answer["error"]["code"] == "JOB_NOT_FOUND"


def test_a_job_of_another_kind_is_no_task(site):
    for path, body in (("/v1/embeddings", {"model": sim(), "input": "x"}), ("/v1/ocr", {"image_urls": [data_url("w2.png")]})):
        status, _, answer = site.call(f"/api/v1/inference/{site.submit(body, path)}?wait=1")
        assert status == 404 and answer["error"]["code"] == "JOB_NOT_FOUND", answer


def test_a_task_asks_a_completion_model_for_a_completion(site):
    status, _, done = site.call(TEXT, {"model": "writer", "prompt": "once"}, {"Prefer": "wait=20"})
    assert status == 200 and done["result"]["object"] == "text_completion"
    (call,) = site.calls("sim-writer:echo")
    assert '"max_tokens":512' in call["body_start"].replace(" ", "")


def test_failed_and_cancelled_tasks_say_so(site):
    _, _, task = site.call(TEXT, {"model": sim("status=400"), "prompt": "x"})
    failed = site.call(f"/api/v1/inference/{task['task_id']}?wait=20")[2]
    assert failed["status"] == "failed" and re.fullmatch("[A-Z_]+", failed["error"]["code"])
    _, _, task = site.call(TEXT, {"model": sim("silence"), "prompt": "x"})
    site.call(f"/v1/jobs/{task['task_id']}", method="DELETE")
    cancelled = site.call(f"/api/v1/inference/{task['task_id']}?wait=20")[2]
    assert cancelled["status"] == "cancelled" and cancelled["error"]["code"] == "CANCELLED"


def test_a_model_that_generates_no_text_is_an_invalid_model(site):
    status, _, answer = site.call(TEXT, {"model": "document-ocr", "prompt": "x"})
    error = answer["error"]
    assert status == 400 and error["code"] == "INVALID_MODEL" and error["details"]["model"] == "document-ocr"
    assert error["details"]["available_models"] == ["writer"]


@pytest.mark.parametrize("task", ["image-generation", "text-to-speech"])
def test_what_no_model_here_can_do_is_refused_and_makes_no_job(site, gateway, task):
    path = f"/api/v1/inference/{task}"
    client = uuid.uuid4().hex
    for prefer in ({}, {"Prefer": "respond-async"}, {"Prefer": "wait=5"}):
        status, _, answer = site.call(path, {"model": "writer", "prompt": "x", "text": "x"},
                                      {"X-Client-ID": client, **prefer})
        assert status == 400 and answer["error"]["code"] == "INVALID_MODEL", answer
    status, _, answer = gateway.call(path, json.dumps({"model": "bark"}).encode(), {"Content-Type": "application/json"})
    assert status == 404 and json.loads(answer)["error"]["code"] == "INVALID_MODEL"
    assert site.call(path, {"prompt": "x"})[2]["error"]["code"] == "MISSING_REQUIRED_PARAMETER"
    assert site.call(f"/v1/jobs?client_id={client}")[2]["data"] == []


@pytest.mark.parametrize("task", ["image-generation", "text-to-speech"])
def test_each_task_needs_its_scope(site, task):
    status, _, answer = site.call(f"/api/v1/inference/{task}", {"model": "writer"}, key=ALICE)
    assert status == 403 and answer["error"]["code"] == "PERMISSION_DENIED"
