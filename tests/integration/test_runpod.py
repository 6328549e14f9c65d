"""RunPod behind the gateway: its queue for documents, its OpenAI route for chats, what breaks, and restarts."""
import functools
import http.client
import http.server
import json
import threading
import time
import uuid

import pytest

from conftest import KEY
from job_client import ASYNC, JSON, SAMPLES, Site, data_url, until
from processes import start_simulator

URL = "https://files.example/scan.png"
LOOPBACK = ["fetch.allow_private_hosts=[127.0.0.1]", "fetch.allow_http_hosts=[127.0.0.1]"]
MODELS = {
    # name: (the endpoint's behaviour, targets behind it)
    "plain": ("", []),
    "slow": ("execution=3s", []),
    "endless": ("execution=3600s", []),
    "flaky": ("job=failed:times=1:on=run", []),
    "lost": ("job=lost", []),
    "empty": ("job=no-output", []),
    "doubt": ("reset:on=run", []),
    "cold": ("cold-start=2s", []),
    "spare": ("job=failed", ["{provider: embedded}"]),
    "deep": ("status=503:times=2:on=status", []),
    "sure": ("", ["{provider: embedded}"]),
    "unsure": ("", ["{provider: embedded}"]),
}
# Of the answers that are sure to 0.95.
CHATS = {
    # name: (the endpoint's behaviour, the worker's model)
    "talk": ("", "sim:tokens=6"),
    "talk-cold": (":cold-start=1s", "sim:tokens=6"),
    "talk-long": (":execution=3600s", "sim:tokens=6"),
}
CONFIDENCE = {"sure": 0.9, "unsure": 0.99}


def options(simulator):
    """Options for all the models; endpoints carry the model's name, so each has a log of its own."""
    given = [*LOOPBACK, "providers.runpod.protocol=runpod", "providers.embedded.protocol=embedded",
             f"providers.runpod.base_url=http://127.0.0.1:{simulator.port}/v2",
             "providers.runpod.api_keys=[rp-key]"]
    for name, (behaviour, more) in MODELS.items():
        targets = ", ".join([f'{{provider: runpod, endpoint: "{endpoint(name)}"}}', *more])
        given += [f"models.{name}.kind=classify", f"models.{name}.targets=[{targets}]",
                  f"models.{name}.retry={{max_attempts: 3, initial: 10ms, max: 20ms}}"]
    given += [f"models.{name}.min_confidence={least}" for name, least in CONFIDENCE.items()]
    given += ["providers.queue.protocol=runpod_queue", "providers.queue.api_keys=[rp-key]",
              f"providers.queue.base_url=http://127.0.0.1:{simulator.port}/v2"]
    for name, (behaviour, model) in CHATS.items():
        given.append(f'models.{name}.targets=[{{provider: queue, endpoint: "sim-{name}{behaviour}", model: "{model}"}}]')
    given += ["models.alone.kind=classify", "models.alone.targets=[{provider: embedded}]"]
    given += ["models.fields.kind=extract", 'models.fields.targets=[{provider: runpod, endpoint: "sim-fields"}]',
              'models.llama.targets=[{provider: runpod, endpoint: "sim-llm", model: "sim:tokens=6"}]']
    return given


def endpoint(name):
    behaviour = MODELS[name][0]
    return f"sim-{name}:{behaviour}" if behaviour else f"sim-{name}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with start_simulator("--log-size", 20000) as simulator:
        running = Site(tmp_path_factory.mktemp("runpod"), simulator, options(simulator))
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture(autouse=True)
def _empty_log(site):
    site.simulator.clear()


def jobs(site, name):
    return [job for job in site.simulator.jobs() if job["endpoint"] == endpoint(name)]


def calls(site, name, operation):
    path = f"/v2/{endpoint(name)}/{operation}"
    return [request for request in site.simulator.log()["requests"]
            if request["target"] == path or request["target"].startswith(path + "/")]


def classify(site, name, url=URL, **headers):
    return site.call("/v1/classify", {"model": name, "image_urls": [url]}, {**JSON, **headers})


def submit(site, name):
    status, _, answer = site.call("/v1/classify", {"model": name, "image_urls": [URL]}, ASYNC)
    assert status == 202, answer
    return answer["id"]


def test_a_caller_waits_for_the_queue(site):
    status, headers, answer = classify(site, "plain")
    assert status == 200, answer
    assert (answer["type"], answer["confidence"], answer["provider"]) == ("W2", 0.95, "runpod")
    assert headers["x-headgate-provider"] == "runpod" and headers["x-headgate-attempts"] == "1"
    assert len(calls(site, "plain", "run")) == 1 and len(jobs(site, "plain")) == 1
    assert "cancel" not in json.dumps([call["target"] for call in site.simulator.log()["requests"]])


def test_fields_are_extracted(site):
    status, _, answer = site.call("/v1/extract", {"model": "fields", "image_urls": [URL], "doc_type": "W2",
                                                  "include_raw": True})
    assert status == 200, answer
    assert answer["doc_type"] == "W2" and answer["confidence"] == 0.9 and answer["page_count"] == 1
    assert answer["data"]["text"] == answer["raw_ocr"] != ""


def test_what_the_worker_cannot_take_is_named(site):
    status, _, answer = site.call("/v1/extract", {"model": "fields", "image_urls": [URL]})
    assert (status, answer["error"]["param"]) == (400, "doc_type")
    status, _, answer = classify(site, "plain", data_url("invoice.jpg"))
    assert (status, answer["error"]["param"]) == (400, "image_urls")
    assert not site.simulator.jobs()


def test_a_job_keeps_one_attempt(site):
    ended = site.ended(submit(site, "plain"))
    assert ended["status"] == "succeeded" and ended["result"]["type"] == "W2"
    assert [(attempt["provider"], attempt["outcome"]) for attempt in ended["attempts"]] == [("runpod", "succeeded")]
    assert len(calls(site, "plain", "run")) == 1


@pytest.mark.parametrize("end", ["crash", "stop"])
def test_a_new_start_of_the_gateway_waits_for_the_same_work(site, end):
    job = submit(site, "slow")
    until(lambda: calls(site, "slow", "status"))
    if end == "crash":
        site.crash()
    else:
        assert site.gateway.stop() == 0
        site.start()
    ended = site.ended(job)
    assert ended["status"] == "succeeded", ended
    assert [attempt["n"] for attempt in ended["attempts"]] == [1]
    assert len(calls(site, "slow", "run")) == 1 and not calls(site, "slow", "cancel")
    assert [remote["status"] for remote in jobs(site, "slow")] == ["COMPLETED"]


def test_a_client_who_leaves_cancels_the_work(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.gateway.port, timeout=30)
    connection.request("POST", "/v1/classify", json.dumps({"model": "endless", "image_urls": [URL]}),
                       {**JSON, "X-API-Key": KEY})
    until(lambda: calls(site, "endless", "status"))
    connection.close()
    left = time.monotonic()
    until(lambda: calls(site, "endless", "cancel"))
    assert time.monotonic() - left < 2
    until(lambda: [remote["status"] for remote in jobs(site, "endless")] == ["CANCELLED"])


def test_a_cancelled_job_cancels_the_work(site):
    job = submit(site, "endless")
    until(lambda: calls(site, "endless", "status"))
    status, _, answer = site.call(f"/v1/jobs/{job}", method="DELETE")
    assert (status, answer["status"]) == (200, "cancelled")
    until(lambda: [remote["status"] for remote in jobs(site, "endless")] == ["CANCELLED"])


def test_failed_work_is_done_again_as_the_policy_says(site):
    status, headers, answer = classify(site, "flaky")
    assert status == 200, answer
    assert headers["x-headgate-attempts"] == "2" and len(calls(site, "flaky", "run")) == 2


def test_a_poll_that_fails_loses_nothing(site):
    status, headers, answer = classify(site, "deep")
    assert status == 200, answer
    assert headers["x-headgate-attempts"] == "1" and len(calls(site, "deep", "run")) == 1
    assert len(calls(site, "deep", "status")) >= 3


@pytest.mark.parametrize("name, code", [("lost", "upstream_job_lost"), ("empty", "upstream_empty_result")])
def test_results_that_are_gone_are_errors(site, name, code):
    status, _, answer = classify(site, name)
    assert status == 502, answer
    outcomes = [attempt["outcome"] for attempt in answer["error"]["details"]["attempts"]]
    assert outcomes == [code] * 3 and len(calls(site, name, "run")) == 3


def test_work_in_doubt_is_not_handed_over_twice(site):
    status, _, answer = classify(site, "doubt")
    assert (status, answer["error"]["code"]) == (502, "upstream_in_doubt")
    assert len(calls(site, "doubt", "run")) == 1


@pytest.fixture(scope="module")
def invoice():
    """The URL of a document on loopback."""
    handler = functools.partial(QuietFiles, directory=SAMPLES)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/invoice.jpg"
    server.shutdown()
    server.server_close()


def test_another_target_takes_over(site, invoice):
    status, headers, answer = classify(site, "spare", invoice)
    assert status == 200, answer
    assert answer["provider"] == "embedded" and int(headers["x-headgate-attempts"]) > 1
    assert calls(site, "spare", "run")


def test_a_target_that_is_sure_is_alone_asked(site, invoice):
    status, headers, answer = classify(site, "sure", invoice)
    assert status == 200, answer
    assert (answer["provider"], answer["confidence"], headers["x-headgate-attempts"]) == ("runpod", 0.95, "1")


def test_below_the_confidence_wanted_the_next_is_asked_and_the_surest_counts(site, invoice):
    _, _, alone = site.call("/v1/classify", {"model": "alone", "image_urls": [invoice]})
    status, headers, answer = classify(site, "unsure", invoice)
    assert status == 200, answer
    assert headers["x-headgate-attempts"] == "2" and len(calls(site, "unsure", "run")) == 1
    best = ("embedded", alone["confidence"]) if alone["confidence"] > 0.95 else ("runpod", 0.95)
    assert (answer["provider"], answer["confidence"]) == best
    assert headers["x-headgate-provider"] == best[0]


def test_an_answer_that_is_not_sure_is_better_than_none(site):
    status, headers, answer = classify(site, "unsure")  # the embedded engine cannot fetch it
    assert status == 200, answer
    assert (answer["provider"], answer["confidence"]) == ("runpod", 0.95)


@pytest.mark.parametrize("url", ["http://files.example/scan.png", "https://169.254.169.254/latest", "https://10.0.0.1/x",
                                 "https://localhost/x", "https://files.example:8443/x"])
def test_what_the_gateway_would_not_fetch_no_worker_is_sent_to(site, url):
    status, _, answer = classify(site, "plain", url)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "url_not_allowed", "image_urls")
    assert not site.simulator.jobs()


def test_how_long_work_waited_at_the_provider_is_told(site):
    status, headers, _ = classify(site, "plain")
    assert status == 200 and int(headers["x-headgate-remote-wait-ms"]) >= 0
    _, _, page = site.gateway.call("/metrics")
    assert 'headgate_target_remote_wait_seconds_count{provider="runpod",target="sim-plain"}' in page.decode()


def talk(site, name, text, **members):
    body = {"model": name, "messages": [{"role": "user", "content": text}], **members}
    return site.gateway.call("/v1/chat/completions", json.dumps(body).encode(), JSON)


def text_of(streamed):
    events = [json.loads(line[6:]) for line in streamed.decode().splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])


@pytest.mark.parametrize("name", ["talk", "talk-cold"])
def test_a_chat_through_the_queue_streams(site, name):
    status, headers, streamed = talk(site, name, "hello", stream=True)
    assert status == 200 and headers["x-headgate-provider"] == "queue", streamed
    assert streamed.rstrip().endswith(b"data: [DONE]")
    status, _, whole = talk(site, name, "hello")
    assert status == 200, whole
    assert text_of(streamed) == json.loads(whole)["choices"][0]["message"]["content"] != ""
    targets = [request["target"].split("/")[3] for request in site.simulator.log()["requests"]]
    assert targets.count("run") == 2 and "stream" in targets and "cancel" not in targets


def test_a_chat_through_the_queue_is_a_job_that_survives(site):
    job = site.submit({"model": "talk-cold", "messages": [{"role": "user", "content": "hi"}]})
    until(lambda: [one for one in site.simulator.log()["requests"] if "/status/" in one["target"]])
    site.crash()
    ended = site.ended(job)
    assert ended["status"] == "succeeded" and ended["result"]["choices"][0]["message"]["content"], ended
    assert len([one for one in site.simulator.log()["requests"] if one["target"].endswith("/run")]) == 1


def test_a_client_who_leaves_a_stream_of_the_queue_cancels_the_work(site):
    connection = http.client.HTTPConnection("127.0.0.1", site.gateway.port, timeout=30)
    body = {"model": "talk-long", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {**JSON, "X-API-Key": KEY})
    until(lambda: [one for one in site.simulator.log()["requests"] if "/stream/" in one["target"]])
    connection.close()
    until(lambda: [remote["status"] for remote in site.simulator.jobs()] == ["CANCELLED"])


def test_an_upload_goes_to_the_target_that_takes_it(site):
    status, headers, answer = classify(site, "spare", data_url("invoice.jpg"))
    assert status == 200, answer
    assert answer["provider"] == "embedded" and headers["x-headgate-attempts"] == "1"
    assert not calls(site, "spare", "run")


def test_a_cold_start_takes_longer_and_is_shown(site):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(classify(site, "cold")))
    asking.start()
    until(lambda: jobs(site, "cold"))
    shown = until(lambda: cold_endpoint(site))
    asking.join(30)
    assert shown["workers"]["initializing"] == 1 and shown["error"] == "A worker starts; requests wait for it."
    assert answers[0][0] == 200 and len(calls(site, "cold", "run")) == 1


def cold_endpoint(site):
    _, _, health = site.call("/health", key=None)
    found = health["endpoints"]["runpod/" + endpoint("cold")]
    return found if found["error"] else None


def test_health_names_each_endpoint_and_its_workers(site):
    _, _, health = site.call("/health", key=None)
    shown = health["endpoints"]["runpod/sim-fields"]
    assert shown["status"] == "healthy" and shown["workers"]["ready"] == 1


def test_chats_pass_through_the_openai_route(site):
    body = {"model": "llama", "messages": [{"role": "user", "content": uuid.uuid4().hex}]}
    status, headers, answer = site.call("/v1/chat/completions", body)
    assert status == 200 and headers["x-headgate-provider"] == "runpod"
    status, _, streamed = site.gateway.call("/v1/chat/completions", json.dumps({**body, "stream": True}).encode(), JSON)
    events = [json.loads(line[6:]) for line in streamed.decode().splitlines()
              if line.startswith("data: {")]
    text = "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])
    assert text == answer["choices"][0]["message"]["content"] != ""
    targets = [request["target"] for request in site.simulator.log()["requests"]]
    assert targets == ["/v2/sim-llm/openai/v1/chat/completions"] * 2


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
