"""What operators ask the gateway about itself: health, readiness, figures, configuration."""
import json
import re
import socket
import time

import pytest

from conftest import KEY, running_gateway
from processes import start_simulator


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def health(gateway):
    status, _, body = gateway.call("/health", key=None)
    return status, json.loads(body)


def figures(gateway):
    """{name{labels}: value} of GET /metrics."""
    status, headers, body = gateway.call("/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in body.decode().splitlines() if line and not line.startswith("#")}


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def test_live_and_ready_say_so_and_ready_tells_of_the_sandbox(gateway):
    status, _, body = gateway.call("/live", key=None)
    assert (status, json.loads(body)) == (200, {"status": "live"})

    def details():
        status, _, body = gateway.call("/ready", key=None)
        answer = json.loads(body)
        assert status == 200 and answer["status"] == "ready"
        return answer["details"]["sandbox"]
    sandbox = until(details)
    assert "seccomp" in sandbox and "landlock" in sandbox


def test_health_looks_at_the_store_the_workers_and_every_provider(tmp_path):
    with start_simulator() as simulator, \
            running_gateway(tmp_path, f"http://127.0.0.1:{simulator.port}",
                            options=["providers.gone.protocol=openai",
                                     f"providers.gone.base_url=http://127.0.0.1:{free_port()}/v1",
                                     "models.lost.targets=[{provider: gone, model: x}]"]) as gateway:
        def settled():
            status, report = health(gateway)
            return report if report["endpoints"]["embedded"]["workers"]["ready"] else None
        report = until(settled)
        assert report["endpoints"]["embedded"]["status"] == "idle"
        assert report["gateway"] == "healthy" and report["checks"] == {"store": "healthy", "jobs": "healthy"}
        assert report["endpoints"]["local"]["status"] == "healthy"
        assert report["endpoints"]["gone"]["status"] == "unreachable" and report["endpoints"]["gone"]["error"]
        assert report["endpoints"]["embedded"]["workers"]["ready"] >= 1
        assert report["status"] == "degraded" and re.fullmatch(r"\d+\.\d+\.\d+", report["version"])


def test_many_probes_of_health_ask_a_provider_once_in_two_seconds(tmp_path):
    with start_simulator() as simulator, \
            running_gateway(tmp_path, f"http://127.0.0.1:{simulator.port}") as gateway:
        begin = time.monotonic()
        for _ in range(30):
            assert health(gateway)[0] == 200
        looks = simulator.stats()["requests"]
        assert 1 <= looks <= 1 + (time.monotonic() - begin) / 2


def test_figures_count_pools_workers_and_requests(gateway, upstream):
    body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}).encode()
    for _ in range(2):
        assert gateway.call("/v1/chat/completions", body, {"Content-Type": "application/json"})[0] == 200
    seen = figures(gateway)
    assert seen['headgate_upstream_connections_total{event="opened"}'] >= 1
    assert seen['headgate_document_workers{state="ready"}'] >= 1
    assert seen["headgate_connections_accepted_total"] >= 2
    assert any(name.startswith("gateway_requests_total{") and 'endpoint="/v1/chat/completions"' in name
               for name in seen)


def test_the_configuration_is_shown_without_its_secrets(gateway):
    status, _, body = gateway.call("/admin/config")
    shown = json.loads(body)
    assert status == 200 and shown["server"]["header_timeout"] == "2s"
    assert "upstream-secret" not in body.decode() and KEY not in body.decode()
    assert gateway.call("/admin/config", key="models-only-key")[0] == 403


def reload(gateway):
    status, _, body = gateway.call("/admin/config/reload", b"", method="POST")
    return status, json.loads(body)


def test_a_reload_says_what_changed_and_what_must_wait(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url) as gateway:
        assert reload(gateway) == (200, {"changed": [], "needs_restart": []})
        text = gateway.config.read_text()
        gateway.config.write_text(text.replace("body_timeout: 2s", "body_timeout: 3s, max_body_size: 1KiB")
                                  .replace("threads: 2", "threads: 1"))
        status, report = reload(gateway)
        assert status == 200
        assert sorted(report["changed"]) == ["server.body_timeout", "server.max_body_size"]
        assert report["needs_restart"] == ["server.threads"]
        assert gateway.call("/v1/chat/completions", b"x" * 2000, {"Content-Type": "application/json"})[0] == 413


@pytest.mark.parametrize("old, new, told", [
    ("body_timeout: 2s", "body_timeuot: 2s", "body_timeout"),
    ("body_timeout: 2s", "body_timeout: -1s", "body_timeout"),
    ("tiers:", "tiers: {{", "headgate.yaml:9:"),
])
def test_a_bad_configuration_is_refused_with_its_place_and_the_old_one_stays(tmp_path, upstream, old, new, told):
    with running_gateway(tmp_path, upstream.url) as gateway:
        text = gateway.config.read_text()
        assert old in text
        gateway.config.write_text(text.replace(old, new))
        status, answer = reload(gateway)
        assert status == 422 and answer["error"]["code"] == "invalid_configuration"
        assert told in answer["detail"], answer
        gateway.config.write_text(text)
        assert reload(gateway) == (200, {"changed": [], "needs_restart": []})
