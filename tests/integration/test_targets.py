"""Several targets of one model: a second call beside a silent one, the caller's own deadline, what is shown of them."""
import json
import re
import time

import pytest

from job_client import JSON, Site, chat, until
from processes import start_simulator

SLOW, QUICK = "sim-slow:silence", "sim-quick:tokens=5"
HEDGED = f'[{{provider: local, model: "{SLOW}"}}, {{provider: spare, model: "{QUICK}"}}]'


def options(simulator):
    return [
        "providers.spare.protocol=openai", f"providers.spare.base_url=http://127.0.0.1:{simulator.port}/v1",
        f"models.hedged.targets={HEDGED}", "models.hedged.hedge={after: 100ms}",
        # its first token never comes, though its head does
        f'models.begun.targets={HEDGED.replace("silence", "stall=0")}', "models.begun.hedge={after: 100ms}",
        f'models.silent.targets=[{{provider: local, model: "{SLOW}"}}]',
        'models.known.targets=[{provider: local, model: "sim-known", context: 8192, price: {input: 0.15, output: 0.6}}]',
        'models.broken.targets=[{provider: spare, model: "sim-broken:status=503"}]',
        "models.broken.breaker={failures: 1, open_for: 1h}", "models.broken.retry={max_attempts: 1}",
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with start_simulator("--log-size", 1000) as simulator:
        running = Site(tmp_path_factory.mktemp("targets"), simulator, options(simulator))
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture(autouse=True)
def _empty_log(site):
    site.simulator.clear()


def metric(site, name, **labels):
    """A sample of the page, or 0."""
    _, _, page = site.gateway.call("/metrics")
    text = ",".join(f'{label}="{value}"' for label, value in labels.items())
    found = re.search(rf"^{re.escape(name + '{' + text + '}')} (\S+)$", page.decode(), re.MULTILINE)
    return float(found[1]) if found else 0


def events_of(answer):
    return [json.loads(line[6:]) for line in answer.decode().splitlines() if line.startswith("data: {")]


def loser(site, model):
    """The call of the silent target, once it is over."""
    return until(lambda: next((one for one in site.calls(model) if one["outcome"] != "answering"), None))


def test_a_silent_target_is_overtaken(site):
    won = metric(site, "headgate_hedges_won_total", model="hedged")
    status, headers, answer = site.call("/v1/chat/completions", chat("hedged"))
    assert status == 200 and answer["choices"][0]["message"]["content"]
    assert (headers["x-headgate-provider"], headers["x-headgate-attempts"]) == ("spare", "2")
    assert loser(site, SLOW)["outcome"] == "hung_up"
    assert len(site.calls(SLOW)) == len(site.calls(QUICK)) == 1
    assert metric(site, "headgate_hedges_won_total", model="hedged") == won + 1
    assert metric(site, "headgate_target_attempts_total", provider="local", target=SLOW, outcome="failed") == 0
    logged = until(lambda: [json.loads(line) for line in site.gateway.requests_log().splitlines() if '"hedged"' in line])
    assert logged[-1]["attempts"] == 2 and logged[-1]["provider"] == "spare"


@pytest.mark.parametrize("model", ["hedged", "begun"])
def test_of_a_stream_the_first_token_counts(site, model):
    status, headers, streamed = site.gateway.call(
        "/v1/chat/completions", json.dumps(chat(model, stream=True)).encode(), JSON)
    events = events_of(streamed)
    assert status == 200 and streamed.rstrip().endswith(b"data: [DONE]")
    assert len({event["id"] for event in events}) == 1, "of the loser nothing is seen"
    assert (headers["x-headgate-provider"], headers["x-headgate-attempts"]) == ("spare", "2")
    assert metric(site, "headgate_target_first_token_seconds_count", provider="spare", target=QUICK) >= 1


def test_a_job_has_one_call_at_a_time(site):
    job = site.submit(chat("hedged"))
    until(lambda: site.calls(SLOW))
    site.call(f"/v1/jobs/{job}", method="DELETE")
    assert loser(site, SLOW)["outcome"] == "hung_up"
    assert not site.calls(QUICK)


@pytest.mark.parametrize("field, value", [("X-Request-Timeout", "0.3"), ("X-Request-Timeout", "300ms"),
                                          ("X-Stainless-Timeout", "0.3"), ("X-Stainless-Read-Timeout", "0.3")])
def test_the_callers_own_deadline_ends_everything(site, field, value):
    begun = time.monotonic()
    status, _, answer = site.call("/v1/chat/completions", chat("silent"), {field: value})
    assert (status, answer["error"]["type"]) == (504, "timeout_error")
    assert 0.3 <= time.monotonic() - begun < 10
    assert loser(site, SLOW)["outcome"] == "hung_up"


def test_the_callers_own_deadline_ends_a_stream_too(site):
    status, _, answer = site.call("/v1/chat/completions", chat("silent", stream=True), {"X-Request-Timeout": "300ms"})
    assert (status, answer["error"]["type"]) == (504, "timeout_error")


def test_a_deadline_is_no_fault_of_the_target(site):
    for _ in range(6):
        assert site.call("/v1/chat/completions", chat("silent"), {"X-Request-Timeout": "50ms"})[0] == 504
    assert metric(site, "headgate_target_breaker", provider="local", target=SLOW, state="closed") == 1


def test_a_deadline_that_is_none_is_refused_where_somebody_chose_it(site):
    for value in ["0", "-1", "soon", "1e3"]:
        status, _, answer = site.call("/v1/chat/completions", chat("tiny"), {"X-Request-Timeout": value})
        assert (status, answer["error"]["param"]) == (400, "X-Request-Timeout"), value
    assert site.call("/v1/chat/completions", chat("sim"), {"X-Stainless-Timeout": "None"})[0] == 200


def test_breakers_are_shown_where_health_is_asked_for(site):
    assert site.call("/v1/chat/completions", chat("broken"))[0] in (502, 503)
    breakers = until(lambda: (lambda found: found if found["sim-broken:status=503"] == "open" else None)(
        site.call("/health", key=None)[2]["endpoints"]["spare"]["breakers"]))
    assert breakers[QUICK] == "closed"
    labels = {"provider": "spare", "target": "sim-broken:status=503"}
    assert metric(site, "headgate_target_breaker", **labels, state="open") == 1
    assert metric(site, "headgate_target_breaker_opened_total", **labels) == 1
    assert metric(site, "headgate_target_attempts_total", **labels, outcome="failed") == 1


def test_models_tell_their_window_price_and_abilities(site):
    _, _, model = site.call("/v1/models/known")
    assert model["context_length"] == 8192 and model["pricing"] == {"input": 0.15, "output": 0.6}
    assert model["abilities"] == ["images", "tools", "json_schema"]
    _, _, listed = site.call("/v1/models")
    assert model in listed["data"]
