"""Answers that are kept and given again."""
import contextlib
import http.client
import json

import pytest

from conftest import KEY, running_gateway
from job_client import until
from processes import start_simulator

ALICE, ONCE = "alice-cache-test-key", "three-requests-cache-key"
JSON = {"Content-Type": "application/json"}


def configuration(folder, port):
    root = f"http://127.0.0.1:{port}"
    return f"""
server: {{ listen: "127.0.0.1:0", threads: 2 }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: test, key: {KEY}, scopes: [admin], tier: unlimited }}
    - {{ name: alice, key: {ALICE}, scopes: [inference:text], tier: unlimited }}
    - {{ name: three, key: {ONCE}, scopes: [inference:text], tier: three }}
limits: {{ tiers: {{ unlimited: {{}}, three: {{ per_hour: 3, tokens_per_minute: 100000 }} }} }}
providers:
  openai: {{ protocol: openai, base_url: "{root}/v1", api_keys: [secret] }}
  anthropic: {{ protocol: anthropic, base_url: "{root}", api_keys: [secret] }}
models:
  kept: {{ aliases: [org/kept], cache: {{ ttl: 1h }}, targets: [ {{ provider: openai, model: "sim:tokens=4", price: {{ input: 1000, output: 1000 }} }} ] }}
  claude: {{ cache: {{ ttl: 1h }}, targets: [ {{ provider: anthropic, model: "sim:tokens=4" }} ] }}
  always: {{ cache: {{ ttl: 1h, requests: all }}, targets: [ {{ provider: openai, model: "sim:tokens=4" }} ] }}
  never: {{ targets: [ {{ provider: openai, model: "sim:tokens=4" }} ] }}
  embedder: {{ kind: embedding, cache: {{ ttl: 1h }}, targets: [ {{ provider: openai, model: "sim:dimensions=4" }} ] }}
  broken: {{ cache: {{ ttl: 1h }}, targets: [ {{ provider: openai, model: "sim:error-event=4" }} ], retry: {{ max_attempts: 1 }}, breaker: {{ failures: 0 }} }}
  failing: {{ cache: {{ ttl: 1h }}, targets: [ {{ provider: openai, model: "sim:status=500" }} ], retry: {{ max_attempts: 1 }}, breaker: {{ failures: 0 }} }}
  busy: {{ cache: {{ ttl: 1h }}, queue: {{ max_concurrent: 1, max_waiting: 0 }}, targets: [ {{ provider: openai, model: "busy-upstream" }} ] }}
  billed: {{ cache: {{ ttl: 1h }}, targets: [ {{ provider: openai, model: "sim:tokens=4" }} ] }}
  paced: {{ cache: {{ ttl: 1h }}, targets: [ {{ provider: openai, model: "sim:tokens=50:tps=100" }} ] }}
  large: {{ cache: {{ ttl: 1h }}, targets: [ {{ provider: openai, model: "sim:echo" }} ] }}
"""


class Site:
    def __init__(self, gateway, simulator):
        self.gateway, self.simulator = gateway, simulator

    def post(self, path, body, key=KEY, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gateway.call(path, json.dumps(body).encode(), {**JSON, **names}, key=key)

    def chat(self, model="kept", text="hi", key=KEY, headers=None, **members):
        body = {"model": model, "messages": [{"role": "user", "content": text}], **members}
        return self.gateway.call("/v1/chat/completions", json.dumps(body).encode(), {**JSON, **(headers or {})}, key=key)

    def calls(self):
        return len(self.simulator.log()["requests"])

    @contextlib.contextmanager
    def expect_calls(self, count):
        before = self.calls()
        yield
        assert self.calls() - before == count

    def metric(self, name):
        text = self.gateway.call("/metrics")[2].decode()
        return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(name + " ")))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with start_simulator() as simulator:
        with running_gateway(folder, None, config=configuration(folder, simulator.port)) as gateway:
            yield Site(gateway, simulator)


def outcome(answer):
    status, headers, _ = answer
    assert status == 200, answer
    return headers["x-headgate-cache"]


def test_the_same_question_has_the_same_answer_without_a_call(site):
    with site.expect_calls(1):
        first = site.chat(text="same", temperature=0)
        second = site.chat(text="same", temperature=0)
        alias = site.chat(model="org/kept", text="same", temperature=0, metadata={"a": "b"})
    assert [outcome(answer) for answer in (first, second, alias)] == ["miss", "hit", "hit"]
    assert first[2] == second[2] == alias[2]
    headers = second[1]
    assert headers["x-headgate-attempts"] == "0" and headers["x-headgate-provider"] == "openai"
    assert headers["x-headgate-cost"] == "0.00" and 0 <= int(headers["age"]) < 60
    assert first[1]["x-headgate-cost"] != "0.00" and first[1]["age"] is None


def test_a_stream_is_kept_apart_from_a_whole_answer(site):
    with site.expect_calls(2):
        whole = site.chat(text="stream", seed=1)
        first = site.chat(text="stream", seed=1, stream=True)
        second = site.chat(text="stream", seed=1, stream=True)
    assert [outcome(answer) for answer in (whole, first, second)] == ["miss", "miss", "hit"]
    assert first[2] == second[2] and first[2].endswith(b"data: [DONE]\n\n")
    for name in ("content-type", "cache-control", "x-accel-buffering", "transfer-encoding"):
        assert first[1][name] == second[1][name], name


@pytest.mark.parametrize("model", ["kept", "claude"])
def test_each_entrance_gets_its_own_words(site, model):
    message = {"model": model, "max_tokens": 50, "temperature": 0, "messages": [{"role": "user", "content": f"words {model}"}]}
    item = {"model": model, "temperature": 0, "input": f"words {model}"}
    for path, body, ending in (("/v1/messages", message, b"message_stop"), ("/v1/responses", item, b"response.completed")):
        for more in ({}, {"stream": True}):
            first, second = (site.post(path, {**body, **more}) for _ in range(2))
            assert (outcome(first), outcome(second)) == ("miss", "hit")
            assert first[2] == second[2] and (ending in second[2]) == bool(more)


def test_only_answers_that_would_be_the_same_are_kept_unless_it_is_asked_for(site):
    for _ in range(2):
        assert outcome(site.chat(text="varies")) == "off"
        assert outcome(site.chat(text="varies", temperature=0.5)) == "off"
        assert outcome(site.chat(model="never", text="varies", temperature=0)) == "off"
    everything = {"X-Headgate-Cache": "all"}
    assert [outcome(site.chat(text="varies", headers=everything)) for _ in range(2)] == ["miss", "hit"]
    assert [outcome(site.chat(model="always", text="varies")) for _ in range(2)] == ["miss", "hit"]
    assert site.chat(headers={"X-Headgate-Cache": "yes"})[0] == 400


def test_embeddings_are_always_kept(site):
    answers = [site.post("/v1/embeddings", {"model": "embedder", "input": "x"}) for _ in range(2)]
    assert [outcome(answer) for answer in answers] == ["miss", "hit"] and answers[0][2] == answers[1][2]


def test_another_principal_never_sees_an_answer(site):
    assert outcome(site.chat(text="mine", temperature=0)) == "miss"
    assert outcome(site.chat(text="mine", temperature=0, key=ALICE)) == "miss"
    assert outcome(site.chat(text="mine", temperature=0, key=ALICE)) == "hit"
    assert outcome(site.chat(text="mine", temperature=0, user="u")) == "miss", "nor another user of the same one"


def test_the_client_decides_by_cache_control(site):
    ask = lambda control: outcome(site.chat(text="control", temperature=0, headers={"Cache-Control": control}))
    with site.expect_calls(3):
        assert ask("no-store") == "off"
        assert ask("no-cache") == "miss", "nothing was kept, and it may not be read"
        assert ask("max-age=60") == "hit"
        assert ask("no-cache") == "miss"


def test_a_broken_stream_and_an_error_are_not_kept(site):
    with site.expect_calls(2):
        for _ in range(2):
            broken = site.chat(model="broken", text="b", temperature=0, stream=True)
            assert outcome(broken) == "miss" and b'"error"' in broken[2] and b"[DONE]" not in broken[2]
    with site.expect_calls(2):
        assert [site.chat(model="failing", temperature=0)[0] for _ in range(2)] == [502, 502]


def test_a_stream_whose_client_left_is_not_kept(site):
    body = json.dumps({"model": "paced", "temperature": 0, "stream": True, "messages": [{"role": "user", "content": "left"}]})
    connection = http.client.HTTPConnection("127.0.0.1", site.gateway.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", body, {**JSON, "X-API-Key": KEY})
    connection.getresponse().read(10)
    connection.close()
    until(lambda: '"status":499' in site.gateway.requests_log())
    answer = site.gateway.call("/v1/chat/completions", body.encode(), JSON)
    assert outcome(answer) == "miss" and answer[2].endswith(b"[DONE]\n\n")


def test_a_hit_needs_no_slot(site):
    assert outcome(site.chat(model="busy", text="slot", temperature=0)) == "miss"
    site.simulator.control("model", model="busy-upstream", parameters="silence")
    holder = http.client.HTTPConnection("127.0.0.1", site.gateway.port, timeout=20)
    body = json.dumps({"model": "busy", "messages": [{"role": "user", "content": "hold"}]})
    before = site.calls()
    holder.request("POST", "/v1/chat/completions", body, {**JSON, "X-API-Key": KEY})
    try:
        until(lambda: site.calls() > before)
        assert site.chat(model="busy", text="another", temperature=0)[0] == 503
        assert outcome(site.chat(model="busy", text="slot", temperature=0)) == "hit"
    finally:
        holder.close()


def test_a_hit_counts_against_rates_but_takes_no_tokens(site):
    answers = [site.chat(text="rated", temperature=0, key=ONCE) for _ in range(4)]
    assert [answer[0] for answer in answers] == [200, 200, 200, 429]
    assert [outcome(answer) for answer in answers[:3]] == ["miss", "hit", "hit"]
    left = [int(answer[1]["x-ratelimit-remaining-tokens"]) for answer in answers[:3]]
    assert left[2] >= left[1], "what the hit was let in with is given back"


def test_usage_is_of_what_was_asked_of_a_target(site):
    def requests():
        rows = json.loads(site.gateway.call("/admin/usage?model=billed&group=model")[2])["data"]
        return rows[0]["requests"] if rows else 0
    for text in ("usage", "usage", "usage", "another"):
        site.chat(model="billed", text=text, temperature=0)
    until(lambda: requests() >= 2)
    assert requests() == 2


def test_an_idempotency_key_holds_the_answer_whether_it_was_kept_or_not(site):
    key = {"Idempotency-Key": "cache-1"}
    first = site.chat(text="key", temperature=0, headers=key)
    again = site.chat(text="key", temperature=0, headers=key)
    other = site.chat(text="key", temperature=0, headers={"Idempotency-Key": "cache-2"})
    assert first[2] == again[2] == other[2]
    assert again[1]["idempotent-replayed"] == "true" and outcome(other) == "hit"


def test_a_job_neither_reads_nor_keeps(site):
    body = {"model": "kept", "temperature": 0, "messages": [{"role": "user", "content": "job"}]}
    with site.expect_calls(2):
        for _ in range(2):
            status, _, answer = site.post("/v1/chat/completions", body, Prefer="respond-async")
            assert status == 202
            job = json.loads(answer)["id"]
            until(lambda: json.loads(site.gateway.call(f"/v1/jobs/{job}")[2])["status"] == "succeeded")


def test_log_and_metrics_tell(site):
    before = site.metric('headgate_cache_lookups_total{result="hit"}')
    site.chat(text="told", temperature=0)
    request_id = site.chat(text="told", temperature=0)[1]["x-request-id"]
    assert site.metric('headgate_cache_lookups_total{result="hit"}') == before + 1
    assert site.metric("headgate_cache_answers") > 0 and site.metric("headgate_cache_bytes") > 0
    line = until(lambda: next((line for line in site.gateway.requests_log().splitlines() if request_id in line), None))
    assert json.loads(line)["cache"] == "hit" and json.loads(line)["attempts"] == 0


def test_memory_is_bounded_and_a_reload_empties_it(tmp_path):
    with start_simulator() as simulator:
        config = configuration(tmp_path, simulator.port) + "cache: { max_memory: 64KiB, max_answer: 16KiB }\n"
        with running_gateway(tmp_path, None, config=config) as gateway:
            site = Site(gateway, simulator)
            for i in range(20):
                assert outcome(site.chat(model="large", text=f"{i} " + "x" * 8000, temperature=0)) == "miss"
            assert site.metric("headgate_cache_evictions_total") > 0
            assert site.metric("headgate_cache_bytes") <= 64 << 10
            for _ in range(2):
                assert outcome(site.chat(model="large", text="y" * 20_000, temperature=0)) == "miss", "too large to be kept"
            assert outcome(site.chat(model="large", text="19 " + "x" * 8000, temperature=0)) == "hit"
            assert gateway.call("/admin/config/reload", b"", method="POST")[0] == 200
            assert site.metric("headgate_cache_answers") == 0 and site.metric("headgate_cache_bytes") == 0
            assert outcome(site.chat(model="large", text="19 " + "x" * 8000, temperature=0)) == "miss"
