"""What the HTTP edge takes and refuses, byte by byte."""
import json
import re
import socket
import time

import pytest

from conftest import KEY


def exchange(gateway, data, timeout=10):
    """Sends raw bytes and returns everything that comes back until the gateway closes or goes silent."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=timeout) as client:
        client.sendall(data)
        received = b""
        try:
            while True:
                piece = client.recv(65536)
                if not piece:
                    return received, True
                received += piece
        except socket.timeout:
            return received, False


LIVE = b"GET /live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

MALFORMED = {
    "both lengths": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    "differing lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400),
    "list of lengths": (POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "signed length": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "hex length": (POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "empty length": (POST + b"Content-Length: \r\n\r\n{}", 400),
    "huge length": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "folded line": (LIVE + b"X: a\r\n b\r\n\r\n", 400),
    "bare LF": (b"GET /live HTTP/1.1\nHost: x\n\n", 400),
    "bare CR": (LIVE + b"X: a\rb\r\n\r\n", 400),
    "NUL": (LIVE + b"X: a\0b\r\n\r\n", 400),
    "space before colon": (LIVE + b"X : a\r\n\r\n", 400),
    "no name": (LIVE + b": a\r\n\r\n", 400),
    "no colon": (LIVE + b"Xa\r\n\r\n", 400),
    "unknown coding": (POST + b"Transfer-Encoding: banana\r\n\r\n", 400),
    "coding twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "gzip coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "coding with tab": (POST + b"Transfer-Encoding:\tchunked\x0b\r\n\r\n", 400),
    "chunk size overflow": (POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 400),
    "chunk size junk": (POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", 400),
    "chunk without CRLF": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}0\r\n\r\n", 400),
    "chunk bare LF": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400),
    "chunk extensions flood": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 5000 + b"\r\n{\r\n", 400),
    "chunked in 1.0": (b"POST /auth/refresh HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "no host": (b"GET /live HTTP/1.1\r\n\r\n", 400),
    "two hosts": (LIVE + b"Host: y\r\n\r\n", 400),
    "userinfo in host": (b"GET /live HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "other authority": (b"GET http://other/live HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "fragment": (b"GET /live#a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two spaces": (b"GET  /live HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "version 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "version 1.2": (b"GET /live HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "connect": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 405),
    "trace": (b"TRACE /live HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "long line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "long header": (LIVE + b"X: " + b"a" * 17000 + b"\r\n\r\n", 431),
    "large header": (LIVE + b"".join(b"X%d: %s\r\n" % (i, b"a" * 1000) for i in range(40)) + b"\r\n", 431),
    "many fields": (LIVE + b"".join(b"X%d: a\r\n" % i for i in range(101)) + b"\r\n", 431),
    "expectation": (POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417),
    "gzip body": (POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
    "large body": (POST + b"Content-Length: 10000000\r\n\r\n{}", 413),
    "large chunked body": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"a" * 0x8000 + b"\r\n8000\r\n" + b"a" * 0x8000 + b"\r\n8000\r\n" + b"a" * 0x8000 + b"\r\n0\r\n\r\n", 413),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_gets_one_answer_and_a_close(gateway, name):
    data, status = MALFORMED[name]
    # A request smuggled behind it must not be answered.
    received, closed = exchange(gateway, data + LIVE + b"\r\n")
    assert received.startswith(b"HTTP/1.1 %d " % status), received[:200]
    assert len(re.findall(rb"HTTP/1\.1 \d\d\d ", received)) == 1
    assert closed
    error = json.loads(received.split(b"\r\n\r\n", 1)[1])["error"]
    assert error["message"] and error["request_id"]


def test_pipelined_requests_are_answered_in_order(gateway):
    data = b"".join(LIVE + b"x-request-id: r%d\r\n\r\n" % i for i in range(200))
    received, _ = exchange(gateway, data + LIVE + b"Connection: close\r\n\r\n")
    ids = [line.split(b": ")[1] for line in received.split(b"\r\n") if line.startswith(b"x-request-id: r")]
    assert ids == [b"r%d" % i for i in range(200)]


def test_pipelined_bodies_of_every_framing_stay_apart(gateway):
    bodies = [b'{"refresh_token":"%s"}' % (b"a" * size) for size in (1, 9000, 40000, 5)]
    data = b""
    for body in bodies:
        data += POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        data += POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x;x=y\r\n" % len(body) + body + b"\r\n0\r\nT: v\r\n\r\n"
    received, closed = exchange(gateway, data + LIVE + b"Connection: close\r\n\r\n")
    assert received.count(b"HTTP/1.1 401 ") == 8 and received.count(b"HTTP/1.1 200 ") == 1
    assert closed


def test_http_1_0_and_head(gateway):
    received, closed = exchange(gateway, b"GET /live HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in received and closed
    received, _ = exchange(gateway, b"HEAD /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 17" in received and received.endswith(b"\r\n\r\n")


def test_expect_100_continue(gateway):
    body = b'{"refresh_token":"x"}'
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 401 ")
    refused, closed = exchange(gateway, b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 401 ") and closed


def test_slow_heads_and_bodies_time_out_with_408(gateway):
    start = time.monotonic()
    received, closed = exchange(gateway, b"GET /live HTTP/1.1\r\nHost:")
    assert received.startswith(b"HTTP/1.1 408 ") and closed
    received, closed = exchange(gateway, POST + b"Content-Length: 20\r\n\r\n{")
    assert received.startswith(b"HTTP/1.1 408 ") and closed
    assert time.monotonic() - start < 20


def test_hundreds_of_slow_connections_do_not_hold_up_others(gateway):
    slow = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(300)]
    for client in slow:
        client.sendall(b"GET /live HT")
    assert gateway.call("/live", key=None)[0] == 200
    for client in slow:
        client.close()


def test_unknown_paths_and_methods(gateway):
    for path in ("/.env", "/.git/config", "/headgate.db", "/%61dmin/keys", "//admin/keys", "/admin/keys/", "/v1/../admin/keys"):
        status, _, answer = gateway.call(path)
        assert status == 404 and json.loads(answer)["error"]["code"] == "unknown_url"
    status, headers, _ = gateway.call("/v1/models", b"{}", method="POST")
    assert status == 405 and headers["allow"] == "GET, HEAD"


def test_request_ids_are_kept_or_made(gateway):
    assert gateway.call("/live", headers={"x-request-id": "mine-1"})[1]["x-request-id"] == "mine-1"
    made = gateway.call("/live", headers={"x-request-id": "a" * 129})[1]["x-request-id"]
    assert len(made) == 36 and made[14] == "7"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":1}', b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":"\xff"}',
                                  b'{"a":"\\ud800"}', b"{" + b'"a":[' * 70 + b"]" * 70 + b"}"])
def test_bodies_that_are_not_json_are_400(gateway, body):
    status, _, answer = gateway.call("/v1/chat/completions", body, {"Content-Type": "application/json"}, method="POST")
    assert status == 400 and json.loads(answer)["error"]["type"] == "invalid_request_error"
    assert KEY not in answer.decode()
