"""What operators do to a running gateway: stop it, reload it, put an admin listener beside it."""
import json
import os
import signal
import socket
import threading
import time

import pytest

from conftest import KEY, running_gateway
from processes import start_simulator

JSON = {"Content-Type": "application/json"}
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
SLOW = {**CHAT, "model": "slow", "stream": True, "max_tokens": 40}


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


class RawClient:
    """One connection, byte by byte."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.received = b""

    def send(self, method, path, body=None, headers=()):
        data = json.dumps(body).encode() if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"X-API-Key: {KEY}", "Content-Type: application/json",
                 f"Content-Length: {len(data)}", *headers]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def read_until(self, mark):
        while mark not in self.received:
            piece = self.socket.recv(65536)
            assert piece, self.received
            self.received += piece
        return self.received

    def read_to_the_end(self):
        while True:
            piece = self.socket.recv(65536)
            if not piece:
                return self.received
            self.received += piece

    def close(self):
        self.socket.close()


@pytest.fixture
def slow_model(tmp_path):
    """A gateway whose model `slow` streams 40 tokens in two seconds."""
    with start_simulator("--model", "paced=tokens=40:tps=20") as simulator:
        with running_gateway(tmp_path, f"http://127.0.0.1:{simulator.port}", options=[
                "models.slow.targets=[{provider: local, model: paced}]", "server.shutdown_grace=20s"]) as gateway:
            yield gateway


def test_sigterm_lets_a_stream_finish_and_takes_nothing_new(slow_model):
    client = RawClient(slow_model.port)
    client.send("POST", "/v1/chat/completions", SLOW)
    client.read_until(b"data: ")
    idle, asking = RawClient(slow_model.port), RawClient(slow_model.port)
    idle.send("GET", "/live")
    idle.read_until(b'{"status":"live"}')
    # With half a request in the gateway's hands a connection is not idle and outlives the signal.
    asking.socket.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\nGET /ready HTTP/1.1\r\nHost: x\r\n")
    asking.read_until(b'{"status":"live"}')
    slow_model.process.send_signal(signal.SIGTERM)

    def refused():
        try:
            socket.create_connection(("127.0.0.1", slow_model.port), timeout=1).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:  # caught in the middle of the listener's close
            return False
        return False
    until(refused)
    asking.received = b""
    asking.socket.sendall(b"\r\n")
    ready = asking.read_to_the_end()
    head, body = ready.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ") and json.loads(body)["status"] == "draining", ready
    assert idle.read_to_the_end().endswith(b'{"status":"live"}'), "an idle connection is closed, with no word"
    assert slow_model.process.poll() is None, "the stream is still under way"
    answer = client.read_to_the_end()
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert slow_model.process.wait(20) == 0


def test_after_the_grace_a_stream_is_cut_without_a_forged_ending(tmp_path):
    with start_simulator("--model", "paced=tokens=400:tps=10") as simulator:
        with running_gateway(tmp_path, f"http://127.0.0.1:{simulator.port}", options=[
                "models.slow.targets=[{provider: local, model: paced}]", "server.shutdown_grace=300ms"]) as gateway:
            client = RawClient(gateway.port)
            client.send("POST", "/v1/chat/completions", SLOW)
            client.read_until(b"data: ")
            gateway.process.send_signal(signal.SIGTERM)
            try:
                answer = client.read_to_the_end()
            except ConnectionError:
                answer = client.received
            assert b"[DONE]" not in answer and not answer.endswith(b"0\r\n\r\n")
            assert gateway.process.wait(10) == 0
            assert "requests were cut" in gateway.log()


def test_the_gauges_show_what_is_under_way(slow_model):
    def gauges():
        text = slow_model.call("/metrics")[2].decode().splitlines()
        return {line.split(" ")[0]: int(line.split(" ")[1]) for line in text
                if line.startswith(("headgate_requests_in_flight ", "headgate_connections "))}
    client = RawClient(slow_model.port)
    client.send("POST", "/v1/chat/completions", SLOW)
    client.read_until(b"data: ")
    assert gauges() == {"headgate_requests_in_flight": 2, "headgate_connections": 2}  # and this one that asks
    client.close()
    until(lambda: gauges() == {"headgate_requests_in_flight": 1, "headgate_connections": 1})


def test_sighup_changes_what_is_live_and_refuses_what_is_wrong(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url) as gateway:
        good = gateway.config.read_text()
        gateway.config.write_text(good.replace("tiny:", "small:"))
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: gateway.call("/v1/models/small")[0] == 200)
        assert gateway.call("/v1/models/tiny")[0] == 404
        gateway.config.write_text(good.replace("server:", "sever:"))
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: "the old one stays" in gateway.log())
        (refusal,) = [line for line in gateway.log().splitlines() if "the old one stays" in line]
        assert "sever" in refusal, "it names what is wrong"
        assert gateway.call("/v1/models/small")[0] == 200


def test_a_hundred_reloads_under_load_fail_no_request(tmp_path):
    with start_simulator() as simulator, \
            running_gateway(tmp_path, f"http://127.0.0.1:{simulator.port}") as gateway:
        good = gateway.config.read_text()
        failures, done, stop = [], [], threading.Event()

        def load():
            while not stop.is_set():
                status, _, body = gateway.call("/v1/chat/completions", json.dumps(CHAT).encode(), JSON)
                (done if status == 200 else failures).append(body)
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        reloaded = 0
        for number in range(100):
            text = good.replace("body_timeout: 2s", f"body_timeout: {2 + number % 5}s")
            gateway.config.write_text(text if number % 3 else text[:len(text) // 2] + "\n  half: [")
            gateway.process.send_signal(signal.SIGHUP)
            reloaded += 1
            said = reloaded
            until(lambda: sum(mark in line for line in gateway.log().splitlines()
                              for mark in ("configuration reloaded", "the old one stays")) >= said)
        stop.set()
        for thread in threads:
            thread.join()
        assert not failures and len(done) > 100


def test_an_admin_listener_takes_the_administration_away_from_the_main_one(tmp_path, upstream):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        admin = probe.getsockname()[1]
    with running_gateway(tmp_path, upstream.url, options=[f"server.admin_listen=127.0.0.1:{admin}"]) as gateway:
        for path in ("/admin/keys", "/admin/users", "/admin/config", "/metrics"):
            assert gateway.call(path)[0] == 404, path
        assert gateway.call("/live", key=None)[0] == 200
        gateway.url = f"http://127.0.0.1:{admin}"
        for path in ("/admin/keys", "/admin/users", "/admin/config", "/live"):
            assert gateway.call(path)[0] == 200, path
        assert gateway.call("/metrics", key=None)[0] == 200, "open on the admin listener"
        assert gateway.call("/admin/keys", key=None)[0] == 401


def test_connections_over_the_limit_are_answered_503_and_closed(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url, options=["server.max_connections=20"]) as gateway:
        held = []
        for _ in range(20):
            client = RawClient(gateway.port)
            client.send("GET", "/live")
            client.read_until(b"live")
            held.append(client)
        extra = RawClient(gateway.port)
        head, body = extra.read_to_the_end().split(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ") and json.loads(body)["error"]["code"] == "connection_limit"
        assert b"Content-Length: %d\r\n" % len(body) in head
        held.pop().close()

        def served():
            client = RawClient(gateway.port)
            try:
                client.send("GET", "/live")
                return b"200 OK" in client.read_until(b"}")
            except (AssertionError, ConnectionError):
                return False
        until(served)


ORIGIN = "https://app.example"


@pytest.mark.parametrize("options, origin, allowed", [
    ([], ORIGIN, None),
    ([f"server.cors.allow_origins=[\"{ORIGIN}\"]"], ORIGIN, ORIGIN),
    ([f"server.cors.allow_origins=[\"{ORIGIN}\"]"], "https://evil.example", None),
    (["server.cors.allow_origins=[\"*\"]"], "https://any.example", "https://any.example"),
])
def test_cors_is_off_unless_the_origin_is_configured(tmp_path, upstream, options, origin, allowed):
    with running_gateway(tmp_path, upstream.url, options=options) as gateway:
        _, headers, _ = gateway.call("/v1/models", headers={"Origin": origin})
        assert headers["access-control-allow-origin"] == allowed
        status, headers, _ = gateway.call("/v1/chat/completions", method="OPTIONS", key=None, headers={
            "Origin": origin, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type"})
        assert (status == 204) == (allowed is not None)
        if allowed:
            assert headers["access-control-allow-origin"] == allowed
            assert "POST" in headers["access-control-allow-methods"]
            assert headers["access-control-allow-headers"] == "authorization, content-type"
            assert headers["access-control-allow-credentials"] is None


def test_credentials_are_allowed_only_to_an_origin_that_is_named(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url, options=[
            f"server.cors.allow_origins=[\"{ORIGIN}\"]", "server.cors.allow_credentials=true"]) as gateway:
        for origin, allowed in ((ORIGIN, "true"), ("https://evil.example", None), (ORIGIN + ".evil.example", None),
                                ("null", None)):
            for method in ("GET", "OPTIONS"):
                _, headers, _ = gateway.call("/v1/models", method=method, headers={
                    "Origin": origin, "Access-Control-Request-Method": "GET"})
                assert headers["access-control-allow-credentials"] == allowed, (method, origin)
                assert headers["access-control-allow-origin"] == (origin if allowed else None)
                assert headers["vary"] == ("Origin" if allowed else None)


def test_the_address_behind_a_trusted_proxy_is_believed_and_a_spoofed_one_is_not(tmp_path, upstream):
    forwarded = {"X-Forwarded-For": "6.6.6.6, 203.0.113.7"}

    def remotes(gateway):
        lines = until(lambda: gateway.requests_log().count("\n") >= 2 and gateway.requests_log().splitlines())
        return [json.loads(line)["remote"] for line in lines]
    for trusted, expected in (("[\"127.0.0.0/8\"]", "203.0.113.7"), ("[\"10.0.0.0/8\"]", "127.0.0.1")):
        folder = tmp_path / expected
        folder.mkdir()
        with running_gateway(folder, upstream.url, options=[f"server.trusted_proxies={trusted}"]) as gateway:
            assert gateway.call("/v1/models", headers=forwarded)[0] == 200
            assert gateway.call("/v1/models")[0] == 200
            assert sorted(remotes(gateway)) == sorted([expected, "127.0.0.1"])


def test_a_reload_changes_which_proxies_are_trusted_and_so_who_may_enter(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url, options=["auth.ip_allow=[203.0.113.0/24]"]) as gateway:
        untrusting = gateway.config.read_text()
        trusting = untrusting.replace("threads: 2 }", "threads: 2, trusted_proxies: [127.0.0.0/8] }")
        assert trusting != untrusting

        def status(forwarded):
            return gateway.call("/v1/models", headers={"X-Forwarded-For": forwarded})[0]

        def reload(text):
            seen = gateway.log().count("configuration reloaded")
            gateway.config.write_text(text)
            gateway.process.send_signal(signal.SIGHUP)
            until(lambda: gateway.log().count("configuration reloaded") > seen)
        assert status("203.0.113.7") == 403, "the header of a peer that nobody trusts"

        reload(trusting)
        until(lambda: status("203.0.113.7") == 200)
        until(lambda: status("198.51.100.1, 203.0.113.7, 127.0.0.9") == 200)
        assert status("203.0.113.7, 198.51.100.1") == 403, "what the client claimed for itself"
        assert status("203.0.113.7, unknown") == 403

        reload(untrusting)
        until(lambda: status("203.0.113.7") == 403)
