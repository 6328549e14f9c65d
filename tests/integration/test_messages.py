"""/v1/messages, its count_tokens and Anthropic's list of models, over every protocol."""
import base64
import json
import pathlib
import uuid

import pytest

from conftest import KEY, running_gateway
from job_client import until
from processes import start_simulator

JSON = {"Content-Type": "application/json"}
PROTOCOLS = ["openai", "anthropic", "gemini"]
TOOL = {"name": "look", "description": "Look around.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def configuration(folder, simulator):
    root = f"http://127.0.0.1:{simulator.port}"
    return f"""
server: {{ listen: "127.0.0.1:0", threads: 2 }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: test, key: {KEY}, scopes: [admin], tier: unlimited }}
    - {{ name: text, key: text-only-key, scopes: [inference:text], tier: unlimited }}
    - {{ name: models, key: models-only-key, scopes: [models:read], tier: unlimited }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
queue: {{ max_attempts: 1 }}
providers:
  openai: {{ protocol: openai, base_url: "{root}/v1", api_keys: [upstream-secret] }}
  anthropic: {{ protocol: anthropic, base_url: "{root}", api_keys: [upstream-secret] }}
  gemini: {{ protocol: gemini, base_url: "{root}", api_keys: [upstream-secret] }}
models:
""" + "".join(
        f"""  {protocol}: {{ targets: [ {{ provider: {protocol}, model: "sim-m:tokens=5" }} ] }}
  {protocol}-error-event: {{ targets: [ {{ provider: {protocol}, model: "sim-m:error-event=4" }} ] }}
  {protocol}-failing: {{ targets: [ {{ provider: {protocol}, model: "sim-m:status=500" }} ], retry: {{ max_attempts: 1 }} }}
  {protocol}-silent: {{ targets: [ {{ provider: {protocol}, model: "sim-m:reset" }} ], retry: {{ max_attempts: 1 }} }}
""" for protocol in PROTOCOLS)


class Site:
    def __init__(self, gateway, simulator):
        self.gateway, self.simulator = gateway, simulator

    def call(self, path, body=None, headers=None, key=KEY, method=None):
        data = None if body is None else json.dumps(body).encode()
        status, fields, answer = self.gateway.call(path, data, {**JSON, **(headers or {})}, method, key)
        return status, fields, answer

    def ask(self, model, path="/v1/messages", headers=None, **members):
        status, fields, answer = self.call(path, message(model, **members), headers)
        return status, fields, json.loads(answer)

    def events(self, model, **members):
        status, fields, answer = self.call("/v1/messages", message(model, stream=True, **members))
        assert status == 200 and fields["content-type"].startswith("text/event-stream"), answer
        found = []
        for block in answer.decode().split("\n\n")[:-1]:
            lines = dict(line.split(": ", 1) for line in block.split("\n"))
            assert lines["event"] == json.loads(lines["data"])["type"]
            found.append(json.loads(lines["data"]))
        return [event for event in found if event["type"] != "ping"]

    def arrived(self, mark):
        """What reached the simulator with `mark` at the beginning of its body."""
        return [r for r in self.simulator.log()["requests"] if mark in json.dumps(r)]


def message(model, **members):
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Where is it?"}], **members}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("messages")
    with start_simulator() as simulator:
        with running_gateway(folder, None, config=configuration(folder, simulator)) as gateway:
            yield Site(gateway, simulator)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_whole_message_over_every_protocol(site, protocol):
    status, fields, answer = site.ask(protocol)
    assert status == 200, answer
    assert answer["type"] == "message" and answer["role"] == "assistant" and answer["id"].startswith("msg_")
    assert [block["type"] for block in answer["content"]] == ["text"] and answer["content"][0]["text"]
    assert answer["stop_reason"] == "end_turn" and answer["usage"]["output_tokens"] == 5
    assert answer["usage"]["input_tokens"] > 0
    assert fields["request-id"] == fields["x-request-id"]
    assert fields["x-headgate-provider"] == protocol


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_streamed_message_says_the_same(site, protocol):
    events = site.events(protocol)
    names = [event["type"] for event in events]
    assert names[:2] == ["message_start", "content_block_start"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    text = "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")
    assert text == site.ask(protocol)[2]["content"][0]["text"]
    assert events[-2]["delta"]["stop_reason"] == "end_turn" and events[-2]["usage"]["output_tokens"] == 5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tools_are_called_and_their_results_taken(site, protocol):
    status, _, first = site.ask(protocol, tools=[TOOL], tool_choice={"type": "any"})
    assert status == 200 and first["stop_reason"] == "tool_use", first
    call = first["content"][-1]
    assert call["type"] == "tool_use" and call["name"] == "look" and isinstance(call["input"]["city"], str)
    turns = [{"role": "user", "content": "Where is it?"},
             {"role": "assistant", "content": first["content"]},
             {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"], "content": "12C"}]}]
    status, _, second = site.ask(protocol, tools=[TOOL], messages=turns)
    assert status == 200 and second["stop_reason"] == "end_turn" and second["content"][0]["text"], second


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_schema_gives_json_that_fits(site, protocol):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
              "additionalProperties": False}
    status, _, answer = site.ask(protocol, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert status == 200, answer
    assert isinstance(json.loads(answer["content"][0]["text"])["n"], int)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_that_breaks_off_ends_with_an_error_event(site, protocol):
    events = site.events(f"{protocol}-error-event")
    assert events[0]["type"] == "message_start" and events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] in ("api_error", "overloaded_error")
    assert all(event["type"] != "message_stop" for event in events)


def test_to_anthropic_the_body_and_its_version_pass_unchanged(site):
    mark = uuid.uuid4().hex
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "one-2025,two-2026"}
    body = {"metadata": {"user_id": mark}, **message("anthropic"), "cache_control": {"type": "ephemeral"}}
    status, _, answer = site.call("/v1/messages", body, headers)
    assert status == 200, answer
    [seen] = site.arrived(mark)
    told = json.dumps(seen)
    assert "anthropic-version: 2026-10-21" in told and "anthropic-beta: one-2025,two-2026" in told
    assert "upstream-secret" in told and KEY not in told
    assert seen["path"] == "/v1/messages"
    status, _, _ = site.call("/v1/messages", {"metadata": {"user_id": mark + "-b"}, **message("anthropic")})
    assert status == 200
    assert "anthropic-version: 2023-06-01" in json.dumps(site.arrived(mark + "-b"))


def test_errors_have_anthropics_shape(site):
    for body, kind, status_wanted in [
            (message("nobody"), "not_found_error", 404),
            ({"model": "openai"}, "invalid_request_error", 400),
            ({"model": "openai", "messages": [{"role": "user", "content": "x"}]}, "invalid_request_error", 400),
            (message("openai", container="c"), "invalid_request_error", 400),
            (message("openai-failing"), "api_error", 502),
            (message("anthropic-failing"), "api_error", 502)]:
        status, fields, answer = site.call("/v1/messages", body)
        answer = json.loads(answer)
        assert status == status_wanted, answer
        assert set(answer) == {"type", "error", "request_id"} and answer["type"] == "error"
        assert answer["error"]["type"] == kind and answer["error"]["message"]
        assert fields["request-id"] == answer["request_id"] == fields["x-request-id"]
        assert fields.get_all("request-id") == [answer["request_id"]]
    assert "container" in json.loads(site.call("/v1/messages", message("openai", container="c"))[2])["error"]["message"]
    status, fields, answer = site.call("/v1/messages", message("openai"), key="wrong")
    assert status == 401 and json.loads(answer)["error"]["type"] == "authentication_error"
    status, _, answer = site.call("/v1/messages", message("openai"), key="models-only-key")
    assert status == 403 and json.loads(answer)["error"]["type"] == "permission_error"
    status, _, answer = site.call("/v1/messages", message("openai"), {"Content-Type": "text/plain"})
    assert status == 415 and json.loads(answer)["type"] == "error"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_message_can_be_a_job(site, protocol, stream):
    status, fields, answer = site.call("/v1/messages", message(protocol, stream=stream), {"Prefer": "respond-async"})
    job = json.loads(answer)
    assert status == 202 and fields["location"] == f"/v1/jobs/{job['id']}", answer
    ended = json.loads(site.call(f"/v1/jobs/{job['id']}?wait=30")[2])
    assert ended["status"] == "succeeded", ended
    assert ended["result"]["type"] == "message" and ended["result"]["stop_reason"] == "end_turn"
    assert ended["result"]["content"] == site.ask(protocol)[2]["content"]


def test_a_job_cannot_promise_betas(site):
    status, _, answer = site.call("/v1/messages", message("anthropic"),
                                  {"Prefer": "respond-async", "anthropic-beta": "x"})
    assert status == 400 and "anthropic-beta" in json.loads(answer)["error"]["message"]


def test_tokens_are_counted_by_the_vendor_or_estimated(site):
    question = {"messages": [{"role": "user", "content": "Where is it? " * 40}]}
    counts = {}
    for protocol in PROTOCOLS:
        status, fields, answer = site.call("/v1/messages/count_tokens", {"model": protocol, **question})
        assert status == 200, answer
        assert set(json.loads(answer)) == {"input_tokens"}
        counts[protocol] = json.loads(answer)["input_tokens"]
        assert fields["x-headgate-estimated"] == ("true" if protocol == "openai" else None)
        assert fields["request-id"]
    told = site.ask("anthropic")[2]["usage"]["input_tokens"]
    assert counts["anthropic"] == counts["gemini"] == told and counts["openai"] > 100
    paths = [r["path"] for r in site.simulator.log()["requests"]]
    assert "/v1/messages/count_tokens" in paths and any(path.endswith(":countTokens") for path in paths)


@pytest.mark.parametrize("model", ["anthropic-failing", "anthropic-silent", "gemini-failing", "nobody"])
def test_a_count_that_fails_is_estimated(site, model):
    status, fields, answer = site.call("/v1/messages/count_tokens", {"model": model, "messages": message(model)["messages"]})
    assert status == 200 and json.loads(answer)["input_tokens"] > 0, answer
    assert fields["x-headgate-estimated"] == "true"


def test_an_estimated_image_counts_as_an_image(site):
    data = base64.b64encode(b"\x89PNG" + bytes(300_000)).decode()
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    body = {"model": "openai", "messages": [{"role": "user", "content": [image]}]}
    assert 1000 < json.loads(site.call("/v1/messages/count_tokens", body)[2])["input_tokens"] < 3000


def test_a_count_of_what_is_no_chat_is_refused(site):
    for body in [{"model": "openai"}, {"model": "gemini", "messages": [{"role": "nobody", "content": "x"}]},
                 {"model": "anthropic", "messages": [{"role": "nobody", "content": "x"}]}]:
        status, _, answer = site.call("/v1/messages/count_tokens", body)
        assert status == 400 and json.loads(answer)["error"]["type"] == "invalid_request_error", answer


def test_counts_are_no_inferences(site):
    def total():
        return json.loads(site.call("/admin/queue/anthropic")[2])["total_processed"]
    site.ask("anthropic")
    until(lambda: total() > 0)
    before = total()
    for _ in range(3):
        site.call("/v1/messages/count_tokens", {"model": "anthropic", "messages": message("")["messages"]})
    site.ask("anthropic")
    until(lambda: total() == before + 1)


def test_the_list_of_models_is_in_the_words_of_who_asks(site):
    version = {"anthropic-version": "2023-06-01"}
    ours = json.loads(site.call("/v1/models")[2])
    assert ours["object"] == "list"
    names, query = [], "?limit=5"
    while True:
        status, fields, answer = site.call("/v1/models" + query, headers=version)
        page = json.loads(answer)
        assert status == 200 and fields["request-id"]
        assert set(page) == {"data", "has_more", "first_id", "last_id"}
        names += [model["id"] for model in page["data"]]
        assert all(model["type"] == "model" and model["display_name"] for model in page["data"])
        if not page["has_more"]:
            break
        query = f"?limit=5&after_id={page['last_id']}"
    assert names == [model["id"] for model in ours["data"]]
    one = json.loads(site.call("/v1/models/gemini", headers=version)[2])
    assert one["type"] == "model" and one["id"] == "gemini"
    status, fields, answer = site.call("/v1/models/nobody", headers=version)
    assert status == 404 and json.loads(answer)["error"]["type"] == "not_found_error" and fields["request-id"]
    assert json.loads(site.call("/v1/models/nobody")[2])["error"]["code"] == "model_not_found"
