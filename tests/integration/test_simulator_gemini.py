"""The simulator as Gemini: shapes, refusals and every fault."""

import base64
import json

import pytest

from processes import start_simulator
from sim_wire import Faults, exchange

DECLARED = [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": {
    "type": "object", "properties": {"city": {"type": "string"}}}}]}]
USER = {"role": "user", "parts": [{"text": "Where is it?"}]}


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


def path_of(model, stream=False):
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{method}"


def ask(sim, model="sim", stream=False, **members):
    return exchange(sim, "POST", path_of(model, stream), {"contents": [USER], **members})


def refused(sim, model="sim", **members):
    reply = ask(sim, model, **members)
    error = reply.json()["error"]
    assert reply.status == error["code"] == 400 and error["status"] == "INVALID_ARGUMENT"
    return error["message"]


class TestFaults(Faults):
    protocol = "gemini"
    key_field = "x-goog-api-key: "
    line_end = "\r\n"

    def call(self, sim, model, stream):
        return "POST", path_of(model, stream), {"contents": [USER]}

    def text(self, reply, stream):
        answers = reply.datas(self.line_end) if stream else [reply.json()]
        parts = [p for a in answers for p in a["candidates"][0]["content"].get("parts", [])]
        return "".join(p["text"] for p in parts)

    def is_error(self, body, status):
        kinds = {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL",
                 503: "UNAVAILABLE"}
        assert body["error"]["code"] == status and body["error"]["message"]
        assert body["error"]["status"] == kinds[status]

    def is_error_event(self, name, data):
        assert name is None and json.loads(data)["error"]["status"] == "UNAVAILABLE"

    def has_finish(self, reply):
        return any("finishReason" in d["candidates"][0] for d in reply.datas(self.line_end))


def test_an_answer_has_the_documented_members(sim):
    answer = ask(sim, "sim:tokens=3:cached-tokens=4").json()
    assert answer["candidates"] == [{"content": {"parts": [{"text": "the gate stands"}],
                                                 "role": "model"}, "finishReason": "STOP"}]
    assert answer["usageMetadata"] == {"promptTokenCount": 9, "cachedContentTokenCount": 4,
                                       "candidatesTokenCount": 3, "totalTokenCount": 12}
    assert answer["modelVersion"] == "sim:tokens=3:cached-tokens=4" and answer["responseId"]


def test_a_stream_ends_in_crlf_and_has_no_done(sim):
    reply = ask(sim, "sim:tokens=3", stream=True)
    assert reply.fields["content-type"].startswith("text/event-stream")
    assert reply.body.count(b"\r\n\r\n") == 3 and b"[DONE]" not in reply.body
    chunks = reply.datas("\r\n")
    assert [c["candidates"][0].get("finishReason") for c in chunks] == [None, None, "STOP"]
    assert [c["usageMetadata"]["candidatesTokenCount"] for c in chunks] == [1, 2, 3]


def test_without_alt_sse_a_stream_is_one_array(sim):
    reply = exchange(sim, "POST", "/v1beta/models/sim:tokens=3:streamGenerateContent",
                     {"contents": [USER]})
    assert reply.fields["content-type"].startswith("application/json")
    assert len(reply.json()) == 3


def test_escaped_names_are_understood(sim):
    reply = exchange(sim, "POST", "/v1beta/models/sim%3Atokens%3D2:generateContent",
                     {"contents": [USER]})
    assert reply.json()["usageMetadata"]["candidatesTokenCount"] == 2


def test_waiting_is_told_in_retry_info(sim):
    reply = ask(sim, "sim:status=429:retry-info=1.5s")
    details = {d["@type"].rsplit(".", 1)[1]: d for d in reply.json()["error"]["details"]}
    assert details["RetryInfo"]["retryDelay"] == "1.5s" and "QuotaFailure" in details
    assert "retry-after" not in reply.fields


def test_a_blocked_prompt_has_no_candidates(sim):
    for answer in (ask(sim, "sim:refusal").json(), ask(sim, "sim:refusal", True).datas("\r\n")[0]):
        assert "candidates" not in answer and answer["promptFeedback"]["blockReason"] == "SAFETY"


def test_thoughts_are_counted_and_shown_only_when_asked_for(sim):
    hidden = ask(sim, "sim:reasoning=3:tokens=2").json()
    assert hidden["usageMetadata"]["thoughtsTokenCount"] == 3
    assert hidden["usageMetadata"]["candidatesTokenCount"] == 2
    assert hidden["usageMetadata"]["totalTokenCount"] == 14
    assert all("thought" not in p for p in hidden["candidates"][0]["content"]["parts"])
    config = {"thinkingConfig": {"includeThoughts": True}}
    parts = ask(sim, "sim:reasoning=3:tokens=2", generationConfig=config).json()
    parts = parts["candidates"][0]["content"]["parts"]
    assert parts[0]["thought"] is True and parts[1]["thoughtSignature"]
    last = ask(sim, "sim:reasoning=3", True, generationConfig=config).datas("\r\n")[-1]
    assert last["candidates"][0]["content"]["parts"][0]["text"] == ""
    assert last["candidates"][0]["content"]["parts"][0]["thoughtSignature"]
    off = {"thinkingConfig": {"thinkingBudget": 0}}
    usage = ask(sim, "sim:reasoning=3", generationConfig=off).json()["usageMetadata"]
    assert "thoughtsTokenCount" not in usage


def call_of(sim, model="sim"):
    (part,) = ask(sim, model, tools=DECLARED).json()["candidates"][0]["content"]["parts"]
    return part


def result_of(part):
    call = part["functionCall"]
    return {"role": "user", "parts": [{"functionResponse": {
        "id": call["id"], "name": call["name"], "response": {"output": "42"}}}]}


def test_functions_are_called_whole_with_a_signature(sim):
    part = call_of(sim)
    assert part["functionCall"]["name"] == "look" and part["functionCall"]["args"] == {"city": "sim"}
    assert part["thoughtSignature"]
    (chunk,) = ask(sim, stream=True, tools=DECLARED).datas("\r\n")
    assert chunk["candidates"][0]["content"]["parts"] == [part]
    assert chunk["candidates"][0]["finishReason"] == "STOP"
    turns = [USER, {"role": "model", "parts": [part]}, result_of(part)]
    answer = ask(sim, tools=DECLARED, contents=turns).json()
    assert "text" in answer["candidates"][0]["content"]["parts"][0]


def test_calls_of_this_turn_need_their_signature(sim):
    part = call_of(sim)
    signature = part.pop("thoughtSignature")
    turns = [USER, {"role": "model", "parts": [part]}, result_of(part)]
    assert "thought_signature" in refused(sim, tools=DECLARED, contents=turns)
    assert ask(sim, "sim:unsigned-calls", tools=DECLARED, contents=turns).status == 200
    part["thoughtSignature"] = "AAAA"
    assert "not valid" in refused(sim, tools=DECLARED, contents=turns)
    part["thoughtSignature"] = "skip_thought_signature_validator"
    assert ask(sim, tools=DECLARED, contents=turns).status == 200
    del part["thoughtSignature"]
    later = turns + [{"role": "model", "parts": [{"text": "It is."}]}, USER]
    assert ask(sim, tools=DECLARED, contents=later).status == 200, "an earlier turn"
    assert base64.b64decode(signature)


def test_every_call_needs_its_response(sim):
    part = call_of(sim)
    turns = [USER, {"role": "model", "parts": [part]}, USER]
    assert "number of function response parts" in refused(sim, tools=DECLARED, contents=turns)
    wrong = result_of(part)
    wrong["parts"][0]["functionResponse"]["response"] = "42"
    turns = [USER, {"role": "model", "parts": [part]}, wrong]
    assert "object" in refused(sim, tools=DECLARED, contents=turns)


@pytest.mark.parametrize("members, part", [
    ({"messages": []}, 'Unknown name "messages"'),
    ({"generationConfig": {"top_logprobs": 1}}, "Unknown name"),
    ({"contents": [{"role": "user", "parts": [{"text": "x", "cache_control": {}}]}]}, "Unknown name"),
    ({"contents": []}, "contents is not specified"),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role"),
    ({"contents": [{"role": "model", "parts": [{"text": "x"}]}]}, "begins with a user turn"),
    ({"contents": [{"role": "user", "parts": []}]}, "at least one part"),
    ({"contents": [{"role": "user", "parts": [{"text": "x", "inlineData": {}}]}]}, "one initialized"),
    ({"contents": [{"role": "user", "parts": [{"inlineData": {
        "mimeType": "image/png", "data": "data:image/png;base64,AA"}}]}]}, "Base64"),
    ({"generationConfig": {"candidateCount": 9}}, "candidate_count"),
    ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}},
     "only one of"),
    ({"generationConfig": {"responseJsonSchema": {}}}, "response_mime_type"),
    ({"generationConfig": {"stopSequences": list("abcdef")}}, "5 stop_sequences"),
    ({"tools": [{"functionDeclarations": [{"name": "1x"}]}]}, "Invalid function name"),
    ({"tools": [{"functionDeclarations": [{"name": "x", "parameters": {
        "type": "OBJECT", "additionalProperties": False}}]}]}, "additionalProperties"),
])
def test_mistakes_are_refused(sim, members, part):
    assert part in refused(sim, **members)


def test_both_ways_to_write_a_name_are_understood(sim):
    reply = ask(sim, system_instruction={"parts": [{"text": "Be brief."}]},
                generation_config={"max_output_tokens": "2"})
    assert reply.json()["candidates"][0]["finishReason"] == "MAX_TOKENS"


def test_json_and_several_candidates(sim):
    config = {"responseMimeType": "application/json", "responseJsonSchema": {
        "type": "object", "properties": {"n": {"type": "integer"}}}}
    parts = ask(sim, generationConfig=config).json()["candidates"][0]["content"]["parts"]
    assert json.loads(parts[0]["text"]) == {"n": 7}
    answer = ask(sim, "sim:vary", generationConfig={"candidateCount": 2}).json()
    assert [c.get("index") for c in answer["candidates"]] == [None, 1]
    one, other = [c["content"]["parts"][0]["text"] for c in answer["candidates"]]
    assert one != other


def test_tokens_are_counted(sim):
    reply = exchange(sim, "POST", "/v1beta/models/sim:countTokens", {"contents": [USER]})
    assert reply.json() == {"totalTokens": 9}
    inner = {"generateContentRequest": {"model": "models/sim", "contents": [USER]}}
    assert exchange(sim, "POST", "/v1beta/models/sim:countTokens", inner).json()["totalTokens"] == 9


def test_embeddings_alone_and_in_a_batch(sim):
    content = {"parts": [{"text": "a"}]}
    one = exchange(sim, "POST", "/v1beta/models/sim:embedContent",
                   {"content": content, "outputDimensionality": 8}).json()
    assert len(one["embedding"]["values"]) == 8
    request = {"model": "models/sim", "content": content, "outputDimensionality": 8}
    both = exchange(sim, "POST", "/v1beta/models/sim:batchEmbedContents",
                    {"requests": [request, request]}).json()
    assert both["embeddings"][0] == one["embedding"] and len(both["embeddings"]) == 2
    del request["model"]
    assert exchange(sim, "POST", "/v1beta/models/sim:batchEmbedContents",
                    {"requests": [request]}).status == 400


def test_a_wrong_key_is_a_400_with_its_reason(locked):
    reply = exchange(locked, "POST", path_of("sim"), {"contents": [USER]}, "x-goog-api-key: no")
    assert reply.status == 400
    assert reply.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_models_are_listed(sim):
    models = exchange(sim, "GET", "/v1beta/models").json()["models"]
    assert models[0]["name"] == "models/sim" and models[0]["inputTokenLimit"] > 0
