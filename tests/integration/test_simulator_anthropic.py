"""The simulator as Anthropic: shapes, refusals and every fault."""

import json

import pytest

from processes import start_simulator
from sim_wire import Faults, exchange

VERSION = "anthropic-version: 2023-06-01"
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


@pytest.fixture(scope="module")
def sim():
    with start_simulator() as running:
        yield running


@pytest.fixture(scope="module")
def second():
    with start_simulator() as running:
        yield running


@pytest.fixture(scope="module")
def locked():
    with start_simulator("--require-key", "k-123") as running:
        yield running


@pytest.fixture(autouse=True)
def _empty_log(sim):
    sim.clear()


def body_of(model="sim", **members):
    return {"model": model, "max_tokens": 1000,
            "messages": [{"role": "user", "content": "Where is it?"}], **members}


def ask(sim, *fields, path="/v1/messages", model="sim", **members):
    return exchange(sim, "POST", path, body_of(model, **members), *(fields or (VERSION,)))


def refused(sim, *fields, **members):
    reply = ask(sim, *fields, **members)
    error = reply.json()
    assert reply.status == 400 and error["type"] == "error", error
    assert error["error"]["type"] == "invalid_request_error" and error["request_id"]
    return error["error"]["message"]


class TestFaults(Faults):
    protocol = "anthropic"
    key_field = "x-api-key: "

    def call(self, sim, model, stream):
        return "POST", "/v1/messages", body_of(model, stream=stream), VERSION

    def text(self, reply, stream):
        if not stream:
            return "".join(b["text"] for b in reply.json()["content"])
        deltas = [d["delta"] for d in reply.datas() if d["type"] == "content_block_delta"]
        return "".join(d["text"] for d in deltas)

    def is_error(self, body, status):
        kinds = {401: "authentication_error", 429: "rate_limit_error"}
        assert body["type"] == "error" and body["request_id"].startswith("req_")
        assert body["error"]["type"] == kinds.get(status, "api_error")

    def is_error_event(self, name, data):
        assert name == "error"
        assert json.loads(data)["error"]["type"] == "overloaded_error"

    def has_finish(self, reply):
        return any(d["type"] == "message_delta" for d in reply.datas())


def test_a_message_has_the_documented_members(sim):
    reply = ask(sim, model="sim:tokens=3:cached-tokens=4")
    answer = reply.json()
    assert reply.fields["request-id"].startswith("req_") and "x-request-id" not in reply.fields
    assert answer["type"] == "message" and answer["role"] == "assistant"
    assert answer["id"].startswith("msg_") and answer["model"] == "sim:tokens=3:cached-tokens=4"
    assert answer["content"] == [{"type": "text", "text": "the gate stands", "citations": None}]
    assert answer["stop_reason"] == "end_turn" and answer["stop_sequence"] is None
    usage = answer["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (5, 4)
    assert usage["output_tokens"] == 3 and usage["cache_creation_input_tokens"] == 0


def test_a_stream_has_its_events_in_order_and_named(sim):
    events = ask(sim, model="sim:tokens=2", stream=True).events()
    assert [name for name, _ in events] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop"]
    datas = [json.loads(data) for _, data in events]
    assert all(name == data["type"] for (name, _), data in zip(events, datas))
    assert datas[0]["message"]["content"] == [] and datas[0]["message"]["usage"]["output_tokens"] == 1
    assert datas[5]["delta"]["stop_reason"] == "end_turn"
    assert datas[5]["usage"]["output_tokens"] == 2
    assert b"event: ping\ndata: {\"type\":\"ping\"}\n\n" in ask(sim, stream=True).body
    assert b"[DONE]" not in ask(sim, stream=True).body


def test_the_end_mark_can_be_missing(sim):
    names = [name for name, _ in ask(sim, model="sim:no-done", stream=True).events()]
    assert names[-1] == "message_delta"


def test_overload_is_529(sim):
    reply = ask(sim, model="sim:status=529")
    assert reply.status == 529 and reply.json()["error"]["type"] == "overloaded_error"


def test_stops_are_named(sim):
    answer = ask(sim, stop_sequences=["stands"]).json()
    assert answer["stop_reason"] == "stop_sequence" and answer["stop_sequence"] == "stands"
    assert answer["content"][0]["text"] == "the gate "
    assert ask(sim, max_tokens=2).json()["stop_reason"] == "max_tokens"
    answer = ask(sim, model="sim:refusal").json()
    assert answer["stop_reason"] == "refusal" and answer["stop_details"]["type"] == "refusal"


def test_a_prefix_is_gone_on_from(sim):
    whole = ask(sim).json()["content"][0]["text"]
    turns = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": whole[:12]}]
    assert ask(sim, messages=turns).json()["content"][0]["text"] == whole[12:]
    assert "prefill" in refused(sim, model="sim:no-prefill", messages=turns)
    turns[1]["content"] = "the "
    assert "whitespace" in refused(sim, messages=turns)


def test_tools_are_called_and_their_results_answered(sim):
    answer = ask(sim, tools=[TOOL]).json()
    (call,) = answer["content"]
    assert answer["stop_reason"] == "tool_use" and call["type"] == "tool_use"
    assert call["name"] == "look" and call["input"] == {"city": "sim"}
    assert call["id"].startswith("toolu_")
    deltas = [d for d in ask(sim, tools=[TOOL], stream=True).datas()
              if d["type"] == "content_block_delta"]
    assert json.loads("".join(d["delta"]["partial_json"] for d in deltas)) == call["input"]
    turns = body_of()["messages"] + [
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call["id"],
                                      "content": "12C"}]}]
    assert ask(sim, tools=[TOOL], messages=turns).json()["stop_reason"] == "end_turn"
    assert len(ask(sim, model="sim:calls=2", tools=[TOOL]).json()["content"]) == 2
    assert ask(sim, tools=[TOOL], tool_choice={"type": "none"}).json()["stop_reason"] == "end_turn"


def test_every_call_needs_its_result_in_the_next_turn(sim):
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    start = body_of()["messages"] + [{"role": "assistant", "content": [call]}]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12C"}
    text = {"type": "text", "text": "and?"}

    def turns(*blocks):
        return start + [{"role": "user", "content": list(blocks)}]

    assert "without `tool_result`" in refused(sim, messages=turns(text), tools=[TOOL])
    assert "unexpected" in refused(
        sim, messages=turns({**result, "tool_use_id": "x"}), tools=[TOOL])
    assert "before other content" in refused(sim, messages=turns(text, result), tools=[TOOL])
    assert ask(sim, messages=turns(result, text), tools=[TOOL]).status == 200


def test_thinking_comes_first_and_must_come_back_unchanged(sim):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = ask(sim, max_tokens=4000, thinking=thinking).json()
    thought = answer["content"][0]
    assert thought["type"] == "thinking" and thought["thinking"] and thought["signature"]
    datas = ask(sim, max_tokens=4000, thinking=thinking, stream=True).datas()
    deltas = [d["delta"] for d in datas if d["type"] == "content_block_delta"]
    kinds = [d["type"] for d in deltas]
    signed = kinds.index("signature_delta")
    assert set(kinds[:signed]) == {"thinking_delta"} and set(kinds[signed + 1:]) == {"text_delta"}
    assert deltas[signed]["signature"] == thought["signature"]
    turns = body_of()["messages"] + [
        {"role": "assistant", "content": answer["content"]}, {"role": "user", "content": "Go on."}]
    assert ask(sim, messages=turns).status == 200
    thought["thinking"] += " not"
    assert "signature" in refused(sim, messages=turns)
    assert "tool_choice" in refused(sim, max_tokens=4000, thinking=thinking, tools=[TOOL],
                                    tool_choice={"type": "any"})


def test_a_schema_shapes_the_answer(sim):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}
    config = {"format": {"type": "json_schema", "schema": schema}}
    text = ask(sim, output_config=config).json()["content"][0]["text"]
    assert json.loads(text) == {"n": 7, "s": "sim"}


@pytest.mark.parametrize("members, part", [
    ({"max_tokens": None}, "max_tokens: Field required"),
    ({"n": 2}, "n: Extra inputs are not permitted"),
    ({"messages": []}, "at least one message"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, "first message"),
    ({"messages": [{"role": "user", "content": " "}]}, "non-empty"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
    ({"stop_sequences": [" "]}, "non-whitespace"),
    ({"temperature": 1.5}, "temperature"),
    ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "1024"),
    ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "pattern"),
    ({"tools": [{"name": "a"}]}, "input_schema"),
    ({"tool_choice": "auto"}, "tool_choice"),
    ({"metadata": {"other": "x"}}, "metadata.other"),
    ({"messages": [{"role": "user", "content": [{"type": "image", "source": {
        "type": "base64", "media_type": "image/png", "data": "data:image/png;base64,AA"}}]}]},
     "invalid base64"),
])
def test_mistakes_are_refused(sim, members, part):
    assert part in refused(sim, **members)


def test_versions_differ(sim):
    new = "anthropic-version: 2026-10-21"
    assert "header is required" in refused(sim, "x-other: 1")
    assert "unknown version" in refused(sim, "anthropic-version: 2020-01-01")
    assert ask(sim, temperature=0.5).status == 200
    assert "temperature" in refused(sim, new, temperature=1)
    turns = body_of()["messages"] + [{"role": "system", "content": "Be brief."}]
    assert ask(sim, new, messages=turns).status == 200
    assert "role" in refused(sim, messages=turns)


def test_tokens_are_counted_as_they_are_billed(sim):
    body = body_of("sim:prompt-tokens=77")
    del body["max_tokens"]
    reply = exchange(sim, "POST", "/v1/messages/count_tokens", body, VERSION)
    assert reply.json() == {"input_tokens": 77}
    reply = exchange(sim, "POST", "/v1/messages/count_tokens", {**body, "stream": True}, VERSION)
    assert reply.status == 400


def test_models_are_listed_by_version_header(sim):
    answer = exchange(sim, "GET", "/v1/models", b"", VERSION).json()
    assert answer["data"][0]["type"] == "model" and answer["has_more"] is False
    assert exchange(sim, "GET", "/v1/models").json()["object"] == "list"


def test_a_bearer_token_is_a_key_too(locked):
    reply = exchange(locked, "POST", "/v1/messages", body_of(), VERSION,
                     "Authorization: Bearer k-123")
    assert reply.status == 200
