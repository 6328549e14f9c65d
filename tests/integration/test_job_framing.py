"""Bodies, deltas and results whose bytes could be taken for the framing around them."""
import json

import pytest

from conftest import running_gateway
from job_client import ASYNC, Site, WebSocket, chat, content, deltas


@pytest.fixture(scope="module")
def site(tmp_path_factory, upstream):
    models = [f"models.{name}.targets=[{{provider: local, model: {name}}}]" for name in ("pretty", "no-json")]
    retries = ["queue.max_attempts=2", "queue.retry={initial: 10ms, max: 20ms, jitter: none}"]
    with running_gateway(tmp_path_factory.mktemp("framing"), upstream.url, options=[*models, *retries]) as gateway:
        site = Site(gateway.folder, None)
        site.gateway = gateway
        yield site


def test_a_delta_of_several_lines_is_one_event_everywhere(site):
    job_id = site.submit(chat("pretty", stream=True))
    job = site.ended(job_id)
    assert job["status"] == "succeeded" and content(job["result"]) == "Hello\n!"
    events = site.events(job_id)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert {kind for _, kind, _ in events} == {"status", "delta"} and deltas(events) == "Hello\n!"
    socket = WebSocket(site.gateway.port, f"/ws/inference/{job_id}")
    assert [(frame["id"], frame["type"], frame["data"]) for frame in socket.messages()] == events
    socket.close()


def test_a_body_of_many_lines_is_carried_as_it_is(site, upstream):
    body = json.dumps(chat("tiny", "a\r\n\r\ndata: [DONE]\n\n\u2028"), indent=2).replace("\n", "\r\n").encode()
    assert site.ended(site.submit(body))["status"] == "succeeded"
    sent = next(sent for _, sent in reversed(upstream.requests) if b"[DONE]" in sent)
    assert sent == body.replace(b'"tiny"', b'"tiny-upstream"')


def test_an_answer_that_is_no_json_is_no_result(site):
    job_id = site.submit(chat("no-json"))
    job = site.ended(job_id)
    assert job["status"] == "failed" and job["result"] is None and len(job["attempts"]) == 2
    assert job["error"]["type"] == "upstream_error" and "understood" in job["error"]["message"]
    assert site.events(job_id)[-1][2]["status"] == "failed"
    status, _, answer = site.call("/v1/chat/completions", chat("no-json"), {**ASYNC, "Prefer": "respond-async, wait=20"})
    assert status == 502 and answer["error"]["message"]
