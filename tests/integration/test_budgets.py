"""Budgets and tokens: let in by an estimate, settled by what was used, exact over crashes."""
import json
import threading
import time

import pytest

from conftest import KEY, Gateway
from processes import start_simulator

JSON = {"Content-Type": "application/json"}
LIMIT_SECONDS = 30
CONFIG = """
server: {{ listen: "127.0.0.1:0", threads: 2, shutdown_grace: 1s }}
data_dir: {folder}/data
log: {{ format: json }}
auth: {{ keys: [ {{ name: test, key: {key}, scopes: [admin], tier: unlimited }} ] }}
limits: {{ tiers: {{ unlimited: {{}}, tokens: {{ tokens_per_minute: 1000 }}, counted: {{ per_hour: 100, concurrent: 30 }} }} }}
providers:
  local: {{ protocol: openai, base_url: "{upstream}" }}
models:
  dear: {{ targets: [ {{ provider: local, model: "sim:tokens=10", price: {{ input: 1000, output: 10000 }} }} ] }}
  silent: {{ targets: [ {{ provider: local, model: "sim:silence", price: {{ input: 1000, output: 10000 }} }} ] }}
  cut: {{ targets: [ {{ provider: local, model: "sim:tokens=10:cut=5", price: {{ input: 1000, output: 10000 }} }} ] }}
  broken: {{ targets: [ {{ provider: local, model: "sim:status=500", price: {{ input: 1000, output: 10000 }} }} ] }}
  free: {{ targets: [ {{ provider: local, model: "sim:tokens=10" }} ] }}
"""
# The simulator counts 9 tokens in: 9 * $1000 / 1M + 10 * $10000 / 1M.
COST = 0.109


class Site:
    def __init__(self, folder, simulator):
        self.folder, self.simulator = folder, simulator
        self.start()

    def start(self):
        config = CONFIG.format(folder=self.folder, key=KEY, upstream=self.simulator.base_url)
        self.gateway = Gateway(self.folder, self.simulator.base_url, config=config)

    def crash(self):
        self.gateway.process.kill()
        self.gateway.process.wait(10)
        self.gateway.stop()
        self.start()

    def call(self, path, body=None, headers=None, method=None, key=KEY):
        data = None if body is None else json.dumps(body).encode()
        status, fields, answer = self.gateway.call(path, data, {**JSON, **(headers or {})}, method, key)
        return status, fields, json.loads(answer) if answer[:1] in b"{[" else answer.decode()

    def new_key(self, **fields):
        status, _, answer = self.call("/admin/keys", {"name": "k", "scopes": ["inference:text", "jobs:read"], "tier": "unlimited", **fields})
        assert status == 201, answer
        return answer["id"], answer["key"]

    def chat(self, key, model="dear", headers=None, **fields):
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, **fields}
        return self.call("/v1/chat/completions", body, headers, key=key)

    def usage(self, id, query=""):
        status, _, answer = self.call(f"/admin/usage?principal=key:{id}{query}")
        assert status == 200, answer
        return answer

    def settled(self, id, requests):
        """The totals of a key once that many of its requests are counted."""
        end = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < end:
            totals = self.usage(id)["totals"]
            if totals["requests"] >= requests:
                return totals
            time.sleep(0.05)
        raise AssertionError(totals)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with start_simulator() as simulator:
        running = Site(tmp_path_factory.mktemp("budgets"), simulator)
        yield running
        running.gateway.stop()


def expect_a_cut(site, key):
    with pytest.raises(OSError):
        site.chat(key, "silent")


def wait_for_calls(site, count):
    end = time.monotonic() + LIMIT_SECONDS
    while site.simulator.stats()["in_flight"] != count:
        assert time.monotonic() < end, site.simulator.stats()
        time.sleep(0.02)


def test_a_spent_budget_is_402_until_it_begins_anew(site):
    id, key = site.new_key(budget_day=0.5)
    answered = 0
    while site.chat(key)[0] == 200:
        answered += 1
        assert answered < 10
    # An estimate takes 0.2 and something; a settled request 0.109.
    assert answered == 3
    status, headers, refused = site.chat(key)
    assert status == 402
    assert refused["error"]["type"] == "insufficient_quota" and refused["error"]["code"] == "insufficient_quota"
    details = refused["error"]["details"]
    assert details["limit"] == "budget_day" and details["budget_usd"] == 0.5
    assert details["spent_usd"] == pytest.approx(3 * COST)
    assert headers["x-should-retry"] == "false" and "retry-after" not in headers
    assert site.chat(key, "free")[0] == 200
    status, _, _ = site.call(f"/admin/keys/{id}", {"budget_day": 5}, method="PATCH")
    assert status == 200
    assert site.chat(key)[0] == 200


def test_what_was_used_is_on_disk_before_the_answer_ends(site):
    id, key = site.new_key(budget_month=50)
    for stream in (False, True):
        before = site.usage(id)["totals"]
        assert site.chat(key, stream=stream)[0] == 200
        totals = site.usage(id)["totals"]
        assert totals["requests"] == before["requests"] + 1
        assert totals["cost_usd"] == pytest.approx(before["cost_usd"] + COST)
        assert totals["input_tokens"] == before["input_tokens"] + 9
    rows = site.usage(id, "&group=model")["data"]
    assert [(row["model"], row["requests"]) for row in rows] == [("dear", 2)]


def test_a_failure_is_free_and_a_cut_answer_is_charged_as_estimated(site):
    id, key = site.new_key(budget_day=50)
    assert site.chat(key, "broken")[0] >= 500
    assert site.usage(id)["totals"]["cost_usd"] == 0
    site.chat(key, "cut", stream=True)
    totals = site.settled(id, 1)
    assert totals["output_tokens"] == 20 and totals["cost_usd"] > 0.2


def test_a_crash_charges_what_was_under_way_once(site):
    id, key = site.new_key(budget_day=1)
    assert site.chat(key)[0] == 200
    under_way = site.simulator.stats()["in_flight"]
    waiting = threading.Thread(target=expect_a_cut, args=(site, key))
    waiting.start()
    end = time.monotonic() + LIMIT_SECONDS
    while site.simulator.stats()["in_flight"] <= under_way:
        assert time.monotonic() < end
        time.sleep(0.02)
    spent = site.usage(id)["totals"]["cost_usd"]
    for _ in range(2):
        site.crash()
        totals = site.usage(id)["totals"]
        assert totals["cost_usd"] == pytest.approx(spent + 0.2, abs=0.1)
        assert totals["cost_usd"] > spent + 0.2, "the estimate of 20 tokens"
    waiting.join(LIMIT_SECONDS)


def test_an_answer_says_what_it_cost(site):
    _, limited = site.new_key(budget_day=50)
    _, unlimited = site.new_key()
    for key in (limited, unlimited):
        status, headers, _ = site.chat(key)
        assert status == 200 and headers["x-headgate-cost"] == "0.109"
        status, headers, _ = site.chat(key, "free")
        assert status == 200 and headers["x-headgate-cost"] == "0.00"
        status, headers, _ = site.chat(key, stream=True)
        assert status == 200 and "x-headgate-cost" not in headers, "the head leaves before that is known"
        status, headers, _ = site.chat(key, "broken")
        assert status >= 500 and "x-headgate-cost" not in headers
        status, headers, _ = site.chat(key, headers={"Prefer": "respond-async, wait=20"})
        assert status == 200 and headers["x-headgate-cost"] == "0.109"
        status, _, job = site.call(headers["location"], key=key)
        assert status == 200 and job["cost"] == pytest.approx(COST)


def test_of_requests_that_run_at_once_exactly_those_pass_that_the_budget_is_for(site):
    """An estimate is more than 0.2, so a budget of 1 is for four; the others take nothing at all."""
    id, key = site.new_key(budget_day=1, tier="counted")
    wait_for_calls(site, 0)
    refused = []

    def call():
        try:
            refused.append(site.chat(key, "silent"))
        except OSError:
            pass  # let in, and cut off by the end of the gateway below

    threads = [threading.Thread(target=call) for _ in range(24)]
    for thread in threads:
        thread.start()
    wait_for_calls(site, 4)
    end = time.monotonic() + LIMIT_SECONDS
    while len(refused) < 20:
        assert time.monotonic() < end, len(refused)
        time.sleep(0.02)
    assert site.simulator.stats()["in_flight"] == 4
    assert [status for status, _, _ in refused] == [402] * 20
    status, headers, _ = site.chat(key, "free")
    assert status == 200, "26 slots are free"
    assert headers["x-ratelimit-remaining-requests"] == "95", "a refusal takes none of the 100"
    site.crash()
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    assert len(refused) == 20
    assert site.usage(id)["totals"]["cost_usd"] > 0.8, "the estimates of what was under way"


def test_jobs_pay_for_each_run(site):
    id, key = site.new_key(budget_day=0.5)
    for done in range(3):
        status, _, job = site.chat(key, headers={"Prefer": "respond-async, wait=20"})
        assert status in (200, 202), job
        totals = site.settled(id, done + 1)
    assert totals["cost_usd"] == pytest.approx(3 * COST)
    assert site.chat(key, headers={"Prefer": "respond-async"})[0] == 402


def test_tokens_are_limited_and_told_of(site):
    _, key = site.new_key(tier="tokens")
    status, headers, _ = site.chat(key, "free", max_tokens=500)
    assert status == 200
    assert headers["x-ratelimit-limit-tokens"] == "1000"
    assert int(headers["x-ratelimit-remaining-tokens"]) < 500
    assert headers["x-ratelimit-reset-tokens"].endswith("s")
    # Settled with 19 tokens, so as much fits again.
    assert site.chat(key, "free", max_tokens=900)[0] == 200
    status, headers, refused = site.chat(key, "free", max_tokens=1000)
    assert status == 429 and "retry-after" not in headers
    assert refused["error"]["details"]["limit"] == "tokens_per_minute"


def test_everybody_is_counted_and_an_earlier_spend_counts_for_a_later_budget(site):
    id, key = site.new_key()
    for _ in range(4):
        assert site.chat(key)[0] == 200
    totals = site.settled(id, 4)
    assert totals["cost_usd"] == pytest.approx(4 * COST)
    site.call(f"/admin/keys/{id}", {"budget_day": 0.5}, method="PATCH")
    assert site.chat(key)[0] == 402


def test_of_simultaneous_requests_no_more_pass_than_the_budget_allows(site):
    id, key = site.new_key(budget_day=1)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(site.chat(key)[0])) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    assert set(statuses) <= {200, 402} and len(statuses) == 24
    passed = statuses.count(200)
    assert 4 <= passed <= 9
    assert site.settled(id, passed)["cost_usd"] == pytest.approx(passed * COST)
