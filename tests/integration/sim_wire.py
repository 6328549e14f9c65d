"""Speaks to headgate-sim over a raw socket, so that framing and faults can be seen as they are."""

import json
import socket

LIMIT_SECONDS = 10


def request(method, path, body=b"", *fields):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = [f"{method} {path} HTTP/1.1", "Host: sim", f"Content-Length: {len(body)}", *fields]
    if body and not any(field.lower().startswith("content-type:") for field in fields):
        head.append("Content-Type: application/json")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def connect(sim):
    return socket.create_connection(("127.0.0.1", sim.port), timeout=LIMIT_SECONDS)


class Reply:
    def __init__(self, status, fields, body, whole):
        self.status = status
        self.fields = fields
        self.body = body
        self.whole = whole  # the framing says that nothing is missing

    def json(self):
        return json.loads(self.body)

    def events(self, line_end="\n"):
        """(name or None, data) of each event, pings and comments left out."""
        parts = self.body.decode().split(line_end * 2)
        found = []
        for part in parts[:-1]:
            name, data = None, None
            for line in part.split(line_end):
                if line.startswith("event: "):
                    name = line[len("event: "):]
                elif line.startswith("data: "):
                    data = line[len("data: "):]
            if data is not None and name != "ping":
                found.append((name, data))
        return found

    def datas(self, line_end="\n"):
        return [json.loads(data) for _, data in self.events(line_end) if data != "[DONE]"]


def read_reply(connection):
    file = connection.makefile("rb")
    line = file.readline()
    if not line:
        raise ConnectionResetError("no answer at all")
    status = int(line.split()[1])
    fields = {}
    while (line := file.readline()) not in (b"\r\n", b""):
        name, value = line.decode().rstrip("\r\n").split(": ", 1)
        fields[name] = value
    body, whole = b"", True
    if fields.get("transfer-encoding") == "chunked":
        while True:
            size = file.readline()
            if not size:
                whole = False
                break
            if int(size, 16) == 0:
                whole = file.readline() == b"\r\n"
                break
            body += file.read(int(size, 16))
            file.readline()
    elif "content-length" in fields:
        body = file.read(int(fields["content-length"]))
        whole = len(body) == int(fields["content-length"])
    return Reply(status, fields, body, whole)


def exchange(sim, method, path, body=b"", *fields):
    with connect(sim) as connection:
        connection.sendall(request(method, path, body, *fields))
        return read_reply(connection)


def is_silent(sim, method, path, body, *fields, after=0):
    """True if the connection stays open and nothing comes after `after` events."""
    with connect(sim) as connection:
        connection.sendall(request(method, path, body, *fields))
        received = b""
        if after:
            while received.count(b"data: ") - received.count(b"event: ping") < after:
                received += connection.recv(65536)
        for _ in range(2000):
            if sim.stats()["in_flight"] == 1:
                break
        connection.setblocking(False)
        try:
            connection.recv(1)
        except BlockingIOError:
            return True
        return False


class Faults:
    """The faults that every protocol has. A subclass says how to ask for `model`.

    `call(sim, model, stream)` gives (method, path, body, *fields); `text(reply, stream)` what the
    model said; `is_error(body, status)` checks the shape of an error."""

    line_end = "\n"

    def ask(self, sim, model, stream=False):
        return exchange(sim, *self.call(sim, model, stream))

    def test_the_text_is_the_same_streamed_or_not_and_on_every_instance(self, sim, second):
        whole = self.text(self.ask(sim, "sim:vary"), False)
        assert whole and whole == self.text(self.ask(sim, "sim:vary", True), True)
        assert whole == self.text(self.ask(second, "sim:vary"), False)
        assert self.ask(sim, "sim:vary").body == self.ask(second, "sim:vary").body

    def test_statuses_have_the_shape_of_the_vendor(self, sim):
        for status in (401, 429, 500, 503):
            for stream in (False, True):
                reply = self.ask(sim, f"sim:status={status}", stream)
                assert reply.status == status
                self.is_error(reply.json(), status)

    def test_waiting_times_are_told_in_each_way(self, sim):
        fields = self.ask(sim, "sim:status=429:retry-after=2:retry-after-ms=1500").fields
        assert fields["retry-after"] == "2" and fields["retry-after-ms"] == "1500"
        fields = self.ask(sim, "sim:status=503:retry-date=90s:should-retry=false").fields
        assert fields["retry-after"].endswith(" GMT") and fields["x-should-retry"] == "false"

    def test_it_recovers_after_some_times_with_the_same_text(self, sim):
        model = "sim:tokens=5:status=503:times=2"
        replies = [self.ask(sim, model) for _ in range(3)]
        assert [reply.status for reply in replies] == [503, 503, 200]
        assert self.text(replies[2], False) == self.text(self.ask(sim, "sim:tokens=5"), False)

    def test_an_error_can_come_with_200(self, sim):
        for stream in (False, True):
            reply = self.ask(sim, "sim:error200", stream)
            assert reply.status == 200
            self.is_error(reply.json(), 500)
            assert self.ask(sim, "sim:html200", stream).fields["content-type"].startswith("text/html")
        assert self.ask(sim, "sim:content-type=text/plain").fields["content-type"] == "text/plain"

    def test_json_can_be_cut_short(self, sim):
        reply = self.ask(sim, "sim:truncated")
        assert reply.whole and reply.status == 200
        try:
            reply.json()
            raise AssertionError("this is JSON")
        except json.JSONDecodeError:
            pass
        data = [data for _, data in self.ask(sim, "sim:malformed=3", True).events(self.line_end)]
        json.loads(data[1])
        try:
            json.loads(data[2])
            raise AssertionError("this is JSON")
        except json.JSONDecodeError:
            pass
        json.loads(data[3])

    def test_connections_end_where_they_are_told(self, sim):
        assert not self.ask(sim, "sim:cut").whole
        reply = self.ask(sim, "sim:cut=3", True)
        assert not reply.whole and len(reply.events(self.line_end)) == 3
        reply = self.ask(sim, "sim:cut-bytes=20")
        assert not reply.whole and len(reply.body) == 20
        for model, stream in (("sim:reset", False), ("sim:reset=2", True), ("sim:reset-bytes=9", False)):
            try:
                reply = self.ask(sim, model, stream)
                raise AssertionError(f"{model} was answered: {reply.body!r}")
            except ConnectionResetError:
                pass
        records = sim.log()["requests"]
        assert {record["outcome"] for record in records} == {"broken"}

    def test_silence_before_the_head_after_it_and_between_tokens(self, sim):
        assert is_silent(sim, *self.call(sim, "sim:silence", False))
        assert is_silent(sim, *self.call(sim, "sim:stall=3", True), after=3)
        with connect(sim) as connection:
            connection.sendall(request(*self.call(sim, "sim:stall=0", True)))
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            connection.setblocking(False)
            try:
                assert not connection.recv(1)
                raise AssertionError("the connection ended")
            except BlockingIOError:
                assert head.endswith(b"\r\n\r\n")

    def test_streams_end_without_their_finish(self, sim):
        healthy = self.ask(sim, "sim", True).events(self.line_end)
        reply = self.ask(sim, "sim:no-finish", True)
        assert reply.whole and 0 < len(reply.events(self.line_end)) < len(healthy)
        assert not self.has_finish(reply)
        assert self.has_finish(self.ask(sim, "sim", True))

    def test_an_error_can_come_in_the_middle_of_a_stream(self, sim):
        events = self.ask(sim, "sim:error-event=3", True).events(self.line_end)
        assert len(events) == 3
        self.is_error_event(*events[2])

    def test_pace_and_drip_change_no_byte(self, sim):
        for stream in (False, True):
            plain = self.text(self.ask(sim, "sim:tokens=2", stream), stream)
            assert plain == self.text(self.ask(sim, "sim:tokens=2:drip", stream), stream)
            assert plain == self.text(self.ask(sim, "sim:tokens=2:tps=500", stream), stream)
        self.ask(sim, "sim:latency=30ms")
        self.ask(sim, "sim:first-token=30ms", True)
        assert all(r["took_us"] >= 30_000 for r in sim.log()["requests"][-2:])

    def test_the_whole_server_goes_down_and_comes_back(self, sim):
        try:
            sim.control("down", parameters="status=503:retry-after=1")
            reply = self.ask(sim, "sim", True)
            assert reply.status == 503 and reply.fields["retry-after"] == "1"
            self.is_error(reply.json(), 503)
            sim.control("down", parameters="reset")
            try:
                self.ask(sim, "sim")
                raise AssertionError("it answered")
            except ConnectionResetError:
                pass
            sim.control("down", parameters="hang")
            assert is_silent(sim, *self.call(sim, "sim", False))
        finally:
            sim.control("up")
        assert self.ask(sim, "sim").status == 200

    def test_the_log_tells_who_asked_what_and_when(self, sim):
        self.ask(sim, "sim-a:tokens=2")
        self.ask(sim, "sim-b:status=503", True)
        first, second = sim.log()["requests"][-2:]
        assert first["protocol"] == second["protocol"] == self.protocol
        assert (first["model"], second["model"]) == ("sim-a:tokens=2", "sim-b:status=503")
        assert (first["status"], second["status"]) == (200, 503)
        assert first["path"].startswith("/v") and "?" not in first["path"]
        assert second["received_us"] >= first["received_us"] > 1_700_000_000_000_000
        assert first["outcome"] == "answered"

    def test_a_key_is_asked_for_and_can_be_spoiled_alone(self, locked):
        def status(key):
            return exchange(locked, *self.call(locked, "sim", False), self.key_field + key).status

        assert status("wrong") in (400, 401) and self.ask(locked, "sim").status in (401, 403)
        assert status("k-123") == 200
        one, other = [record["key_hash"] for record in locked.log()["requests"][-3::2]]
        assert len(one) == len(other) == 8 and one != other
        try:
            locked.control("key", key="k-123", parameters="status=429:retry-after=3")
            assert status("k-123") == 429
        finally:
            locked.control("key", key="k-123", parameters="")
        assert status("k-123") == 200

    def test_a_name_can_be_given_a_fault_while_it_runs(self, sim):
        sim.control("model", model="named", parameters="status=500:times=1")
        assert [self.ask(sim, "named").status for _ in range(2)] == [500, 200]
        sim.control("model", model="named", parameters="")
        assert self.ask(sim, "named").status == 200
