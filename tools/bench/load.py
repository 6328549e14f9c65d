"""The load: request bodies, wrk, and a client that times the first token of a stream."""

import base64
import json
import random
import re
import socket
import subprocess
import time

from proxies import GATEWAY_KEY, PACED_MODEL, pinned

HEADERS = {"Content-Type": "application/json", "Accept": "application/json",
           "Authorization": f"Bearer {GATEWAY_KEY}", "User-Agent": "OpenAI/JS 6.49.0",
           "X-Stainless-Lang": "js", "X-Stainless-Retry-Count": "0"}

FIRST_TOKEN = re.compile(rb'"content":"[^"]')
LAST_CHUNK = re.compile(rb"\r\n0\r\n\r\n")

PROSE = ("The claimant said that \"the roof was sound\" when the policy began.\n"
         "Please list each date, each amount and the page it stands on. ")


def text_body(size, **members):
    """A chat request of exactly `size` bytes, `messages` first as the SDKs send it."""
    def build(length):
        prose = (PROSE * (length // len(PROSE) + 1))[:length]
        messages = [{"role": "system", "content": "You read insurance claims."},
                    {"role": "user", "content": prose}]
        return {"messages": messages, "model": "sim", "temperature": 0.2, "max_tokens": 512,
                **members}
    length = size
    while len(json.dumps(build(length), separators=(",", ":"))) > size:
        length -= max(1, (len(json.dumps(build(length), separators=(",", ":"))) - size) // 2)
    body = build(length)
    missing = size - len(json.dumps(body, separators=(",", ":")))
    body["messages"][1]["content"] += "." * missing
    return json.dumps(body, separators=(",", ":")).encode()


def image_body(size):
    """A chat request of about `size` bytes: one image as a data URL."""
    image = base64.b64encode(random.Random(1).randbytes(size * 3 // 4)).decode()
    parts = [{"type": "text", "text": "What does this page say?"},
             {"type": "image_url", "image_url": {"url": "data:image/png;base64," + image}}]
    body = {"messages": [{"role": "user", "content": parts}], "model": "sim", "max_tokens": 512}
    return json.dumps(body, separators=(",", ":")).encode()


def stream_body(model):
    return text_body(400, model=model, stream=True)


LUA = """
local file = io.open({body}, "rb")
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.body = file:read("*a")
file:close()
{headers}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n@{{"requests":%d,"seconds":%f,"p50_us":%f,"p99_us":%f,"refused":%d,"broken":%d}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def write_script(folder, name, body):
    """The wrk script that sends `body`."""
    body_file = folder / f"{name}.json"
    body_file.write_bytes(body)
    headers = "\n".join(f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}"
                        for k, v in HEADERS.items())
    script = folder / f"{name}.lua"
    script.write_text(LUA.format(body=json.dumps(str(body_file)), headers=headers))
    return script


def run_wrk(script, port, connections, seconds, core):
    """What wrk measured: requests, seconds, p50_us, p99_us. Errors of any kind raise."""
    command = ["wrk", "--latency", "-t", "1", "-c", connections, "-d", f"{seconds}s",
               "--timeout", "30s", "-s", script, f"http://127.0.0.1:{port}/"]
    command = pinned(core, [str(word) for word in command])
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    lines = [line for line in output.stdout.splitlines() if line.startswith("@")]
    if output.returncode != 0 or not lines:
        raise RuntimeError(f"wrk failed: {output.stdout}{output.stderr}")
    result = json.loads(lines[-1][1:])
    if result["refused"] or result["broken"] or not result["requests"]:
        raise RuntimeError(f"not all answers were good: {result}")
    return result


def first_tokens(port, seconds):
    """Microseconds from sending a request to its first token, one stream after the other."""
    body = stream_body(PACED_MODEL)
    fields = {"Host": "bench", "Content-Length": str(len(body)), **HEADERS}
    head = "POST /v1/chat/completions HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    request = head.encode() + b"\r\n" + body
    times = []
    end = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.monotonic() < end:
            begin = time.perf_counter()
            connection.sendall(request)
            data = receive_until(connection, b"", FIRST_TOKEN)
            times.append((time.perf_counter() - begin) * 1e6)
            if not data.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"no stream: {data[:200]!r}")
            receive_until(connection, data, LAST_CHUNK)
    return times


def receive_until(connection, data, pattern):
    while not pattern.search(data):
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError("the stream ended too early")
        data += piece
    return data
