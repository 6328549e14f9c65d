"""Limits by client and by route, and what every answer says of them."""
import json

import pytest

from conftest import running_gateway

JSON = {"Content-Type": "application/json"}
CHAT = json.dumps({"model": "tiny", "messages": []}).encode()


def chat(gateway, client=None):
    fields = {**JSON, **({"X-Client-ID": client} if client else {})}
    return gateway.call("/v1/chat/completions", CHAT, fields)


def test_a_client_has_limits_of_its_own_inside_those_of_its_key(tmp_path, upstream):
    options = ["limits.tiers.unlimited.per_hour=5", "limits.tiers.unlimited.client.per_minute=2"]
    with running_gateway(tmp_path, upstream.url, options=options) as gateway:
        answers = [chat(gateway, "one") for _ in range(4)]
        assert [status for status, _, _ in answers] == [200, 200, 429, 429]
        assert answers[0][1]["x-ratelimit-limit-requests"] == "2"
        assert answers[0][1]["x-ratelimit-remaining-requests"] == "1"
        assert json.loads(answers[3][2])["error"]["details"] == \
            {"limit": "requests_per_minute", "value": 2, "tier": "unlimited", "per": "client"}
        assert [chat(gateway, client)[0] for client in ("two", "three", "four", "five")] == [200, 200, 200, 429]


def test_every_answer_to_somebody_known_tells_what_is_left_and_takes_nothing(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url, options=["limits.tiers.unlimited.per_hour=50"]) as gateway:
        chat(gateway)
        for path, status in [("/v1/jobs", 200), ("/v1/models", 200), ("/v1/jobs/none", 404), ("/admin/keys", 200),
                             ("/admin/config", 200), ("/v1/jobs?limit=x", 400)]:
            got, fields, _ = gateway.call(path)
            assert got == status, path
            assert fields.get_all("x-ratelimit-remaining-requests") == ["49"], path
            assert fields["x-ratelimit-limit-requests"] == "50" and fields["x-ratelimit-reset-requests"], path
        status, fields, _ = gateway.call("/admin/keys", key="models-only-key")
        assert status == 403 and fields["x-ratelimit-limit-requests"] == "50"
        for path, key in [("/live", None), ("/health", None), ("/v1/jobs", None)]:
            assert gateway.call(path, key=key)[1]["x-ratelimit-limit-requests"] is None, path


@pytest.mark.parametrize("path, body", [("/v1/chat/completions", CHAT), ("/v1/models", None)])
def test_a_route_has_limits_of_its_own_and_a_reload_changes_them(tmp_path, upstream, path, body):
    with running_gateway(tmp_path, upstream.url) as gateway:
        def statuses():
            return [gateway.call(path, body, JSON)[0] for _ in range(5)]
        text = gateway.config.read_text()
        assert statuses() == [200] * 5
        gateway.config.write_text(text + f'\nroutes: {{ "{path}": {{ per_hour: 2 }} }}\n')
        status, _, report = gateway.call("/admin/config/reload", b"", method="POST")
        assert status == 200 and json.loads(report)["changed"] == [f"routes.{path}"]
        assert statuses() == [200, 200, 429, 429, 429]
        assert gateway.call("/v1/jobs")[0] == 200
