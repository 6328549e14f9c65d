"""The simulator itself, byte for byte over raw sockets: other tests trust its shapes and faults."""

import base64
import hashlib
import json
import socket
import ssl
import struct
import subprocess

import pytest

from processes import start_simulator

LIMIT_SECONDS = 10


@pytest.fixture(scope="module")
def sim():
    with start_simulator("--keep-body", "8MiB", "--hash-bodies") as running:
        yield running


@pytest.fixture(autouse=True)
def _empty_log(sim):
    sim.clear()


def connect(sim):
    return socket.create_connection(("127.0.0.1", sim.port), timeout=LIMIT_SECONDS)


def post(path, body, *fields):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", "Host: sim", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chat(model, **members):
    messages = [{"role": "user", "content": 'the word "model" is here'}]
    return post("/v1/chat/completions", {"messages": messages, "model": model, **members})


def read_to_end(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def read_until(connection, mark):
    data = b""
    while mark not in data:
        piece = connection.recv(65536)
        assert piece, f"connection ended before {mark!r}: {data!r}"
        data += piece
    return data


def read_reply(connection):
    """(status, header fields, body) of one whole reply, plain or chunked."""
    file = connection.makefile("rb")
    status = int(file.readline().split()[1])
    fields = {}
    while (line := file.readline()) not in (b"\r\n", b""):
        name, value = line.decode().rstrip("\r\n").split(": ", 1)
        fields[name] = value
    if fields.get("transfer-encoding") == "chunked":
        pieces = []
        while size := int(file.readline(), 16):
            pieces.append(file.read(size))
            assert file.readline() == b"\r\n"
        body = b"".join(pieces)
        assert file.readline() == b"\r\n"
    elif "content-length" in fields:
        body = file.read(int(fields["content-length"]))
    else:
        body = file.read()
    return status, fields, body


def exchange(sim, request):
    with connect(sim) as connection:
        connection.sendall(request)
        return read_reply(connection)


def wire(sim, model, **members):
    """Every byte of an answer that ends with its connection."""
    with connect(sim) as connection:
        connection.sendall(chat(model, **members))
        return read_to_end(connection)


def events(body, line_end="\n"):
    parts = body.decode().split(line_end * 2)
    assert parts[-1] == ""
    assert all(part.startswith("data: ") for part in parts[:-1])
    return [part[len("data: "):] for part in parts[:-1]]


def content(chunks):
    return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])


# Shapes


def test_chat_answers_in_the_shape_of_openai(sim):
    status, fields, body = exchange(sim, chat("sim:tokens=3"))
    answer = json.loads(body)
    assert status == 200
    assert fields["content-type"] == "application/json"
    assert fields["x-request-id"].startswith("req_")
    assert answer["object"] == "chat.completion" and answer["model"] == "sim:tokens=3"
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["choices"][0]["message"]["content"]
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def test_one_connection_carries_many_requests_also_pipelined(sim):
    with connect(sim) as connection:
        connection.sendall(chat("sim") * 3)
        data = read_to_end_of(connection, 3)
    assert data.count(b"HTTP/1.1 200 OK") == 3
    assert sim.stats()["accepted_connections"] <= 4


def read_to_end_of(connection, count):
    data = b""
    while data.count(b'"total_tokens":25}}') < count:
        data += connection.recv(65536)
    return data


def test_a_stream_has_role_content_finish_and_done(sim):
    status, fields, body = exchange(sim, chat("sim:tokens=4", stream=True))
    *chunks, done = events(body)
    chunks = [json.loads(chunk) for chunk in chunks]
    assert status == 200 and fields["content-type"].startswith("text/event-stream")
    assert done == "[DONE]"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert len(chunks) == 1 + 4 + 1
    assert [c["choices"][0]["finish_reason"] for c in chunks] == [None] * 5 + ["stop"]
    assert all("usage" not in c for c in chunks)


def test_usage_comes_only_when_asked_for(sim):
    ask = {"stream": True, "stream_options": {"include_usage": True}}
    _, _, body = exchange(sim, chat("sim:tokens=4", **ask))
    chunks = [json.loads(chunk) for chunk in events(body)[:-1]]
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] == 4
    assert all(c["usage"] is None for c in chunks[:-1])
    _, _, body = exchange(sim, chat("sim:tokens=4:usage-missing", **ask))
    assert b"usage" not in body.replace(b"usage-missing", b"")


def test_the_content_is_the_same_streamed_or_not_and_has_the_size_asked_for(sim):
    model = "sim:bytes=16384:tokens=50"
    whole = json.loads(exchange(sim, chat(model))[2])["choices"][0]["message"]["content"]
    streamed = events(exchange(sim, chat(model, stream=True))[2])[:-1]
    assert len(whole) == 16384
    assert content(json.loads(c) for c in streamed) == whole


def test_max_tokens_cuts_the_answer(sim):
    answer = json.loads(exchange(sim, chat("sim", max_completion_tokens=2))[2])
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 2


def test_legacy_completions(sim):
    ask = {"model": "sim:tokens=2", "prompt": "x"}
    answer = json.loads(exchange(sim, post("/v1/completions", ask))[2])
    assert answer["object"] == "text_completion" and answer["choices"][0]["text"]
    body = exchange(sim, post("/v1/completions", {**ask, "stream": True}))[2]
    texts = [json.loads(e)["choices"][0]["text"] for e in events(body)[:-1]]
    assert "".join(texts) == answer["choices"][0]["text"]


def test_embeddings_say_the_same_in_both_encodings(sim):
    ask = {"model": "sim", "input": ["a", "b, c"], "dimensions": 8}
    floats = json.loads(exchange(sim, post("/v1/embeddings", ask))[2])
    ask["encoding_format"] = "base64"
    packed = json.loads(exchange(sim, post("/v1/embeddings", ask))[2])
    assert [d["index"] for d in floats["data"]] == [0, 1]
    for plain, coded in zip(floats["data"], packed["data"]):
        raw = base64.b64decode(coded["embedding"], validate=True)
        assert list(struct.unpack("<8f", raw)) == plain["embedding"]
    assert floats["data"][0]["embedding"] != floats["data"][1]["embedding"]


def test_models_are_listed(sim):
    answer = json.loads(exchange(sim, b"GET /v1/models HTTP/1.1\r\nHost: sim\r\n\r\n")[2])
    assert answer["object"] == "list" and answer["data"][0]["id"] == "sim"


def test_framings(sim):
    assert exchange(sim, chat("sim:chunked"))[1]["transfer-encoding"] == "chunked"
    data = wire(sim, "sim:until-close")
    assert b"content-length" not in data and b"chunked" not in data and data.endswith(b"}")
    assert b"connection: close" in wire(sim, "sim:close")
    assert wire(sim, "sim:until-close", stream=True).endswith(b"data: [DONE]\n\n")


def test_large_and_chunked_request_bodies_arrive_whole(sim):
    text = "A" * (4 << 20)
    body = json.dumps({"messages": [{"role": "user", "content": text}], "model": "sim"}).encode()
    assert exchange(sim, post("/v1/chat/completions", body))[0] == 200
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: sim\r\nTransfer-Encoding: chunked\r\n\r\n"
    pieces = [body[i:i + 100_000] for i in range(0, len(body), 100_000)]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    assert exchange(sim, head + chunked)[0] == 200
    first, second = sim.log()["requests"]
    for record in (first, second):
        assert record["body_bytes"] == len(body)
        assert record["body_sha256"] == hashlib.sha256(body).hexdigest()


def test_echo_gives_the_body_back_byte_for_byte(sim):
    body = b'{ "seed":12345678901234567890,"x":1.0e5, "messages":[],"model":"sim:echo", "t":"\\u00e9\xc3\xa9" }'
    answer = json.loads(exchange(sim, post("/v1/chat/completions", body))[2])
    assert answer["choices"][0]["message"]["content"].encode() == body
    large = json.dumps({"a": "é\"\\" * 300_000, "model": "sim:echo", "stream": True}).encode()
    chunks = events(exchange(sim, post("/v1/chat/completions", large))[2])[:-1]
    assert content(json.loads(c) for c in chunks).encode() == large


def test_headers_are_shown(sim):
    request = post("/v1/chat/completions", {"model": "sim:headers"}, "X-Own: seen")
    text = json.loads(exchange(sim, request)[2])["choices"][0]["message"]["content"]
    assert "X-Own: seen\r\n" in text


def test_expect_is_answered_with_continue(sim):
    request = chat("sim").replace(b"Host: sim", b"Host: sim\r\nExpect: 100-continue")
    head, body = request.split(b"\r\n\r\n", 1)
    with connect(sim) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert read_until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_reply(connection)[0] == 200


# Refusals


def test_statuses_come_in_the_shape_of_openai(sim):
    status, fields, body = exchange(sim, chat("sim:status=429:retry-after=2"))
    error = json.loads(body)["error"]
    assert status == 429 and fields["retry-after"] == "2"
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == "rate_limit_exceeded"
    assert exchange(sim, chat("sim:status=500", stream=True))[0] == 500
    error = json.loads(exchange(sim, chat("sim:status=503:vllm-errors"))[2])["error"]
    assert error["code"] == 503


def test_mistakes_are_answered(sim):
    assert exchange(sim, chat("sim:nonsense=1"))[0] == 400
    assert exchange(sim, post("/v1/chat/completions", b"[]"))[0] == 400
    assert exchange(sim, post("/v1/chat/completions", b'{"messages":[]}'))[0] == 400
    assert exchange(sim, post("/v1/unknown", b"{}"))[0] == 404


def test_a_fault_can_pass_after_some_times(sim):
    statuses = [exchange(sim, chat("sim:status=503:times=2"))[0] for _ in range(4)]
    assert statuses == [503, 503, 200, 200]


def test_models_can_be_named_at_the_start():
    with start_simulator("--model", "gpt-x=status=500:times=1", "--tokens", "3") as named:
        assert [exchange(named, chat("gpt-x"))[0] for _ in range(2)] == [500, 200]
        answer = json.loads(exchange(named, chat("gpt-x"))[2])
        assert answer["usage"]["completion_tokens"] == 3


def test_a_key_can_be_asked_for():
    with start_simulator("--require-key", "k-123") as locked:
        status, _, body = exchange(locked, chat("sim"))
        assert status == 401 and json.loads(body)["error"]["code"] == "invalid_api_key"
        right = post("/v1/chat/completions", {"model": "sim"}, "Authorization: Bearer k-123")
        assert exchange(locked, right)[0] == 200


# Faults


def test_reset_comes_before_any_byte(sim):
    with pytest.raises(ConnectionResetError):
        wire(sim, "sim:reset")


def test_silence_lasts_until_the_client_leaves_and_is_counted(sim):
    with connect(sim) as connection:
        connection.sendall(chat("sim:silence"))
        wait_for(sim, "in_flight", 1)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
    wait_for(sim, "aborted", 1)
    log = sim.log()
    assert log["stats"]["in_flight"] == 0
    assert log["requests"][0]["hung_up"] is True
    assert log["models"] == {"sim:silence": 1}


def wait_for(sim, name, value):
    """Asks until the counter has the value; the limit only ends a failed test."""
    for _ in range(2000):
        if sim.stats()[name] == value:
            return
    raise AssertionError(f"{name} is {sim.stats()[name]}, not {value}")


def test_leaving_in_the_middle_of_a_stream_is_counted(sim):
    with connect(sim) as connection:
        connection.sendall(chat("sim:tokens=100000:tps=1000", stream=True))
        read_until(connection, b'"role"')
    wait_for(sim, "aborted", 1)
    assert sim.log()["requests"][0]["outcome"] == "hung_up"


def test_stall_stops_after_its_events_and_stays_connected(sim):
    with connect(sim) as connection:
        connection.sendall(chat("sim:stall=3", stream=True))
        data = b""
        while data.count(b"data: ") < 3:
            data += connection.recv(65536)
        wait_for(sim, "in_flight", 1)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
    assert data.count(b"data: ") == 3


def test_cut_ends_the_connection_after_its_events(sim):
    data = wire(sim, "sim:cut=5", stream=True)
    assert data.count(b"data: ") == 5
    assert not data.endswith(b"0\r\n\r\n") and b"[DONE]" not in data
    assert sim.log()["requests"][0]["outcome"] == "broken"
    plain = wire(sim, "sim:cut")
    head, body = plain.split(b"\r\n\r\n")
    assert 0 < len(body) < int(head.split(b"content-length: ")[1].split()[0])


def test_reset_can_come_after_some_events(sim):
    with connect(sim) as connection:
        connection.sendall(chat("sim:reset=2", stream=True))
        with pytest.raises(ConnectionResetError):
            read_to_end(connection)


def test_malformed_event(sim):
    parts = events(exchange(sim, chat("sim:malformed=3", stream=True))[2])
    json.loads(parts[1])
    with pytest.raises(json.JSONDecodeError):
        json.loads(parts[2])
    json.loads(parts[3])


def test_error_event_is_the_last_one(sim):
    parts = events(exchange(sim, chat("sim:error-event=3", stream=True))[2])
    assert len(parts) == 3
    assert json.loads(parts[2])["error"]["type"] == "server_error"
    assert exchange(sim, chat("sim:error-event"))[0] == 500


def test_done_can_be_missing(sim):
    parts = events(exchange(sim, chat("sim:no-done", stream=True))[2])
    assert json.loads(parts[-1])["choices"][0]["finish_reason"] == "stop"


def test_half_head(sim):
    data = wire(sim, "sim:half-head")
    assert data.startswith(b"HTTP/1.1 200") and b"\r\n\r\n" not in data


@pytest.mark.parametrize("stream", [False, True])
def test_broken_lengths(sim, stream):
    def head(model):
        with connect(sim) as connection:
            connection.sendall(chat(model, stream=stream))
            return read_until(connection, b"\r\n\r\n").split(b"\r\n\r\n")[0]

    assert head("sim:bad-length").rstrip().endswith(b"x")
    assert head("sim:two-lengths").count(b"content-length: ") == 2
    both = head("sim:length-and-chunks")
    assert b"content-length: " in both and b"transfer-encoding: chunked" in both


def test_bodies_shorter_and_longer_than_promised(sim):
    head, body = wire(sim, "sim:short-body").split(b"\r\n\r\n")
    assert int(head.split(b"content-length: ")[1].split()[0]) == len(body) + 10
    with connect(sim) as connection:
        connection.sendall(chat("sim:long-body"))
        assert b"}}HTTP/1.1 200 OK" in read_until(connection, b"unasked-9")


def test_html_with_status_200(sim):
    status, fields, body = exchange(sim, chat("sim:html200"))
    assert status == 200 and fields["content-type"].startswith("text/html")
    assert body.startswith(b"<!DOCTYPE html>")


def test_big_header(sim):
    assert len(exchange(sim, chat("sim:big-header"))[1]["x-big"]) == 128 << 10
    assert len(exchange(sim, chat("sim:big-header=10KiB"))[1]["x-big"]) == 10 << 10


def test_dripping_changes_no_byte(sim):
    assert exchange(sim, chat("sim:drip:tokens=2"))[0] == 200
    dripped = events(exchange(sim, chat("sim:drip:tokens=2", stream=True))[2])
    assert dripped[-1] == "[DONE]" and len(dripped) == 5


def test_comments_and_crlf(sim):
    body = exchange(sim, chat("sim:pings:crlf", stream=True))[2]
    assert body.count(b": ping\n\n") == body.count(b"data: ") == body.count(b"\r\n\r\n")


def test_early_hints_come_before_the_answer(sim):
    with connect(sim) as connection:
        connection.sendall(chat("sim:early-hints"))
        assert read_until(connection, b"200 OK").startswith(b"HTTP/1.1 103 Early Hints\r\n")


def test_waiting_takes_the_time_asked_for(sim):
    exchange(sim, chat("sim:latency=30ms"))
    exchange(sim, chat("sim:first-token=30ms", stream=True))
    exchange(sim, chat("sim:tokens=10:tps=500", stream=True))
    times = [record["took_us"] for record in sim.log()["requests"]]
    assert times[0] >= 30_000 and times[1] >= 30_000 and times[2] >= 20_000


# The log


def test_the_log_shows_what_reached_it(sim):
    request = post("/v1/chat/completions?a=1", {"model": "sim"}, "X-Raw: \xe9")
    exchange(sim, request)
    (record,) = sim.log()["requests"]
    assert record["method"] == "POST" and record["target"] == "/v1/chat/completions?a=1"
    assert record["model"] == "sim" and record["outcome"] == "answered"
    assert record["body_start"] == '{"model": "sim"}' and record["body_bytes"] == 16
    assert record["headers"][0] == "Host: sim"
    sim.clear()
    assert sim.log()["requests"] == []


def test_it_comes_back_on_its_port_after_being_killed():
    with start_simulator() as own:
        port = own.port
        own.kill()
        own.start()
        assert own.port == port and exchange(own, chat("sim"))[0] == 200


def test_tls(tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True, timeout=LIMIT_SECONDS)
    with start_simulator("--tls-certificate", certificate, "--tls-key", key) as own:
        context = ssl.create_default_context(cafile=certificate)
        with connect(own) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                for size in (10, 200_000):
                    connection.sendall(chat("sim:bytes=100000", user="u" * size))
                    assert read_reply(connection)[0] == 200
                connection.sendall(b"GET /sim/log HTTP/1.1\r\nHost: sim\r\n\r\n")
                log = json.loads(read_reply(connection)[2])
    assert [r["server_name"] for r in log["requests"]] == ["localhost"] * 2
