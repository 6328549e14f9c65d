"""The simulator as OpenAI beyond plain chat: tools, schemas, responses, images, audio and the rest."""

import base64
import json
import time

import pytest

from processes import start_simulator
from sim_wire import Faults, exchange

TOOL = {"type": "function", "function": {"name": "look", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}}
USER = {"role": "user", "content": "Where is it?"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "kind": {"enum": ["a", "b"]},
                                           "list": {"type": "array", "items": {"type": "boolean"}}}}


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


def post(sim, path, model="sim", **members):
    return exchange(sim, "POST", "/v1" + path, {"model": model, **members})


def chat(sim, model="sim", **members):
    return post(sim, "/chat/completions", model, **{"messages": [USER], **members})


def choice(reply):
    return reply.json()["choices"][0]


def is_openai_error(body):
    assert set(body["error"]) == {"message", "type", "param", "code"}


class TestChatFaults(Faults):
    protocol = "openai"
    key_field = "Authorization: Bearer "

    def call(self, sim, model, stream):
        body = {"model": model, "messages": [USER], "stream": stream}
        return "POST", "/v1/chat/completions", body

    def text(self, reply, stream):
        if not stream:
            return choice(reply)["message"]["content"]
        return "".join(d["choices"][0]["delta"].get("content", "") for d in reply.datas())

    def is_error(self, body, status):
        is_openai_error(body)

    def is_error_event(self, name, data):
        assert name is None
        is_openai_error(json.loads(data))

    def has_finish(self, reply):
        return any(d["choices"][0]["finish_reason"] for d in reply.datas())


class TestResponsesFaults(Faults):
    protocol = "openai"
    key_field = "Authorization: Bearer "

    def call(self, sim, model, stream):
        return "POST", "/v1/responses", {"model": model, "input": "Where?", "stream": stream}

    def text(self, reply, stream):
        if stream:
            return "".join(d["delta"] for d in reply.datas()
                           if d["type"] == "response.output_text.delta")
        return reply.json()["output"][-1]["content"][0]["text"]

    def is_error(self, body, status):
        is_openai_error(body)

    def is_error_event(self, name, data):
        event = json.loads(data)
        assert name == event["type"] == "error" and event["message"] and "error" not in event

    def has_finish(self, reply):
        return any(d["type"] == "response.completed" for d in reply.datas())


# Chat


def test_tools_are_called_whole_and_streamed(sim):
    first = choice(chat(sim, tools=[TOOL]))
    assert first["finish_reason"] == "tool_calls" and first["message"]["content"] is None
    (call,) = first["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "sim", "days": 7}
    deltas = [d["choices"][0]["delta"] for d in chat(sim, tools=[TOOL], stream=True).datas()]
    pieces = [d["tool_calls"][0] for d in deltas if "tool_calls" in d]
    assert pieces[0]["id"] == call["id"] and all("id" not in piece for piece in pieces[1:])
    assert "".join(p["function"]["arguments"] for p in pieces) == call["function"]["arguments"]
    turns = [USER, first["message"],
             {"role": "tool", "tool_call_id": call["id"], "content": "12C"}]
    assert choice(chat(sim, tools=[TOOL], messages=turns))["finish_reason"] == "stop"
    turns[2]["tool_call_id"] = "other"
    assert chat(sim, tools=[TOOL], messages=turns).status == 400
    assert choice(chat(sim, tools=[TOOL], tool_choice="none"))["finish_reason"] == "stop"
    assert choice(chat(sim, "sim:calls=0", tools=[TOOL]))["finish_reason"] == "stop"
    assert len(choice(chat(sim, "sim:calls=2", tools=[TOOL]))["message"]["tool_calls"]) == 2


def test_a_schema_shapes_the_answer(sim):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    text = choice(chat(sim, response_format=wanted))["message"]["content"]
    assert json.loads(text) == {"n": 7, "kind": "a", "list": [True]}


def test_logprobs_have_an_entry_for_each_token(sim):
    entries = choice(chat(sim, "sim:tokens=3", logprobs=True, top_logprobs=2))["logprobs"]["content"]
    assert [e["token"] for e in entries] == ["the", " gate", " stands"]
    assert bytes(entries[0]["bytes"]) == b"the" and len(entries[0]["top_logprobs"]) == 2
    chunks = chat(sim, "sim:tokens=3", logprobs=True, stream=True).datas()
    assert [c["choices"][0]["logprobs"]["content"][0]["token"] for c in chunks[1:4]] == [
        "the", " gate", " stands"]


def test_several_choices_are_interleaved_and_each_ends(sim):
    answer = chat(sim, "sim:vary", n=2).json()
    one, other = [c["message"]["content"] for c in answer["choices"]]
    assert one != other and answer["usage"]["completion_tokens"] == 32
    chunks = chat(sim, "sim:vary", n=2, stream=True).datas()
    indexes = [c["choices"][0]["index"] for c in chunks]
    assert indexes[:6] == [0, 1] * 3
    finished = [c["choices"][0]["index"] for c in chunks if c["choices"][0]["finish_reason"]]
    assert finished == [0, 1]


def test_thoughts_and_cached_tokens_are_shown_and_counted(sim):
    answer = chat(sim, "sim:reasoning=2:tokens=3:cached-tokens=4").json()
    assert answer["choices"][0]["message"]["reasoning_content"] == "let me think,"
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 4
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2
    assert answer["usage"]["completion_tokens"] == 5
    model = "sim:reasoning=2:reasoning-field=reasoning"
    deltas = [c["choices"][0]["delta"] for c in chat(sim, model, stream=True).datas()]
    assert [d["reasoning"] for d in deltas if "reasoning" in d] == ["let me", " think,"]


def test_the_text_follows_from_the_prompt_when_asked_for(sim):
    def text(words):
        return choice(chat(sim, "sim:vary", messages=[{"role": "user", "content": words}]))["message"]

    assert text("a")["content"] != text("b")["content"] and text("a") == text(" a\n")
    answer = chat(sim, "sim:vary:created=5").json()
    assert answer["created"] == 5 and answer["id"] != "chatcmpl-sim"
    assert chat(sim, "sim:id=abc").json()["id"] == "chatcmpl-abc"


def test_a_prefix_is_gone_on_from_when_asked_for(sim):
    whole = choice(chat(sim))["message"]["content"]
    turns = [USER, {"role": "assistant", "content": whole[:9]}]
    rest = choice(chat(sim, messages=turns, continue_final_message=True))
    assert rest["message"]["content"] == whole[9:]
    assert choice(chat(sim, messages=turns))["message"]["content"] == whole


def test_stops_and_refusals(sim):
    assert choice(chat(sim, stop="stands"))["message"]["content"] == "the gate "
    assert choice(chat(sim, "sim:refusal"))["finish_reason"] == "content_filter"
    reply = chat(sim, "sim:status=400:because=context")
    assert reply.json()["error"]["code"] == "context_length_exceeded"
    reply = chat(sim, "sim:status=429:because=quota")
    assert reply.json()["error"]["type"] == "insufficient_quota"


def test_vllm_ends_a_broken_stream_with_done(sim):
    assert chat(sim, "sim:error-event=3:vllm-errors", stream=True).body.endswith(
        b"data: [DONE]\n\n")


def test_faults_can_strike_one_endpoint(sim):
    model = "sim:on=embeddings:status=503"
    assert chat(sim, model).status == 200
    assert post(sim, "/embeddings", model, input="x").status == 503


# Responses


def test_a_response_has_the_documented_members(sim):
    answer = post(sim, "/responses", "sim:tokens=3:reasoning=2", input="x", metadata={"a": "b"},
                  instructions="Be brief.").json()
    assert answer["object"] == "response" and answer["status"] == "completed"
    assert answer["metadata"] == {"a": "b"} and answer["instructions"] == "Be brief."
    reasoning, message = answer["output"]
    assert reasoning["type"] == "reasoning" and reasoning["summary"]
    assert message["content"][0]["text"] == "the gate stands"
    assert answer["usage"]["total_tokens"] == 14
    short = post(sim, "/responses", "sim", input="x", max_output_tokens=2).json()
    assert short["status"] == "incomplete"
    assert short["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_response_streams_in_the_documented_order(sim):
    events = post(sim, "/responses", "sim:tokens=2", input="x", stream=True).events()
    assert [name for name, _ in events] == ["response." + name for name in (
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
        "completed")]
    datas = [json.loads(data) for _, data in events]
    assert [d["sequence_number"] for d in datas] == list(range(10))
    assert datas[-1]["response"] == post(sim, "/responses", "sim:tokens=2", input="x").json()


def test_a_response_calls_functions(sim):
    tool = {"type": "function", **TOOL["function"]}
    (call,) = post(sim, "/responses", input="x", tools=[tool]).json()["output"]
    assert call["type"] == "function_call" and json.loads(call["arguments"])["city"] == "sim"
    names = [n for n, _ in post(sim, "/responses", input="x", tools=[tool], stream=True).events()]
    assert "response.function_call_arguments.delta" in names
    items = [{"role": "user", "content": "x"}, call,
             {"type": "function_call_output", "call_id": call["call_id"], "output": "12C"}]
    answer = post(sim, "/responses", input=items, tools=[tool]).json()
    assert answer["output"][0]["type"] == "message"
    assert post(sim, "/responses", input=items[:2], tools=[tool]).status == 400
    assert post(sim, "/responses", input=items[2:], tools=[tool]).status == 400


def test_responses_run_in_the_background_and_can_be_cancelled(sim):
    started = post(sim, "/responses", "sim:queue=40ms:execution=40ms", input="x", background=True)
    answer = started.json()
    assert answer["status"] == "queued" and answer["output"] == []
    seen, path = [answer["status"]], "/v1/responses/" + answer["id"]
    deadline = time.monotonic() + 10
    while seen[-1] != "completed" and time.monotonic() < deadline:
        seen.append(exchange(sim, "GET", path).json()["status"])
    assert [s for s in ("queued", "in_progress", "completed") if s in seen] == sorted(
        set(seen), key=seen.index) and seen[-1] == "completed"
    answer = post(sim, "/responses", "sim:execution=1m", input="y", background=True).json()
    path = "/v1/responses/" + answer["id"]
    assert exchange(sim, "POST", path + "/cancel").json()["status"] == "cancelled"
    assert exchange(sim, "GET", path).json()["status"] == "cancelled"
    assert exchange(sim, "DELETE", path).json()["deleted"] is True
    assert exchange(sim, "GET", path).status == 404


def test_a_response_goes_on_from_a_stored_one(sim):
    one = post(sim, "/responses", "sim:vary", input="x").json()
    two = post(sim, "/responses", "sim:vary", input="y", previous_response_id=one["id"])
    assert two.status == 200 and two.json()["previous_response_id"] == one["id"]
    reply = post(sim, "/responses", input="y", previous_response_id="resp_none")
    assert reply.json()["error"]["code"] == "previous_response_not_found"
    lost = post(sim, "/responses", "sim:vary", input="z", store=False).json()
    assert exchange(sim, "GET", "/v1/responses/" + lost["id"]).status == 404


# Images, audio, moderation, rerank


def test_images(sim):
    answer = post(sim, "/images/generations", "sim:bytes=300", prompt="a cat", n=2).json()
    images = [base64.b64decode(d["b64_json"], validate=True) for d in answer["data"]]
    assert len(images) == 2 and images[0] != images[1]
    assert len(images[0]) >= 300 and answer["usage"]["total_tokens"]
    answer = post(sim, "/images/generations", prompt="a cat", response_format="url").json()
    assert answer["data"][0]["url"].startswith("https://")
    events = post(sim, "/images/generations", prompt="a", stream=True, partial_images=2).events()
    assert [name for name, _ in events] == ["image_generation.partial_image"] * 2 + [
        "image_generation.completed"]
    assert post(sim, "/images/generations").status == 400
    assert post(sim, "/images/generations", prompt="a", n=11).status == 400


def test_speech(sim):
    reply = post(sim, "/audio/speech", "sim:bytes=5000", input="hello", voice="alloy")
    assert reply.fields["content-type"] == "audio/mpeg" and len(reply.body) == 5000
    reply = post(sim, "/audio/speech", input="hello", voice="alloy", response_format="wav")
    assert reply.fields["content-type"] == "audio/wav"
    datas = post(sim, "/audio/speech", input="hello", voice="alloy", response_format="wav",
                 stream_format="sse").datas()
    audio = "".join(d["audio"] for d in datas[:-1])
    assert base64.b64decode(audio) == reply.body and datas[-1]["type"] == "speech.audio.done"
    assert post(sim, "/audio/speech", input="hello").status == 400
    assert post(sim, "/audio/speech", input="x" * 4097, voice="alloy").status == 400


def transcribe(sim, **fields):
    boundary = "----edge"
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                 'filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n')
    body = "".join(parts).encode() + b"\x00\r\n--\xff" * 9 + f"\r\n--{boundary}--\r\n".encode()
    return exchange(sim, "POST", "/v1/audio/transcriptions", body,
                    f"Content-Type: multipart/form-data; boundary={boundary}")


def test_transcriptions(sim):
    text = transcribe(sim, model="sim").json()["text"]
    assert text.startswith("the gate")
    assert transcribe(sim, model="sim", response_format="text").body.decode() == text + "\n"
    assert "-->" in transcribe(sim, model="sim", response_format="srt").body.decode()
    assert transcribe(sim, model="sim", response_format="vtt").body.startswith(b"WEBVTT")
    verbose = transcribe(sim, model="sim", response_format="verbose_json").json()
    assert verbose["segments"][0]["text"] == text
    datas = transcribe(sim, model="sim", stream="true").datas()
    assert "".join(d["delta"] for d in datas[:-1]) == datas[-1]["text"] == text
    assert sim.log()["requests"][0]["model"] == "sim"
    assert transcribe(sim).status == 400
    assert transcribe(sim, model="sim:status=503").status == 503
    assert post(sim, "/audio/transcriptions").status == 400


def test_moderations(sim):
    answer = post(sim, "/moderations", input=["kind words", "I kill time"]).json()
    assert [r["flagged"] for r in answer["results"]] == [False, True]
    assert answer["results"][1]["categories"]["violence"] is True
    assert len(answer["results"][0]["category_scores"]) == 13
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}]
    assert len(post(sim, "/moderations", input=parts).json()["results"]) == 1


def test_rerank(sim):
    documents = ["a", {"text": "b"}, "c"]
    for path in ("/v1/rerank", "/rerank", "/v2/rerank"):
        body = {"model": "sim", "query": "q", "documents": documents}
        results = exchange(sim, "POST", path, body).json()["results"]
        assert sorted(r["index"] for r in results) == [0, 1, 2]
        scores = [r["relevance_score"] for r in results]
        assert scores == sorted(scores, reverse=True)
    results = post(sim, "/rerank", query="q", documents=documents, top_n=1,
                   return_documents=False).json()["results"]
    assert len(results) == 1 and "document" not in results[0]
    assert post(sim, "/rerank", query="q").status == 400


@pytest.mark.parametrize("path, members", [
    ("/images/generations", {"prompt": "a"}),
    ("/audio/speech", {"input": "a", "voice": "alloy"}),
    ("/moderations", {"input": "a"}),
    ("/rerank", {"query": "a", "documents": ["b"]}),
    ("/embeddings", {"input": "a"}),
])
def test_each_of_them_has_the_faults(sim, path, members):
    def ask(fault):
        return post(sim, path, "sim:" + fault, **members)

    for status in (401, 429, 500):
        assert ask(f"status={status}").status == status
    is_openai_error(ask("error200").json())
    assert ask("html200").fields["content-type"].startswith("text/html")
    assert len(ask("truncated").body) < len(ask("vary").body)
    assert not ask("cut").whole and len(ask("cut-bytes=9").body) == 9
    with pytest.raises(ConnectionResetError):
        ask("reset")
    assert [ask("status=503:times=1").status for _ in range(2)] == [503, 200]
