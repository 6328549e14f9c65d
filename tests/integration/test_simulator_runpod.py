"""The simulator as RunPod: the queue, its states, what is lost, and the model server behind it."""

import json
import threading
import time

import pytest

from processes import start_simulator
from sim_wire import exchange, is_silent


@pytest.fixture(scope="module")
def sim():
    with start_simulator() as running:
        yield running


@pytest.fixture(autouse=True)
def _empty_log(sim):
    sim.clear()


def call(sim, method, path, body=b"", endpoint="sim"):
    return exchange(sim, method, f"/v2/{endpoint}/{path}", body)


def run(sim, endpoint="sim", operation="run", **body):
    return call(sim, "POST", operation, {"input": {"text": "hello"}, **body}, endpoint)


def status(sim, job, endpoint="sim", operation="status"):
    return call(sim, "GET", f"{operation}/{job}", endpoint=endpoint)


def settled(sim, job, endpoint, wanted):
    """Asks until the job is in the state; the limit only ends a failed test."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = status(sim, job, endpoint).json()
        if answer["status"] == wanted:
            return answer
    raise AssertionError(answer)


def test_a_job_is_queued_runs_and_completes(sim):
    endpoint = "sim:queue=60ms:execution=60ms"
    reply = run(sim, endpoint)
    answer = reply.json()
    assert reply.status == 200 and set(answer) == {"id", "status"}
    assert answer["status"] == "IN_QUEUE" and answer["id"].endswith("-u1")
    seen = [status(sim, answer["id"], endpoint).json()["status"]]
    while seen[-1] != "COMPLETED" and len(seen) < 100_000:
        seen.append(status(sim, answer["id"], endpoint).json()["status"])
    order = [state for state in ("IN_QUEUE", "IN_PROGRESS", "COMPLETED") if state in seen]
    assert sorted(set(seen), key=seen.index) == order and seen[0] == "IN_QUEUE"
    done = status(sim, answer["id"], endpoint).json()
    assert done["delayTime"] >= 60 and done["executionTime"] == 60 and done["workerId"]
    assert done["output"]["text"].startswith("the gate")


def test_the_same_work_twice_is_two_jobs(sim):
    assert run(sim).json()["id"] != run(sim).json()["id"]
    one, two = sim.jobs()
    assert one["input_hash"] == two["input_hash"]


def test_runsync_holds_until_the_job_is_over(sim):
    answer = run(sim, "sim:execution=40ms", "runsync").json()
    assert answer["status"] == "COMPLETED" and answer["id"].startswith("sync-")
    assert sim.log()["requests"][-1]["took_us"] >= 40_000


def test_runsync_gives_an_unfinished_job_when_its_wait_is_over(sim):
    answer = run(sim, "sim:execution=1m", "runsync?wait=1000").json()
    assert answer["status"] == "IN_PROGRESS" and "output" not in answer
    assert sim.log()["requests"][-1]["took_us"] >= 1_000_000


def test_a_held_answer_notices_that_its_job_was_cancelled(sim):
    endpoint = "sim:execution=1m"
    job = run(sim, endpoint).json()["id"]
    got = []
    waiting = threading.Thread(
        target=lambda: got.append(status(sim, job, endpoint, "status-sync").json()))
    waiting.start()
    assert call(sim, "POST", f"cancel/{job}", endpoint=endpoint).json()["status"] == "CANCELLED"
    waiting.join(10)
    assert got[0]["status"] == "CANCELLED"


def test_pieces_are_given_once_and_in_order(sim):
    endpoint = "sim:tokens=20:tps=400"
    job = run(sim, endpoint).json()["id"]
    text, calls, state = "", 0, ""
    while calls < 1000:
        answer = status(sim, job, endpoint, "stream").json()
        calls += 1
        state = answer["status"]
        text += "".join(piece["output"] for piece in answer["stream"])
        if state == "COMPLETED" and not answer["stream"]:
            break
    assert calls > 1 and state == "COMPLETED"
    assert text == status(sim, job, endpoint).json()["output"]["text"]
    assert status(sim, job, endpoint, "stream").json()["stream"] == []


def test_jobs_fail_time_out_lose_their_output_or_themselves(sim):
    def end(endpoint):
        return status(sim, run(sim, endpoint).json()["id"], endpoint)

    failed = end("sim:job=failed").json()
    assert failed["status"] == "FAILED" and "output" not in failed
    assert json.loads(failed["error"])["error_traceback"]
    assert end("sim:job=timed-out").json()["status"] == "TIMED_OUT"
    empty = end("sim:job=no-output").json()
    assert empty["status"] == "COMPLETED" and "output" not in empty
    assert end("sim:job=lost").status == 404
    assert end("sim:job=stuck").json()["status"] == "IN_QUEUE"


def test_the_execution_timeout_of_the_policy_counts(sim):
    answer = run(sim, "sim", policy={"executionTimeout": 10})
    assert answer.status == 400 and "executionTimeout" in answer.json()["error"]
    assert run(sim, "sim", policy={"ttl": 10}).status == 400
    assert run(sim, "sim", policy={"executionTimeout": 5000, "ttl": 60000}).status == 200


def test_results_expire(sim):
    endpoint = "sim:expiry=60ms"
    job = run(sim, endpoint).json()["id"]
    assert status(sim, job, endpoint).json()["status"] == "COMPLETED"
    deadline = time.monotonic() + 10
    while status(sim, job, endpoint).status == 200 and time.monotonic() < deadline:
        pass
    assert status(sim, job, endpoint).status == 404


def test_cancel_stops_a_job_and_leaves_a_finished_one(sim):
    endpoint = "sim:queue=1m"
    job = run(sim, endpoint).json()["id"]
    answer = call(sim, "POST", f"cancel/{job}", endpoint=endpoint).json()
    assert answer == {"id": job, "status": "CANCELLED"}
    assert status(sim, job, endpoint).json()["status"] == "CANCELLED"
    done = run(sim).json()["id"]
    assert call(sim, "POST", f"cancel/{done}").json()["status"] == "COMPLETED"
    assert call(sim, "POST", "cancel/nothing").status == 404


def test_retry_runs_the_same_job_again(sim):
    endpoint = "sim:job=failed:on=run:times=1"
    job = run(sim, endpoint).json()["id"]
    assert status(sim, job, endpoint).json()["status"] == "FAILED"
    answer = call(sim, "POST", f"retry/{job}", endpoint=endpoint).json()
    assert answer == {"id": job, "status": "IN_QUEUE"}
    assert status(sim, job, endpoint).json()["status"] == "COMPLETED"
    assert call(sim, "POST", f"retry/{job}", endpoint=endpoint).status == 400
    assert sim.jobs()[0]["retries"] == 1


def test_purge_takes_what_is_queued(sim):
    endpoint = "sim:queue=1m"
    jobs = [run(sim, endpoint).json()["id"] for _ in range(2)]
    answer = call(sim, "POST", "purge-queue", endpoint=endpoint).json()
    assert answer == {"removed": 2, "status": "completed"}
    assert status(sim, jobs[0], endpoint).json()["status"] == "CANCELLED"


def test_health_counts_jobs_and_shows_a_cold_start(sim):
    endpoint = "sim:cold-start=80ms"
    assert call(sim, "GET", "health", endpoint=endpoint).json()["workers"]["idle"] == 1
    job = run(sim, endpoint).json()["id"]
    cold = call(sim, "GET", "health", endpoint=endpoint).json()
    assert cold["workers"]["initializing"] == 1 and cold["jobs"]["inQueue"] == 1
    assert settled(sim, job, endpoint, "COMPLETED")["delayTime"] >= 80
    warm = call(sim, "GET", "health", endpoint=endpoint).json()
    assert warm["workers"]["initializing"] == 0 and warm["jobs"]["completed"] == 1
    second = run(sim, endpoint).json()["id"]
    assert status(sim, second, endpoint).json()["delayTime"] < 80


def test_health_without_workers_has_no_body(sim):
    reply = call(sim, "GET", "health", endpoint="sim:scaled-to-zero")
    assert reply.status == 204 and reply.body == b"" and "content-length" not in reply.fields


def test_mistakes_are_refused(sim):
    for body in ({}, {"input": []}, {"input": "x"}, b"[]"):
        assert call(sim, "POST", "run", body).status == 400
    assert status(sim, "nothing").status == 404
    job = run(sim).json()["id"]
    assert status(sim, job, "another").status == 404
    assert call(sim, "GET", "unknown").status == 404
    large = {"input": {"data": "x" * (10 << 20)}}
    assert call(sim, "POST", "run", large).status == 400
    assert call(sim, "POST", "runsync", large).status == 200
    assert call(sim, "POST", "runsync", {"input": {"data": "x" * (20 << 20)}}).status == 400


def test_faults_can_strike_one_operation(sim):
    endpoint = "sim:on=status:status=502:times=2"
    job = run(sim, endpoint).json()["id"]
    assert [status(sim, job, endpoint).status for _ in range(3)] == [502, 502, 200]
    assert run(sim, "sim:status=429:retry-after=4").fields["retry-after"] == "4"
    assert len(sim.jobs()) == 1, "what was refused is no job"
    with pytest.raises(ConnectionResetError):
        run(sim, "sim:reset")
    assert len(sim.jobs()) == 2, "what was reset may have been taken"


@pytest.mark.parametrize("operation", ["run", "status", "stream", "cancel", "health"])
def test_every_fault_exists_for_every_operation(sim, operation):
    def struck(fault):
        endpoint = f"sim:on={operation}:{fault}"
        job = run(sim, endpoint).json()["id"] if operation != "run" else ""
        path = {"run": "run", "health": "health"}.get(operation, f"{operation}/{job}")
        posts = operation in ("run", "cancel")
        return ("POST" if posts else "GET", f"/v2/{endpoint}/{path}",
                {"input": {}} if posts else b"")

    def ask(fault):
        return exchange(sim, *struck(fault))

    assert ask("status=500").status == 500 and ask("status=401").json()["error"]
    assert ask("html200").fields["content-type"].startswith("text/html")
    assert "error" in ask("error200").json() and ask("error200").status == 200
    with pytest.raises(json.JSONDecodeError):
        ask("truncated").json()
    assert not ask("cut").whole and len(ask("cut-bytes=5").body) == 5
    assert ask("drip").status == 200
    for fault in ("reset", "reset-bytes=3"):
        with pytest.raises(ConnectionResetError):
            ask(fault)
    assert is_silent(sim, *struck("silence"))
    assert ask("latency=30ms").status == 200
    assert sim.log()["requests"][-1]["took_us"] >= 30_000


CHAT = {"model": "sim:tokens=3", "messages": [{"role": "user", "content": "hi"}]}


def vllm(stream, model="sim:tokens=3"):
    return {"openai_route": "/v1/chat/completions",
            "openai_input": {**CHAT, "model": model, "stream": stream}}


def test_the_queue_leads_to_the_model_server(sim):
    job = call(sim, "POST", "run", {"input": vllm(False)}).json()["id"]
    (answer,) = status(sim, job).json()["output"]
    assert answer["choices"][0]["message"]["content"] == "the gate stands"
    job = call(sim, "POST", "run", {"input": {"prompt": "hi"}}).json()["id"]
    (answer,) = status(sim, job).json()["output"]
    assert answer["choices"][0]["tokens"][0].startswith("the gate")
    listed = {"openai_route": "/v1/models"}
    job = call(sim, "POST", "run", {"input": listed}).json()["id"]
    assert status(sim, job).json()["output"][0]["object"] == "list"


def test_streams_of_the_model_server_come_in_slices(sim):
    job = call(sim, "POST", "run", {"input": vllm(True)}).json()["id"]
    pieces = [p["output"] for p in status(sim, job, operation="stream").json()["stream"]]
    direct = exchange(sim, "POST", "/v1/chat/completions", {**CHAT, "stream": True})
    assert "".join(pieces).encode() == direct.body
    assert any(not piece.endswith("\n\n") for piece in pieces)
    assert status(sim, job).json()["output"] == pieces


def test_errors_of_the_model_server_are_only_text(sim):
    job = call(sim, "POST", "run", {"input": vllm(False, "sim:status=400:vllm-errors")}).json()
    failed = status(sim, job["id"]).json()
    assert failed["status"] == "FAILED"
    assert failed["error"].startswith("{'message': 'vLLM returned HTTP 400: ")


def test_the_openai_route_passes_through(sim):
    reply = call(sim, "POST", "openai/v1/chat/completions", CHAT)
    assert reply.json()["choices"][0]["message"]["content"] == "the gate stands"
    reply = call(sim, "POST", "openai/v1/chat/completions", {**CHAT, "stream": True})
    assert reply.body.endswith(b"data: [DONE]\n\n")
    assert call(sim, "GET", "openai/v1/models").json()["object"] == "list"
    reply = call(sim, "POST", "openai/v1/chat/completions", CHAT, endpoint="sim:status=503")
    assert reply.status == 503 and reply.json()["error"]["type"]
    call(sim, "POST", "openai/v1/chat/completions", CHAT, endpoint="sim:cold-start=50ms")
    record = sim.log()["requests"][-1]
    assert record["took_us"] >= 50_000 and record["protocol"] == "runpod"


def test_a_key_is_asked_for_and_the_server_can_be_down(sim):
    with start_simulator("--require-key", "k-1") as locked:
        assert run(locked).status == 401
        reply = exchange(locked, "POST", "/v2/e/run", {"input": {}}, "Authorization: Bearer k-1")
        assert reply.status == 200
    sim.control("down", parameters="status=500")
    assert run(sim).status == 500 and isinstance(run(sim).json()["error"], str)
    sim.control("up")
    assert run(sim).status == 200
