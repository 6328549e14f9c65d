"""The gateway at its own limits: low priority is turned away first, then normal, never high."""
import json

import pytest

from job_client import ASYNC, chat, job_site, sim, until
from test_status import figures

CALM = "low_lag: 0s, normal_lag: 0s, hold: 300ms"
# The process is larger than half of this, so that its memory is over the thresholds for real.
SMALL = f"{CALM}, memory: 16MiB"


def put_into_force(site, overload):
    """Reloads the configuration with this section limits.overload."""
    config = site.gateway.config
    kept = [line for line in config.read_text().splitlines() if not line.startswith("limits:")]
    config.write_text("\n".join([*kept, f"limits: {{ overload: {{ {overload} }}, tiers: {{ unlimited: {{}} }} }}", ""]))
    status, _, answer = site.call("/admin/config/reload", b"", method="POST")
    assert status == 200, answer


def gateway_is(site, word):
    return until(lambda: (lambda report: report if report["gateway"] == word else None)(site.call("/health")[2]))


def status_of(site, priority, model, headers=None):
    return site.call("/v1/chat/completions", chat(model), {"X-Priority": priority, **(headers or {})})


def refused(site, priority, headers=None):
    status, fields, answer = status_of(site, priority, sim(), headers)
    assert status == 503, (priority, answer)
    error = answer["error"]
    assert (error["type"], error["code"]) == ("overloaded_error", "overloaded") and int(fields["retry-after"]) >= 1
    return True


def shed(site):
    return {name: value for name, value in figures(site.gateway).items()
            if name.startswith("headgate_shed_requests_total") and value}


def test_low_is_turned_away_first_then_normal_never_high_and_all_come_back(tmp_path):
    line = ["models.line.targets=[{provider: local, model: \"sim-line:silence:times=1\"}]",
            "models.line.queue={max_concurrent: 1}"]
    with job_site(tmp_path, line) as site:
        put_into_force(site, CALM)
        assert [status_of(site, one, sim())[0] for one in ("low", "normal", "high")] == [200, 200, 200]
        assert gateway_is(site, "healthy") and shed(site) == {}
        blocker = site.submit(chat("line"))
        site.called("sim-line:silence:times=1")
        accepted = site.submit(chat("line"), X_Priority="low")

        put_into_force(site, f"{SMALL}, low_memory: 0.5, normal_memory: 0")
        assert gateway_is(site, "overloaded")["status"] == "degraded"
        assert refused(site, "low") and refused(site, "low", ASYNC)
        assert status_of(site, "normal", sim())[0] == 200 and status_of(site, "high", sim())[0] == 200
        assert status_of(site, "normal", sim(), ASYNC)[0] == 202
        assert shed(site) == {'headgate_shed_requests_total{class="low",reason="memory"}': 2}
        site.call(f"/v1/jobs/{blocker}", method="DELETE")
        assert site.ended(accepted)["status"] == "succeeded", "what was accepted keeps its place"

        put_into_force(site, f"{SMALL}, low_memory: 0.5, normal_memory: 0.6")
        until(lambda: status_of(site, "normal", sim())[0] == 503)
        assert refused(site, "normal") and refused(site, "low") and refused(site, "normal", ASYNC)
        assert status_of(site, "high", sim())[0] == 200 and status_of(site, "high", sim(), ASYNC)[0] == 202
        assert site.call("/v1/jobs")[0] == 200, "only inference is turned away"

        put_into_force(site, CALM)
        gateway_is(site, "healthy")
        assert [status_of(site, one, sim())[0] for one in ("low", "normal", "high")] == [200, 200, 200]
        log = [json.loads(one)["message"] for one in site.gateway.log().splitlines() if one.startswith("{")]
        assert "overloaded: requests are refused up to this priority" in log and "no longer overloaded" in log


@pytest.mark.parametrize("path, body", [
    ("/api/chat", chat("tiny")),
    ("/v1/embeddings", {"model": "tiny", "input": "x"}),
    ("/v1/ocr", {"image_urls": ["data:image/png;base64,AAAA"]}),
])
def test_every_inference_route_sheds(tmp_path, path, body):
    with job_site(tmp_path) as site:
        put_into_force(site, f"{SMALL}, low_memory: 0.5, normal_memory: 0.6")
        gateway_is(site, "overloaded")
        headers = {"X-Client-ID": "test"}
        status, _, answer = site.call(path, body, {**headers, "X-Priority": "low"})
        assert status == 503 and answer["error"]["code"].lower() == "overloaded", answer
