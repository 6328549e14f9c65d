"""The surfaces of the systems that Headgate replaces, beyond what test_jobs.py asks of them."""
import json
import re
import uuid

import pytest

from conftest import KEY
from job_client import ALICE, ASYNC, BOB, chat, content, job_site, sim
from test_jobs import TIME, data_url, form

APP = {"X-Client-ID": "my_app"}
TEXT = "/api/v1/inference/text-generation"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    options = ["models.writer.kind=completion", 'models.writer.targets=[{provider: local, model: "sim-writer:echo"}]']
    with job_site(tmp_path_factory.mktemp("surfaces"), options) as running:
        yield running


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


def test_classify_file_can_be_made_a_job_like_any_inference(site):
    body, headers = form("w2.png")
    status, _, answer = site.call("/classify_file", body, {**headers, "Prefer": "respond-async"})
    assert status == 202 and answer["object"] == "job"
    assert site.ended(answer["id"])["result"]["type"] == "W2"


def test_classify_file_async_honours_a_wait(site):
    body, headers = form("w2.png")
    status, _, answer = site.call("/classify_file_async", body, {**headers, "Prefer": "wait=30"})
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


# The task API


def test_a_task_can_be_asked_for_until_it_has_ended(site):
    _, _, task = site.call(TEXT, {"model": sim("echo"), "prompt": "qubits?"})
    status, _, done = site.call(f"/api/v1/inference/{task['task_id']}?wait=20")
    assert status == 200 and done["status"] == "completed" and done["error"] is None
    assert "qubits?" in content(done["result"]) and done["worker_id"] == "local"
    assert done["created_at"] == task["created_at"]
    status, _, answer = site.call(f"/api/v1/inference/{uuid.uuid4()}")
    assert status == 404 and answer["error"]["code"] == "JOB_NOT_FOUND"


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
