"""/v1/responses over every protocol: whole, streamed and in the background."""
import json
import uuid

import pytest

from job_client import ALICE, BOB, job_site, until

PROTOCOLS = ["openai", "anthropic", "gemini"]
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("responses")
    options = ["models.echo.targets=[{provider: local, model: \"sim-r:echo\"}]",
               "models.slow.targets=[{provider: local, model: \"sim-r:silence\"}]",
               "models.failing.targets=[{provider: local, model: \"sim-r:status=400\"}]",
               "models.cut.targets=[{provider: local, model: \"sim-r:tokens=9:error-event=4\"}]",
               "models.openai.targets=[{provider: local, model: \"sim-r:tokens=5\"}]",
               "models.anthropic.targets=[{provider: anthropic, model: \"sim-r:tokens=5\"}]",
               "models.gemini.targets=[{provider: gemini, model: \"sim-r:tokens=5\"}]"]
    with job_site(folder, options) as running:
        yield running


def ask(site, model="openai", key=ALICE, headers=None, **members):
    return site.call("/v1/responses", {"model": model, "input": "Where is it?", **members}, headers, key=key)


def show(site, response_id, key=ALICE):
    return site.call(f"/v1/responses/{response_id}", key=key)


def completed(site, response_id):
    def ended():
        response = show(site, response_id)[2]
        return response if response["status"] not in ("queued", "in_progress") else None
    return until(ended)


def text_of(response):
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def events_of(site, model, **members):
    body = json.dumps({"model": model, "input": "Where is it?", "stream": True, **members}).encode()
    status, fields, answer = site.gateway.call("/v1/responses", body, {"Content-Type": "application/json"}, key=ALICE)
    assert status == 200 and fields["content-type"].startswith("text/event-stream"), answer
    events = []
    for block in answer.decode().split("\n\n")[:-1]:
        if not block.startswith(":"):
            name, data = (line.split(": ", 1)[1] for line in block.split("\n"))
            events.append(json.loads(data))
            assert events[-1]["type"] == name
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_whole_response_over_every_protocol(site, protocol):
    status, fields, response = ask(site, protocol, metadata={"a": "b"})
    assert status == 200, response
    assert response["object"] == "response" and response["status"] == "completed" and response["error"] is None
    assert response["id"].startswith("resp_") and text_of(response)
    assert response["usage"]["output_tokens"] == 5 and response["metadata"] == {"a": "b"}
    assert fields["x-headgate-model"] == protocol


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_streamed_response_says_the_same(site, protocol):
    events = events_of(site, protocol)
    names = [event["type"] for event in events]
    assert names[:2] == ["response.created", "response.in_progress"] and names[-1] == "response.completed"
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert text == text_of(events[-1]["response"]) == text_of(ask(site, protocol)[2])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_functions_are_called_and_their_results_taken(site, protocol):
    first = ask(site, protocol, tools=[TOOL], tool_choice="required")[2]
    call = first["output"][-1]
    assert call["type"] == "function_call" and call["name"] == "look" and json.loads(call["arguments"])["city"]
    items = [{"role": "user", "content": "Where?"}, *first["output"],
             {"type": "function_call_output", "call_id": call["call_id"], "output": "12C"}]
    status, _, second = ask(site, protocol, tools=[TOOL], input=items)
    assert status == 200 and text_of(second), second


def test_a_stream_that_breaks_off_is_not_completed(site):
    names = [event["type"] for event in events_of(site, "cut")]
    assert names[-1] in ("error", "response.failed") and "response.completed" not in names


def test_what_cannot_be_expressed_is_named(site):
    for members, param in [({"conversation": "c"}, "conversation"), ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
                           ({"background": True, "stream": True}, "stream"), ({"background": True, "store": False}, "store"),
                           ({"background": True, "conversation": "c"}, "conversation"),
                           ({"previous_response_id": "resp_x"}, "previous_response_id"), ({"input": None}, "input")]:
        status, _, answer = ask(site, **members)
        assert status == 400 and answer["error"]["param"] == param, (members, answer)


def test_a_background_response_is_a_job(site):
    status, _, queued = ask(site, background=True, metadata={"k": "v"})
    assert status == 200 and queued["object"] == "response" and queued["background"] is True, queued
    assert queued["status"] in ("queued", "in_progress", "completed") and queued["metadata"] == {"k": "v"}
    done = completed(site, queued["id"])
    assert done["status"] == "completed" and done["id"] == queued["id"], done
    assert done["created_at"] == queued["created_at"] and done["background"] is True
    assert text_of(done) == text_of(ask(site)[2]) and done["usage"]["output_tokens"] == 5
    job = site.job(queued["id"].removeprefix("resp_"), key=ALICE)
    assert job["status"] == "succeeded" and job["model"] == "openai"


def test_a_background_response_outlives_a_crash(site):
    response_id = ask(site, background=True)[2]["id"]
    site.crash()
    assert completed(site, response_id)["status"] == "completed"


def test_a_background_response_is_cancelled(site):
    response_id = ask(site, "slow", background=True)[2]["id"]
    until(lambda: show(site, response_id)[2]["status"] == "in_progress")
    status, _, cancelled = site.call(f"/v1/responses/{response_id}/cancel", {}, key=ALICE)
    assert status == 200 and cancelled["status"] == "cancelled" and cancelled["id"] == response_id
    assert show(site, response_id)[2]["status"] == "cancelled"
    again = site.call(f"/v1/responses/{response_id}/cancel", {}, key=ALICE)
    assert again[0] == 200 and again[2]["status"] == "cancelled"


def test_a_background_response_that_fails_says_why(site):
    failed = completed(site, ask(site, "failing", background=True)[2]["id"])
    assert failed["status"] == "failed" and failed["output"] == []
    assert failed["error"]["code"] and failed["error"]["message"]


def test_a_background_response_is_its_owners(site):
    response_id = ask(site, background=True)[2]["id"]
    completed(site, response_id)
    assert show(site, response_id, key=BOB)[0] == 404
    assert site.call(f"/v1/responses/{response_id}/cancel", {}, key=BOB)[0] == 404
    status, _, answer = ask(site, key=BOB, previous_response_id=response_id)
    assert status == 400 and answer["error"]["param"] == "previous_response_id"


def test_what_is_not_stored_is_not_found(site):
    response = ask(site, store=True)[2]
    chat = site.submit({"model": "openai", "messages": [{"role": "user", "content": "x"}]}, key=ALICE)
    for response_id in [response["id"], "resp_" + chat, "resp_" + str(uuid.uuid4()), "job_1"]:
        status, _, answer = show(site, response_id)
        assert status == 404 and answer["error"]["code"] == "response_not_found", answer
        assert "background" in answer["error"]["message"]


@pytest.mark.parametrize("background", [False, True])
def test_a_conversation_goes_on_behind_a_background_response(site, background):
    first = completed(site, ask(site, background=True, input="My name is Ada.", instructions="Be brief.")[2]["id"])
    status, _, second = ask(site, "echo", background=background, previous_response_id=first["id"], input="Who am I?")
    assert status == 200, second
    if background:
        second = completed(site, second["id"])
    assert second["previous_response_id"] == first["id"]
    sent = json.loads(text_of(second))["messages"]
    said = json.dumps([turn["content"] for turn in sent])
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user"], "instructions are not carried over"
    assert said.index("My name is Ada.") < said.index(text_of(first)) < said.index("Who am I?")
    if background:
        third = ask(site, "echo", previous_response_id=second["id"], input="Still?")[2]
        assert "My name is Ada." in text_of(third) and "Who am I?" in text_of(third)


def test_a_response_that_is_not_complete_cannot_be_followed(site):
    response_id = ask(site, "slow", background=True)[2]["id"]
    status, _, answer = ask(site, previous_response_id=response_id)
    assert status == 400 and answer["error"]["param"] == "previous_response_id"
    site.call(f"/v1/responses/{response_id}/cancel", {}, key=ALICE)


@pytest.mark.parametrize("background", [False, True])
def test_the_same_key_is_the_same_response(site, background):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = ask(site, background=background, headers=headers)
    second = ask(site, background=background, headers=headers)
    assert first[0] == second[0] == 200, second
    assert first[2]["id"] == second[2]["id"] and second[1]["idempotent-replayed"] == "true"


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_can_be_a_job_of_our_own_api(site, stream):
    body = {"model": "openai", "input": "Where?", "stream": stream}
    job = site.submit(body, path="/v1/responses", key=ALICE)
    ended = site.job(job, key=ALICE, query="?wait=30")
    assert ended["status"] == "succeeded" and ended["result"]["status"] == "completed", ended
    assert show(site, "resp_" + job)[2]["id"] == "resp_" + job
    status, _, answer = ask(site, headers={"Prefer": "respond-async"}, previous_response_id="resp_" + job)
    assert status == 400 and answer["error"]["param"] == "previous_response_id"
