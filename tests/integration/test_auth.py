"""Who may ask: keys, logins, tokens, scopes."""
import json
import os
import stat
import subprocess
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import BINARIES, KEY, running_gateway

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
PROTECTED = [("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("POST", "/v1/completions"), ("POST", "/v1/embeddings"),
             ("POST", "/v1/ocr"), ("POST", "/v1/classify"), ("POST", "/v1/extract"), ("GET", "/admin/keys"),
             ("POST", "/admin/keys"), ("DELETE", "/admin/keys/x"), ("GET", "/metrics"), ("POST", "/auth/revoke")]


def login(gateway, password, user="admin"):
    form = urllib.parse.urlencode({"username": user, "password": password}).encode()
    status, headers, answer = gateway.call("/auth/token", form, FORM, key=None)
    return status, headers, json.loads(answer)


@pytest.fixture(scope="module")
def password(gateway):
    path = gateway.folder / "data/admin-password"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text().strip()


@pytest.mark.parametrize("method, path", PROTECTED)
def test_every_protected_route_refuses_strangers(gateway, method, path):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong-key-123456"},
                    {"Authorization": "Basic YWRtaW46YWRtaW4="}, {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}):
        status, answered, answer = gateway.call(path, b"{}" if method == "POST" else None, {**JSON, **headers}, method, key=None)
        assert status == 401, (headers, answer)
        assert answered["www-authenticate"].startswith("Bearer")


def test_a_missing_scope_is_403_and_named(gateway):
    status, _, answer = gateway.call("/admin/keys", key="models-only-key")
    assert status == 403 and "admin" in json.loads(answer)["detail"]
    assert gateway.call("/v1/models", key="models-only-key")[0] == 200


def test_contradicting_or_misplaced_credentials_are_refused(gateway):
    assert gateway.call("/v1/models", headers={"Authorization": "Bearer other-key-123"})[0] == 400
    assert gateway.call("/v1/models?api_key=" + KEY, key=None)[0] == 400


def test_login_refresh_and_reuse(gateway, password):
    status, headers, pair = login(gateway, password)
    assert status == 200 and pair["token_type"] == "bearer" and pair["expires_in"] == 900
    assert headers["cache-control"] == "no-store"
    bearer = {"Authorization": "Bearer " + pair["access_token"]}
    assert gateway.call("/admin/keys", headers=bearer, key=None)[0] == 200
    spent = json.dumps({"refresh_token": pair["refresh_token"]}).encode()
    status, _, answer = gateway.call("/auth/refresh", spent, JSON, key=None)
    successor = json.dumps({"refresh_token": json.loads(answer)["refresh_token"]}).encode()
    assert status == 200
    assert gateway.call("/auth/refresh", spent, JSON, key=None)[0] == 401
    assert gateway.call("/auth/refresh", successor, JSON, key=None)[0] == 401, "the family is revoked"


def test_of_eight_parallel_refreshes_one_wins(gateway, password):
    pair = login(gateway, password)[2]
    body = json.dumps({"refresh_token": pair["refresh_token"]}).encode()
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: gateway.call("/auth/refresh", body, JSON, key=None)[0], range(8)))
    assert sorted(codes) == [200] + [401] * 7


def test_a_revoked_access_token_is_refused_at_once(gateway, password):
    bearer = {"Authorization": "Bearer " + login(gateway, password)[2]["access_token"]}
    assert gateway.call("/auth/revoke", b"", bearer, "POST", key=None)[0] == 200
    assert gateway.call("/admin/keys", headers=bearer, key=None)[0] == 401


def test_guessing_is_slowed_but_the_owner_is_not_locked_out(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url) as gateway:
        codes = [login(gateway, "wrong-%d" % i, user="nobody")[0] for i in range(12)]
        assert codes[0] == 401 and 429 in codes
        status, headers, _ = login(gateway, "wrong", user="nobody")
        assert status == 429 and int(headers["retry-after"]) >= 1
        assert login(gateway, (tmp_path / "data/admin-password").read_text().strip())[0] == 200


@pytest.mark.parametrize("body, headers, status", [
    (b"{}", JSON, 415), (b"username=admin", FORM, 422), (b"username=a&username=b&password=c", FORM, 400),
    (b"grant_type=magic", FORM, 400), (b"username=%zz&password=x", FORM, 400),
])
def test_bad_token_requests(gateway, body, headers, status):
    got, _, answer = gateway.call("/auth/token", body, headers, key=None)
    assert got == status
    told = json.loads(answer)
    assert told["error"]["message"]
    if status == 422:  # as FastAPI tells of missing fields
        assert told["detail"][0]["loc"] == ["body", "password"] and told["detail"][0]["type"] == "missing"
    else:
        assert told["detail"] == told["error"]["message"]


def test_keys_are_made_changed_and_revoked(gateway):
    made = gateway.call("/admin/keys", json.dumps({"name": "k", "scopes": ["models:read"]}).encode(), JSON)
    key = json.loads(made[2])
    assert made[0] == 201 and key["key"].startswith("hg_" + key["id"] + "_") and len(key["key"]) == 59
    assert gateway.call("/v1/models", key=key["key"])[0] == 200
    assert gateway.call("/admin/keys", key=key["key"])[0] == 403
    listed = gateway.call("/admin/keys")[2].decode()
    assert key["id"] in listed and key["key"] not in listed
    changed = gateway.call("/admin/keys/" + key["id"], json.dumps({"scopes": ["admin"]}).encode(), JSON, "PATCH")
    assert changed[0] == 200 and gateway.call("/admin/keys", key=key["key"])[0] == 200
    assert gateway.call("/admin/keys/" + key["id"], method="DELETE")[0] == 200
    assert gateway.call("/v1/models", key=key["key"])[0] == 401


@pytest.mark.parametrize("body, param", [
    ({"scopes": ["admin"]}, "name"), ({"name": "x"}, "scopes"), ({"name": "x", "scopes": ["root"]}, "scopes"),
    ({"name": "x", "scopes": ["admin"], "tier": "gold"}, "tier"), ({"name": "x", "scopes": [], "more": 1}, "more"),
    ({"name": "x", "scopes": ["admin"], "expires_at": "soon"}, "expires_at"),
])
def test_bad_keys_name_the_field(gateway, body, param):
    status, _, answer = gateway.call("/admin/keys", json.dumps(body).encode(), JSON)
    assert status == 400 and json.loads(answer)["error"]["param"] == param


def test_keys_of_the_command_line_count_within_a_second(gateway):
    run = lambda *arguments: subprocess.run([BINARIES / "headgate", "keys", *arguments, "--config", gateway.config],
                                            check=True, capture_output=True, text=True).stdout
    key = json.loads(run("create", "--name", "cli", "--scope", "models:read", "--json"))

    def answers(status):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if gateway.call("/v1/models", key=key["key"])[0] == status:
                return True
            time.sleep(0.1)
        return False

    assert answers(200)
    run("revoke", key["id"])
    assert answers(401)


def test_the_database_is_private(gateway):
    for name in ("headgate.db", "jwt-secret"):
        assert stat.S_IMODE(os.stat(gateway.folder / "data" / name).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(gateway.folder / "data").st_mode) == 0o700


def test_a_second_gateway_on_the_same_data_is_refused(gateway):
    second = subprocess.run([BINARIES / "headgate", "serve", "--config", gateway.config], capture_output=True, text=True, timeout=30)
    assert second.returncode == 1 and "Another gateway" in second.stderr


def test_a_tier_lets_exactly_its_number_pass(tmp_path, upstream):
    options = ["limits.tiers.unlimited.per_minute=5", "limits.tiers.unlimited.burst=5"]
    with running_gateway(tmp_path, upstream.url, options=options) as gateway:
        body = json.dumps({"model": "tiny", "messages": []}).encode()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: gateway.call("/v1/chat/completions", body, JSON), range(16)))
        assert sorted(status for status, _, _ in answers) == [200] * 5 + [429] * 11
        refused = [headers for status, headers, _ in answers if status == 429][0]
        assert 1 <= int(refused["retry-after"]) <= 120 and refused["x-ratelimit-limit-requests"] == "5"
