"""Idempotency-Key: the same request twice is one request, over threads, principals and crashes."""
import json
import threading
import uuid

import pytest

from job_client import ALICE, ASYNC, BOB, JSON, chat, job_site, one_at_a_time, sim, until


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with job_site(tmp_path_factory.mktemp("idempotency")) as running:
        yield running


def keyed(headers=ASYNC):
    return {**headers, "Idempotency-Key": uuid.uuid4().hex}


def test_a_repeated_submission_is_the_same_job(site):
    model, headers = sim(), keyed()
    first = site.call("/v1/chat/completions", chat(model), headers)
    second = site.call("/v1/chat/completions", chat(model), headers)
    assert first[0] == second[0] == 202 and first[2]["id"] == second[2]["id"]
    assert first[1]["idempotent-replayed"] is None and second[1]["idempotent-replayed"] == "true"
    assert second[1]["location"] == first[1]["location"]
    site.ended(first[2]["id"])
    third = site.call("/v1/chat/completions", chat(model), headers)
    assert third[0] == 202 and third[2]["id"] == first[2]["id"], "after its end too"
    assert len(site.calls(model)) == 1


@pytest.mark.parametrize("path, headers, id_name", [("/api/chat", {"X-Client-ID": "app"}, "request_id"),
                                                    ("/v1/embeddings", ASYNC, "id")])
def test_every_job_route_honours_the_key(site, path, headers, id_name):
    body = {"model": sim(), "input": "x"} if "embed" in path else chat(sim())
    headers = keyed(headers)
    answers = [site.call(path, body, headers) for _ in range(3)]
    assert [answer[0] for answer in answers] == [202] * 3
    assert len({answer[2][id_name] for answer in answers}) == 1


def test_a_repeated_call_gets_the_first_answer_again(site):
    model, headers = sim(), keyed({})
    first = site.call("/v1/chat/completions", chat(model), headers)
    second = site.call("/v1/chat/completions", chat(model), headers)
    assert first[0] == second[0] == 200 and first[2] == second[2]
    assert first[1]["idempotent-replayed"] is None and second[1]["idempotent-replayed"] == "true"
    assert second[1]["content-type"] == first[1]["content-type"]
    assert len(site.calls(model)) == 1


@pytest.mark.parametrize("headers", [ASYNC, {}])
def test_the_same_key_with_another_body_is_422(site, headers):
    model, headers = sim(), keyed(headers)
    assert site.call("/v1/chat/completions", chat(model, "one"), headers)[0] in (200, 202)
    status, _, answer = site.call("/v1/chat/completions", chat(model, "two"), headers)
    assert status == 422 and answer["error"]["type"] == "invalid_request_error"
    until(lambda: site.calls(model))
    assert all("two" not in call["body_start"] for call in site.calls(model))


def test_a_call_that_still_runs_is_409_and_not_to_be_tried_again(site):
    model, headers = sim("latency=1s"), keyed({})
    answers = []
    first = threading.Thread(target=lambda: answers.append(site.call("/v1/chat/completions", chat(model), headers)))
    first.start()
    site.called(model)
    status, fields, answer = site.call("/v1/chat/completions", chat(model), headers)
    assert status == 409 and fields["x-should-retry"] == "false", answer
    assert answer["error"]["type"] == "invalid_request_error"
    first.join(20)
    assert answers[0][0] == 200
    again = site.call("/v1/chat/completions", chat(model), headers)
    assert again[0] == 200 and again[2] == answers[0][2] and len(site.calls(model)) == 1


def test_a_key_belongs_to_its_principal_and_path(site):
    headers = keyed()
    model = sim()
    alice = site.call("/v1/chat/completions", chat(model), headers, key=ALICE)
    bob = site.call("/v1/chat/completions", chat(model), headers, key=BOB)
    other = site.call("/v1/embeddings", {"model": model, "input": "x"}, headers, key=ALICE)
    assert [answer[0] for answer in (alice, bob, other)] == [202] * 3
    assert len({answer[2]["id"] for answer in (alice, bob, other)}) == 3
    assert all(answer[1]["idempotent-replayed"] is None for answer in (bob, other))


def test_of_many_at_the_same_time_one_makes_the_job(site):
    model, headers, answers = sim(), keyed(), []
    barrier = threading.Barrier(12)

    def submit():
        barrier.wait()
        answers.append(site.call("/v1/chat/completions", chat(model), headers))
    threads = [threading.Thread(target=submit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 12 and {answer[0] for answer in answers} <= {202, 409}
    accepted = [answer for answer in answers if answer[0] == 202]
    assert len({answer[2]["id"] for answer in accepted}) == 1
    assert sum(answer[1]["idempotent-replayed"] is None for answer in accepted) == 1
    site.ended(accepted[0][2]["id"])
    assert len(site.calls(model)) == 1


def test_of_many_calls_at_the_same_time_one_reaches_the_model(site):
    model, headers, statuses = sim("latency=100ms"), keyed({}), []
    threads = [threading.Thread(target=lambda: statuses.append(site.call("/v1/chat/completions", chat(model), headers)[0]))
               for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert 200 in statuses and set(statuses) <= {200, 409} and len(site.calls(model)) == 1


def test_a_refused_request_does_not_take_the_key(site):
    headers = keyed()
    assert site.call("/v1/chat/completions", b"{", headers)[0] == 400
    assert site.call("/v1/chat/completions", chat(sim()), headers)[0] == 202


@pytest.mark.parametrize("fault", ["cut=5", "reset=5", "error-event=5"])
def test_a_stream_that_broke_off_is_not_the_answer(site, fault):
    model, headers = sim(f"{fault}:times=3:tokens=10"), keyed(JSON)  # as often as a target is tried
    body = json.dumps(chat(model, stream=True)).encode()
    first = site.gateway.call("/v1/chat/completions", body, headers)
    assert first[0] == 200 and b'"error"' in first[2] and b"[DONE]" not in first[2]
    second = site.gateway.call("/v1/chat/completions", body, headers)
    assert second[0] == 200 and second[2].endswith(b"data: [DONE]\n\n") and b'"error"' not in second[2]
    assert second[1]["idempotent-replayed"] is None and len(site.calls(model)) == 4
    third = site.gateway.call("/v1/chat/completions", body, headers)
    assert third[2] == second[2] and third[1]["idempotent-replayed"] == "true" and len(site.calls(model)) == 4


def test_a_known_key_is_answered_although_the_backlog_is_full(tmp_path):
    upstream = sim("silence")
    with job_site(tmp_path, one_at_a_time("line", upstream, max_backlog=1)) as site:
        running = site.submit(chat("line"))
        site.called(upstream)
        headers = keyed()
        waiting = site.call("/v1/chat/completions", chat("line"), headers)
        assert waiting[0] == 202
        assert site.call("/v1/chat/completions", chat("line"), keyed())[0] == 503
        again = site.call("/v1/chat/completions", chat("line"), headers)
        assert again[0] == 202 and again[2]["id"] == waiting[2]["id"] and again[1]["idempotent-replayed"] == "true"
        assert site.call("/v1/chat/completions", chat("line", "other"), headers)[0] == 422
        assert site.job(running)["status"] == "running"


def test_the_key_of_a_job_survives_a_crash(tmp_path):
    with job_site(tmp_path) as site:
        model, headers = sim(), keyed()
        first = site.call("/v1/chat/completions", chat(model), headers)
        site.crash()
        second = site.call("/v1/chat/completions", chat(model), headers)
        assert second[0] == 202 and second[2]["id"] == first[2]["id"] and second[1]["idempotent-replayed"] == "true"
        assert site.call("/v1/chat/completions", chat(model, "other"), headers)[0] == 422
        assert site.ended(first[2]["id"])["status"] == "succeeded"


@pytest.mark.parametrize("key", ["", "x" * 300], ids=["empty", "long"])
def test_a_key_that_is_empty_or_too_long_is_400(site, key):
    status, _, answer = site.call("/v1/chat/completions", chat(sim()), {**ASYNC, "Idempotency-Key": key})
    assert status == 400 and "Idempotency-Key" in answer["error"]["message"], answer
