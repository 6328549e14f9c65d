"""Jobs seen from a client: submitting, waiting, events over SSE and WebSocket, a webhook receiver."""
import base64
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import queue
import re
import socket
import struct
import threading
import time
import uuid

from conftest import KEY, ROOT, Gateway
from processes import start_simulator

JSON = {"Content-Type": "application/json"}
ASYNC = {**JSON, "Prefer": "respond-async"}
ALICE, BOB = "alice-integration-key", "bob-integration-key"
TERMINAL = {"succeeded", "failed", "cancelled", "expired"}
LIMIT_SECONDS = 30
SAMPLES = ROOT / "examples/documents"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

CONFIG = """
server: {{ listen: "127.0.0.1:0", header_timeout: 2s, body_timeout: 2s, threads: 2, shutdown_grace: 1s }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: test, key: {admin}, scopes: [admin], tier: unlimited }}
    - {{ name: alice, key: {alice}, scopes: [{scopes}], tier: unlimited }}
    - {{ name: bob, key: {bob}, scopes: [{scopes}], tier: unlimited }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
queue:
  max_attempts: 3
  retry: {{ initial: 20ms, factor: 2, max: 100ms, jitter: none }}
providers:
  local: {{ protocol: openai, base_url: "{upstream}/v1", api_keys: [upstream-secret], any_model: true }}
  anthropic: {{ protocol: anthropic, base_url: "{upstream}", api_keys: [upstream-secret] }}
  gemini: {{ protocol: gemini, base_url: "{upstream}", api_keys: [upstream-secret] }}
"""


def until(condition, seconds=LIMIT_SECONDS):
    """The first value of `condition` that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def sim(parameters="", name=None):
    """A model name that no other test uses, so that its log and its `times=N` are its own."""
    name = "sim-" + (name or uuid.uuid4().hex[:12])
    return f"{name}:{parameters}" if parameters else name


def chat(model, text="hi", **members):
    return {"messages": [{"role": "user", "content": text}], "model": model, **members}


def one_at_a_time(name, upstream, **queue):
    """Options for a model with one slot."""
    limits = ", ".join(f"{key}: {value}" for key, value in {"max_concurrent": 1, **queue}.items())
    return [f"models.{name}.targets=[{{provider: local, model: \"{upstream}\"}}]", f"models.{name}.queue={{{limits}}}"]


def data_url(name):
    return "data:application/octet-stream;base64," + base64.b64encode((SAMPLES / name).read_bytes()).decode()


def form(name, **fields):
    boundary = uuid.uuid4().hex
    body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
                    for key, value in fields.items())
    body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body += (SAMPLES / name).read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class Site:
    """A gateway, the simulator behind it, and what a client does with jobs."""

    def __init__(self, folder, simulator, options=()):
        self.folder, self.simulator, self.options = folder, simulator, list(options)
        self.gateway = None

    def start(self):
        scopes = "models:read, inference:text, inference:document, jobs:read, jobs:write"
        upstream = f"http://127.0.0.1:{self.simulator.port}"
        config = CONFIG.format(folder=self.folder, upstream=upstream, scopes=scopes,
                               admin=KEY, alice=ALICE, bob=BOB)
        self.gateway = Gateway(self.folder, upstream, options=self.options, config=config)

    def kill(self):
        """Ends the gateway at once, as a crash would."""
        self.gateway.process.kill()
        self.gateway.process.wait(LIMIT_SECONDS)

    def crash(self):
        self.kill()
        self.gateway.stop()  # closes its logs
        self.start()

    def call(self, path, body=None, headers=None, method=None, key=KEY):
        """(status, headers, JSON) of one request."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        fields = {**(JSON if data is not None else {}), **(headers or {})}
        status, headers, answer = self.gateway.call(path, data, fields, method, key)
        return status, headers, json.loads(answer) if answer else None

    def call_with(self, fields, body, path="/v1/chat/completions"):
        """(status, JSON) of a POST with header fields that may repeat: [(name, value)]."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=LIMIT_SECONDS)
        data = json.dumps(body).encode()
        try:
            connection.putrequest("POST", path)
            for name, value in [("X-API-Key", KEY), ("Content-Length", str(len(data))), *fields]:
                connection.putheader(name, value)
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, json.load(answer)
        finally:
            connection.close()

    def submit(self, body, path="/v1/chat/completions", key=KEY, **headers):
        """The id of a new job; header names are written with _ for -."""
        fields = {**ASYNC, **{name.replace("_", "-"): value for name, value in headers.items()}}
        status, _, answer = self.call(path, body, fields, key=key)
        assert status == 202, answer
        return answer["id"]

    def job(self, job_id, key=KEY, query=""):
        status, _, answer = self.call(f"/v1/jobs/{job_id}{query}", key=key)
        assert status == 200, answer
        return answer

    def ended(self, job_id, key=KEY):
        return until(lambda: (lambda job: job if job["status"] in TERMINAL else None)(
            self.job(job_id, key, "?wait=5")))

    def running(self, job_id):
        return until(lambda: (lambda job: job if job["status"] == "running" else None)(self.job(job_id)))

    def calls(self, model):
        """What the simulator saw of `model`, oldest first."""
        return [one for one in self.simulator.log()["requests"] if one["model"] == model]

    def called(self, model, times=1):
        """The calls of `model` once there are as many."""
        return until(lambda: (lambda seen: seen if len(seen) >= times else None)(self.calls(model)))

    def events(self, job_id, after=None, last_event_id=None, key=KEY):
        """[(id, type, data)] of the whole stream, which must end when the job has ended."""
        with self.event_stream(job_id, after, last_event_id, key) as stream:
            return list(stream)

    @contextlib.contextmanager
    def event_stream(self, job_id, after=None, last_event_id=None, key=KEY):
        """The events as they come; StopIteration at the end, ConnectionError if it is torn off."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=LIMIT_SECONDS)
        headers = {"X-API-Key": key, "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        try:
            query = "" if after is None else f"?after={after}"
            connection.request("GET", f"/v1/jobs/{job_id}/events{query}", headers=headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield read_events(answer)
        finally:
            connection.close()

    def stop(self):
        if self.gateway:
            return self.gateway.stop()
        return 0


def lines_of(answer):
    """Lines of a chunked answer; ConnectionError unless it ends with its last chunk."""
    rest = b""
    try:
        while piece := answer.read1(65536):
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
    except http.client.IncompleteRead as error:
        raise ConnectionError("the stream was torn off") from error
    assert rest == b"", rest


def read_events(answer):
    fields = {}
    for line in lines_of(answer):
        line = line.decode().rstrip("\r")
        if not line and "data" in fields:
            yield int(fields["id"]), fields.get("event", "message"), json.loads(fields["data"])
        if not line:
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            assert name not in fields, f"one line of data for each event: {line}"
            fields[name] = value.removeprefix(" ")


@contextlib.contextmanager
def job_site(folder, options=(), simulator_options=()):
    with start_simulator("--log-size", 20000, "--hash-bodies", *simulator_options) as simulator:
        site = Site(folder, simulator, options)
        try:
            site.start()
            yield site
        finally:
            site.stop()


def content(result):
    return result["choices"][0]["message"]["content"]


def deltas(events):
    """The text of a streamed job's last run: what came after it last began to run."""
    text = ""
    for _, kind, data in events:
        if kind == "status" and data["status"] == "running":
            text = ""
        if kind == "delta" and data["choices"]:
            text += data["choices"][0]["delta"].get("content") or ""
    return text


class WebSocket:
    """A client of RFC 6455 that only reads, and answers pings."""

    def __init__(self, port, path, key=KEY, headers=()):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT_SECONDS)
        self.file = self.socket.makefile("rb")
        nonce = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {nonce}", "Sec-WebSocket-Version: 13", *headers]
        lines += [f"X-API-Key: {key}"] if key else []
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.status = int(self.file.readline().split()[1])
        self.headers = http.client.parse_headers(self.file)
        self.close_code = None
        if self.status == 101:
            proof = hashlib.sha1((nonce + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert self.headers["Sec-WebSocket-Accept"] == base64.b64encode(proof).decode()
            assert self.headers["Upgrade"].lower() == "websocket"

    def send(self, opcode, payload=b""):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked)

    def messages(self):
        """The JSON of each text frame, until the gateway closes the connection in due form."""
        while self.close_code is None:
            first, second = self.file.read(2)
            assert first & 0xF0 == 0x80 and second & 0x80 == 0, "whole frames, unmasked"
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", self.file.read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self.file.read(8))
            payload = self.file.read(size)
            if first & 0x0F == 1:
                yield json.loads(payload)
            elif first & 0x0F == 9:
                self.send(10, payload)
            elif first & 0x0F == 8:
                (self.close_code,) = struct.unpack(">H", payload[:2])
                self.send(8, payload[:2])

    def close(self):
        self.file.close()
        self.socket.close()


class WebhookReceiver:
    """Takes webhooks on a loopback port; `answers` are the status codes of the first ones, then 204."""

    def __init__(self, answers=()):
        self.received = queue.Queue()  # (headers, body)
        answers = list(answers)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(answers.pop(0) if answers else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()
                outer.received.put((self.headers, body))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def next(self):
        return self.received.get(timeout=LIMIT_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
