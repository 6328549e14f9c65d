"""What is charged, and how it is marked, where a provider tells no usage."""
import json

import pytest

from conftest import KEY, running_gateway
from job_client import until
from processes import start_simulator

LIMITED = "limited-usage-test-key"
JSON = {"Content-Type": "application/json"}


def configuration(folder, port):
    root = f"http://127.0.0.1:{port}"
    price = "price: { input: 1000, output: 1000 }"
    return f"""
server: {{ listen: "127.0.0.1:0", threads: 2 }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: test, key: {KEY}, scopes: [admin], tier: unlimited }}
    - {{ name: limited, key: {LIMITED}, scopes: [inference:text], tier: limited }}
limits: {{ tiers: {{ unlimited: {{}}, limited: {{ budget_day: 1000 }} }} }}
providers:
  openai: {{ protocol: openai, base_url: "{root}/v1", api_keys: [secret] }}
  anthropic: {{ protocol: anthropic, base_url: "{root}", api_keys: [secret] }}
  gemini: {{ protocol: gemini, base_url: "{root}", api_keys: [secret] }}
  down: {{ protocol: openai, base_url: "{root}/v1", api_keys: [secret] }}
models:
  openai: {{ targets: [ {{ provider: openai, model: "sim:tokens=8:usage-missing", {price} }} ] }}
  anthropic: {{ targets: [ {{ provider: anthropic, model: "sim:tokens=8:usage-missing", {price} }} ] }}
  gemini: {{ targets: [ {{ provider: gemini, model: "sim:tokens=8:usage-missing", {price} }} ] }}
  told: {{ targets: [ {{ provider: openai, model: "sim:tokens=8", {price} }} ] }}
  second: {{ targets: [ {{ provider: down, model: "sim:status=500" }}, {{ provider: openai, model: "sim:tokens=8" }} ], retry: {{ max_attempts: 1 }} }}
"""


class Site:
    def __init__(self, gateway):
        self.gateway = gateway

    def chat(self, model, key=KEY, **members):
        body = {"model": model, "messages": [{"role": "user", "content": "Where is it? " * 10}], **members}
        return self.gateway.call("/v1/chat/completions", json.dumps(body).encode(), JSON, key=key)

    def line(self, request_id):
        """The log line of a request."""
        def found():
            lines = [json.loads(line) for line in self.gateway.requests_log().splitlines() if request_id in line]
            return lines[0] if lines else None
        return until(found)

    def usage(self, model):
        rows = json.loads(self.gateway.call(f"/admin/usage?model={model}&group=model")[2])["data"]
        return rows[0] if rows else None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimated")
    with start_simulator() as simulator:
        with running_gateway(folder, None, config=configuration(folder, simulator.port)) as gateway:
            yield Site(gateway)


@pytest.mark.parametrize("key", [KEY, LIMITED])
@pytest.mark.parametrize("model", ["openai", "anthropic", "gemini"])
def test_tokens_that_no_provider_told_are_estimated_and_marked(site, model, key):
    before = site.usage(model) or {"requests": 0, "estimated_requests": 0, "cost_usd": 0}
    status, headers, answer = site.chat(model, key)
    assert status == 200 and headers["x-headgate-usage"] == "estimated" and float(headers["x-headgate-cost"]) > 0
    assert not json.loads(answer).get("usage"), "nothing is made up for an OpenAI client"
    line = site.line(headers["x-request-id"])
    assert line["usage_estimated"] is True and line["output_tokens"] > 0
    assert 40 <= line["input_tokens"] <= 80, "a quarter of about 200 bytes"
    status, headers, answer = site.chat(model, key, stream=True, stream_options={"include_usage": True})
    assert b'"usage":{' not in answer and answer.endswith(b"data: [DONE]\n\n")
    streamed = site.line(headers["x-request-id"])
    assert streamed["usage_estimated"] is True and streamed["output_tokens"] == pytest.approx(line["output_tokens"], abs=2)
    after = until(lambda: (lambda now: now if now and now["requests"] == before["requests"] + 2 else None)(site.usage(model)))
    assert after["estimated_requests"] == before["estimated_requests"] + 2 and after["cost_usd"] > before["cost_usd"]


@pytest.mark.parametrize("model", ["openai", "gemini"])
def test_anthropics_answers_always_tell_usage_so_there_the_estimate_stands(site, model):
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Where is it? " * 10}]}
    status, headers, answer = site.gateway.call("/v1/messages", json.dumps(body).encode(), JSON)
    assert status == 200 and headers["x-headgate-usage"] == "estimated"
    usage = json.loads(answer)["usage"]
    assert usage["input_tokens"] > 30 and usage["output_tokens"] > 0
    line = site.line(headers["x-request-id"])
    assert (usage["input_tokens"], usage["output_tokens"]) == (line["input_tokens"], line["output_tokens"])
    _, headers, answer = site.gateway.call("/v1/messages", json.dumps({**body, "stream": True}).encode(), JSON)
    deltas = [json.loads(event.split("data: ")[1]) for event in answer.decode().split("\n\n") if "event: message_delta" in event]
    assert deltas[-1]["usage"]["input_tokens"] > 30 and deltas[-1]["usage"]["output_tokens"] == pytest.approx(usage["output_tokens"], abs=2)


def test_what_the_provider_told_is_not_marked(site):
    _, headers, _ = site.chat("told")
    assert "x-headgate-usage" not in headers and "usage_estimated" not in site.line(headers["x-request-id"])
    usage = until(lambda: site.usage("told"))
    assert usage["estimated_requests"] == 0


def test_the_metric_counts_them(site):
    site.chat("openai")
    lines = site.gateway.call("/metrics")[2].decode().splitlines()
    assert any(line.startswith('headgate_usage_estimated_total{provider="openai"}') and float(line.split()[-1]) > 0 for line in lines)


def test_a_call_that_failed_is_told_and_not_billed(site):
    status, headers, _ = site.chat("second")
    assert status == 200 and headers["x-headgate-attempts"] == "2"
    line = site.line(headers["x-request-id"])
    assert line["failed_attempts"] == "down/sim:status=500=upstream_error" and line["provider"] == "openai"
    usage = until(lambda: site.usage("second"))
    assert usage["requests"] == 1 and usage["output_tokens"] == 8
