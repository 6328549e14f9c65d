"""Chat, completions and embeddings through the gateway."""
import json
import os
import socket
import time

import pytest

from conftest import KEY, running_gateway

JSON = {"Content-Type": "application/json"}


def chat(gateway, model="tiny", **fields):
    body = {"messages": [{"role": "user", "content": "hi"}], "model": model, **fields}
    return gateway.call("/v1/chat/completions", json.dumps(body).encode(), JSON)


@pytest.fixture
def any_model(tmp_path, upstream):
    """A gateway whose provider takes any model name. Each test has its own: keys and targets that failed rest."""
    with running_gateway(tmp_path, upstream.url, options=["providers.local.any_model=true"]) as gateway:
        yield gateway


def test_the_body_passes_untouched_but_for_the_model(gateway, upstream):
    body = b'{ "messages" : [{"role":"user","content":"\\u00e9"}],"seed":12345678901234567890, "x_unknown":{"a":[1,2]},\n"model":"org/tiny"}'
    status, headers, answer = gateway.call("/v1/chat/completions", body, JSON)
    assert status == 200
    assert json.loads(answer)["choices"][0]["message"]["content"] == "Hello"
    head, sent = upstream.requests[-1]
    assert sent == body.replace(b"org/tiny", b"tiny-upstream")
    assert "authorization: bearer upstream-secret" in head.lower()
    assert KEY not in head
    assert headers["x-headgate-model"] == "tiny"
    assert headers["x-headgate-provider"] == "local"
    assert headers["server-timing"].startswith("auth;dur=")


def test_megabytes_pass_untouched(gateway, upstream):
    body = b'{"messages":[{"role":"user","content":"' + b"QUJD" * 1_000_000 + b'"}],"model":"tiny"}'
    status, _, _ = gateway.call("/v1/chat/completions", body, JSON)
    assert status == 200
    assert upstream.requests[-1][1] == body.replace(b'"tiny"', b'"tiny-upstream"')


def test_a_stream_hides_the_usage_that_was_not_asked_for(gateway, upstream):
    _, headers, answer = chat(gateway, stream=True)
    assert headers["content-type"].startswith("text/event-stream")
    events = answer.decode().split("\n\n")
    assert events[-2] == "data: [DONE]" and events[-1] == ""
    assert "usage" not in answer.decode()
    assert json.loads(upstream.requests[-1][1])["stream_options"] == {"include_usage": True}
    _, _, asked = chat(gateway, stream=True, stream_options={"include_usage": True})
    assert '"completion_tokens":2' in asked.decode()


def test_usage_reaches_the_log_line_and_nothing_private_does(gateway):
    chat(gateway, stream=True, user="private-user-text")
    deadline = time.monotonic() + 5
    lines = []
    while time.monotonic() < deadline and not any('"output_tokens":2' in line for line in lines):
        lines = gateway.requests_log().splitlines()
        time.sleep(0.05)
    line = [json.loads(text) for text in lines if '"output_tokens":2' in text][-1]
    assert line["input_tokens"] == 9 and line["model"] == "tiny" and line["principal"] == "key:config/test"
    assert KEY not in gateway.requests_log() and "private-user-text" not in gateway.requests_log()


@pytest.mark.parametrize("model, status, code", [
    ("status-400", 400, "bad_value"), ("status-422", 422, "bad_value"), ("status-401", 502, "upstream_error"),
    ("status-429", 429, "upstream_rate_limited"), ("status-500", 502, "upstream_error"),
    ("reset", 502, "upstream_reset"), ("html", 502, "upstream_error"), ("two-lengths", 502, "upstream_protocol"),
])
def test_refusals_of_the_model_server(any_model, model, status, code):
    got, headers, answer = chat(any_model, model)
    error = json.loads(answer)["error"]
    assert (got, error["code"]) == (status, code)
    assert error["request_id"] == headers["x-request-id"]
    if status == 400:
        assert error["message"] == "vendor says no" and error["param"] == "temperature"
    if status == 502:
        assert "vendor" not in error["message"]
        assert error["details"]["attempts"][0]["provider"] == "local"
    if status == 429:
        assert headers["retry-after"] == "7"


def test_a_cut_stream_ends_with_an_error_and_without_done(any_model):
    _, _, answer = chat(any_model, "cut", stream=True)
    assert "[DONE]" not in answer.decode()
    assert json.loads(answer.decode().strip().split("\n\n")[-1][6:])["error"]["code"] == "upstream_truncated"


def test_a_stream_cut_before_its_first_event_is_a_plain_error(any_model):
    status, _, answer = chat(any_model, "cut-at-once", stream=True)
    assert status == 502 and json.loads(answer)["error"]["code"] == "upstream_truncated"


def test_an_error_event_of_the_vendor_is_ours_to_tell(any_model):
    _, _, answer = chat(any_model, "error-event", stream=True)
    assert "vendor secret" not in answer.decode() and "[DONE]" not in answer.decode()
    assert '"error"' in answer.decode()


@pytest.mark.parametrize("model", ["malformed", "no-done"])
def test_a_sound_stream_with_a_blemish_is_complete(any_model, model):
    _, _, answer = chat(any_model, model, stream=True)
    assert answer.decode().endswith("data: [DONE]\n\n")
    assert all(json.loads(event[6:]) for event in answer.decode().strip().split("\n\n")[:-1])


def test_an_unknown_model_is_404_with_near_names(gateway):
    status, _, answer = chat(gateway, "tinny")
    error = json.loads(answer)["error"]
    assert status == 404 and error["code"] == "model_not_found" and "tiny" in error["details"]["near_names"]


def test_models(gateway):
    _, _, answer = gateway.call("/v1/models")
    names = [model["id"] for model in json.loads(answer)["data"]]
    assert "tiny" in names and "document-extractor" in names
    status, _, answer = gateway.call("/v1/models/org%2Ftiny")
    assert status == 200 and json.loads(answer)["id"] == "tiny"


def test_embeddings_keep_the_encoding_asked_for(gateway):
    body = json.dumps({"model": "tiny", "input": "x", "encoding_format": "base64"}).encode()
    _, _, answer = gateway.call("/v1/embeddings", body, JSON)
    assert json.loads(answer)["data"][0]["embedding"] == "AAAAPwAAgL8="


def raw_chat(gateway, model, **fields):
    body = json.dumps({"messages": [], "model": model, **fields}).encode()
    client = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
    client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (KEY.encode(), len(body), body))
    return client


@pytest.mark.parametrize("model, stream", [("silent", False), ("endless", True)])
def test_a_client_that_leaves_stops_the_model_server(any_model, upstream, model, stream):
    client = raw_chat(any_model, model, stream=stream)
    if stream:
        assert client.recv(100)
    else:
        deadline = time.monotonic() + 5
        while b'"silent"' not in upstream.requests[-1][1] and time.monotonic() < deadline:
            time.sleep(0.01)
    client.close()
    assert upstream.hung_up.wait(5)


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def test_a_thousand_clients_that_leave_in_mid_stream_leave_nothing_behind(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url, options=[
            "providers.local.any_model=true", "queue.max_concurrent=4000"]) as gateway:
        chat(gateway)
        before = descriptors(gateway)
        for _ in range(20):
            clients = [raw_chat(gateway, "endless", stream=True) for _ in range(50)]
            for client in clients:
                assert client.recv(10)
            for client in clients:
                client.close()
        deadline = time.monotonic() + 20
        while descriptors(gateway) > before + 4 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert descriptors(gateway) <= before + 4
        assert chat(gateway)[0] == 200
