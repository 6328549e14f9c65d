"""Carries out the cases of fault_matrix.py against a gateway, and compares what came of them with the table."""
import concurrent.futures
import dataclasses
import http.client
import json
import re
import socket
import time

import fault_matrix
from conftest import KEY
from fault_matrix import HEALS, JOBS, NO_ROOM, NOBODY, PAIR, QUEUE, STREAM, STREAMED_JOB, STREAMS, WAIT

THREADS = 32
LIMIT_SECONDS = 20
TERMINAL = ("succeeded", "failed", "cancelled", "expired")
# The wall clock of the simulator's log, against the steady one of the gateway's waits.
CLOCKS_MS = 5
# What may differ between two answers to the same question.
OWN_NAMES = ("id", "request_id", "created", "model", "provider", "latency_ms")
OWN = re.compile(rb'"(%s)":("[^"]*"|\d+)' % "|".join(OWN_NAMES).encode())
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens")
CHAT_MEMBERS = {"max_tokens": 100, "messages": [{"role": "user", "content": "Tell me."}]}


@dataclasses.dataclass(frozen=True)
class Case:
    number: int
    protocol: str
    fault: fault_matrix.Fault
    delivery: str
    scene: str

    @property
    def label(self):
        return f"{self.protocol}: {self.fault.name} ({self.fault.how}), {self.delivery}, {self.scene}"

    @property
    def model(self):
        return f"m{self.number}"

    def target(self, which):
        """The provider's name of the model, or its endpoint's."""
        parameters = ["tokens=8"]
        if which == "a" and self.fault.how not in ("", NOBODY, NO_ROOM):
            parameters.append(self.fault.how)
            if self.scene == HEALS:
                parameters.append("times=1")
        return ":".join([f"sim-{self.number}{which}", *parameters])


def cases_of(protocol):
    found = []
    for fault in fault_matrix.FAULTS:
        if protocol not in fault.protocols:
            continue
        for delivery in fault.deliveries_to(protocol):
            for scene in fault.scenes_of(delivery):
                found.append(Case(len(found), protocol, fault, delivery, scene))
    return found


class DeadEnds:
    """An address that refuses connections, and one that lets them wait for ever."""

    def __init__(self):
        self.sockets = []
        self.nobody = self._bind()
        self.no_room = self._bind()
        self.sockets[-1].listen(0)
        for _ in range(4):  # fills the backlog
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.no_room))
            self.sockets.append(waiting)

    def _bind(self):
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        self.sockets.append(bound)
        return bound.getsockname()[1]

    def close(self):
        for one in self.sockets:
            one.close()


BASES = {"openai": "/v1", "anthropic": "", "messages": "", "gemini": "", "runpod-openai": "/v2", QUEUE: "/v2"}
WORDS = {"messages": "anthropic", "runpod-openai": "runpod", QUEUE: "runpod"}


def configuration(folder, cases, simulator_port, dead_ends):
    providers, models = [], []
    for case in cases:
        targets = []
        for which in "ab" if case.scene == PAIR else "a":
            port = {NOBODY: dead_ends.nobody, NO_ROOM: dead_ends.no_room}.get(
                case.fault.how if which == "a" else "", simulator_port)
            name = f"p{case.number}{which}"
            providers.append(
                f"  {name}: {{ protocol: {WORDS.get(case.protocol, case.protocol)}, api_keys: [{name}-secret],"
                f' base_url: "http://127.0.0.1:{port}{BASES[case.protocol]}" }}')
            called = case.target(which)
            place = f'model: "{called}"'
            if case.protocol == QUEUE:
                place = f'endpoint: "{called}"'
            elif case.protocol == "runpod-openai":
                place = f'endpoint: "sim-e{case.number}{which}", model: "{called}"'
            targets.append(f"{{ provider: {name}, {place} }}")
        silence = "1200ms" if case.fault.patience else "30s"
        connect = "300ms" if case.fault.how == NO_ROOM else "5s"
        models.append(
            f"  {case.model}: {{ kind: {'classify' if case.protocol == QUEUE else 'chat'},"
            f" targets: [ {', '.join(targets)} ],"
            f" retry: {{ max_attempts: {fault_matrix.CALLS_OF_A_TARGET}, initial: 10ms, max: 2s, factor: 1 }},"
            f" timeouts: {{ connect: {connect}, first_byte: {silence}, first_token: {silence}, idle: {silence},"
            f" total: {'8s' if case.fault.patience else '60s'} }} }}")
    return "\n".join([f"""
server: {{ listen: "127.0.0.1:0", threads: 2, max_connections: 1000 }}
data_dir: {folder}/data
log: {{ format: json }}
auth: {{ keys: [ {{ name: test, key: {KEY}, scopes: [admin], tier: unlimited }} ] }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
queue: {{ max_attempts: {fault_matrix.CALLS_OF_A_JOB}, retry: {{ initial: 10ms, max: 20ms, jitter: none }} }}
providers:""", *providers, "models:", *models, ""])


@dataclasses.dataclass
class Seen:
    status: int
    headers: dict
    body: bytes
    job: dict = None


class Caller:
    """What a client gets of a case."""

    def __init__(self, port):
        self.port = port

    def call(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_SECONDS)
        fields = {"X-API-Key": KEY, "Content-Type": "application/json", **headers}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), fields)
            answer = connection.getresponse()
            return Seen(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def ask(self, case):
        path, members = "/v1/chat/completions", CHAT_MEMBERS
        if case.protocol == "messages":
            path = "/v1/messages"
        elif case.protocol == QUEUE:
            path, members = "/v1/classify", {"image_urls": ["https://files.example/scan.png"]}
        body = {"model": case.model, **members}
        if case.delivery in STREAMS:
            body["stream"] = True
            if case.protocol != "messages":
                body["stream_options"] = {"include_usage": True}
        if case.delivery not in JOBS:
            return self.call("POST", path, body)
        made = self.call("POST", path, body, Prefer="respond-async")
        if made.status != 202:
            return made
        made.job = json.loads(made.body)
        end = time.monotonic() + LIMIT_SECONDS
        while made.job["status"] not in TERMINAL and time.monotonic() < end:
            made.job = json.loads(self.call("GET", f"/v1/jobs/{made.job['id']}?wait=5").body)
        return made


def carry_out(cases, port):
    """What was seen of each case, in their order."""
    caller = Caller(port)

    def ask(case):
        try:
            return caller.ask(case)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Seen(0, {}, repr(error).encode())
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, cases))


def normal(body):
    """`body` without what may differ."""
    return OWN.sub(rb'"\1"', body)


def without_own(value):
    """The same of JSON."""
    if isinstance(value, dict):
        return {name: without_own(one) for name, one in value.items()
                if name not in OWN_NAMES}
    return [without_own(one) for one in value] if isinstance(value, list) else value


def counts_of(usage):
    """What everybody tells: vendors say more, in ways of their own."""
    return {name: count for name, count in usage.items() if name in COUNTS}


def gist(result):
    """Of a job's chat that was put together from the streams of several targets."""
    choices = [(choice["message"]["content"], choice["finish_reason"]) for choice in result["choices"]]
    return choices, counts_of(result["usage"])


class Story:
    """What a client makes of a stream."""

    def __init__(self, body):
        self.text, self.finish, self.usage, self.errors = "", [], None, []
        self.ids, self.roles, self.ended, self.behind_end, self.events = set(), 0, False, 0, []
        for block in re.split(r"\r?\n\r?\n", body.decode()):
            lines = [line for line in re.split(r"\r?\n", block) if line and not line.startswith(":")]
            data = "".join(line[6:] for line in lines if line.startswith("data: "))
            if data:
                self.behind_end += self.ended or bool(self.errors)
                self.take(data)

    def take(self, data):
        if data == "[DONE]":
            self.ended = True
            return
        event = json.loads(data)
        self.events.append(without_own(event))
        if event.get("error"):
            self.errors.append(event["error"])
        elif "choices" in event:
            self.take_chunk(event)
        else:
            self.take_anthropic(event)

    def take_chunk(self, chunk):
        self.ids.add(chunk["id"])
        self.usage = counts_of(chunk["usage"]) if chunk.get("usage") else self.usage
        for choice in chunk["choices"]:
            self.text += choice["delta"].get("content") or ""
            self.roles += "role" in choice["delta"]
            self.finish += [choice["finish_reason"]] if choice.get("finish_reason") else []

    def take_anthropic(self, event):
        kind = event["type"]
        if kind == "message_start":
            self.ids.add(event["message"]["id"])
            self.roles += 1
        elif kind == "content_block_delta":
            self.text += event["delta"]["text"]
        elif kind == "message_delta":
            self.finish.append(event["delta"]["stop_reason"])
            self.usage = counts_of(event.get("usage") or {})
        self.ended = self.ended or kind == "message_stop"

    def outline(self):
        return (self.text, self.finish, self.usage, self.roles, len(self.ids), self.ended, self.behind_end,
                len(self.errors))


class Verdicts:
    """Compares cases with the table; `wrong` tells what does not fit."""

    def __init__(self, cases, seen, log):
        self.wrong, self.late_ms = [], 0
        self.calls = {}
        for record in log["requests"]:
            if record["protocol"] != "runpod" or "/run" in record["path"] or "/openai/" in record["path"]:
                self.calls.setdefault(record["model"], []).append(record)
        self.healthy = {case.delivery: one for case, one in zip(cases, seen)
                        if case.fault.name == "nothing wrong" and case.scene == PAIR}
        for case, one in zip(cases, seen):
            self.case = case
            try:
                self.judge(case, one)
            except (KeyError, ValueError, AssertionError, TypeError) as error:
                self.say(f"{error!r} in {one.status} {one.body[:600]!r}")

    def say(self, what):
        self.wrong.append(f"{self.case.label}: {what}")

    def expect(self, what, found, wanted):
        if found != wanted:
            self.say(f"{what} is {str(found)[:700]}, not {str(wanted)[:700]}")

    def judge(self, case, seen):
        kind = case.fault.kind_of(case.delivery)
        wanted, succeeds = fault_matrix.expectation(case.scene, case.delivery, kind)
        self.judge_calls(case, wanted)
        if case.delivery in JOBS:
            self.judge_job(case, seen, sum(wanted), succeeds)
        elif succeeds:
            self.judge_answer(case, seen, wanted)
        else:
            self.judge_error(case, seen, sum(wanted))

    def judge_calls(self, case, wanted):
        first = self.calls.get(case.target("a"), [])
        second = self.calls.get(case.target("b"), [])
        if case.fault.how not in (NOBODY, NO_ROOM):
            self.expect("calls", (len(first), len(second)), wanted)
            for before, after in zip(first, first[1:]):
                gap = (after["received_us"] - before["received_us"] - before["took_us"]) / 1000
                asked = case.fault.asked_ms or 0
                self.late_ms = max(self.late_ms, gap - asked)
                if gap < asked - CLOCKS_MS:
                    self.say(f"called again after {gap:.0f} ms, and {asked} ms were asked for")
        else:
            self.expect("calls of the second", len(second), wanted[1])
        if first and second and second[0]["received_us"] < first[-1]["received_us"]:
            self.say("the second target was called before the first")

    def judge_answer(self, case, seen, wanted):
        healthy = self.healthy[case.delivery]
        self.expect("the status", seen.status, 200)
        if seen.status != 200:
            self.say(seen.body[:600])
            return
        begun_elsewhere = case.delivery == STREAM and case.fault.late
        if not begun_elsewhere:
            self.expect("x-headgate-attempts", seen.headers["x-headgate-attempts"], str(sum(wanted)))
            which = "b" if wanted[1] else "a"
            self.expect("x-headgate-provider", seen.headers["x-headgate-provider"], f"p{case.number}{which}")
        if case.delivery == WAIT:
            found = json.loads(seen.body)
            if case.fault.how == "usage-missing":
                found["usage"] = json.loads(healthy.body)["usage"]
                self.expect("the answer", without_own(found), without_own(json.loads(healthy.body)))
            else:
                self.expect("the answer", normal(seen.body), normal(healthy.body))
            return
        found, whole = Story(seen.body), Story(healthy.body)
        if case.fault.loses:
            words = re.findall(r"\s*\S+", whole.text)
            if found.text not in ["".join(words[:i] + words[i + 1:]) for i in range(len(words))]:
                self.say(f"the text is {found.text!r}, not {whole.text!r} without a word")
            found.text = whole.text
        if case.fault.how == "usage-missing":
            found.usage = whole.usage
        if case.fault.how == "malformed=1":
            found.roles = whole.roles
        if case.fault.late or case.fault.loses or case.fault.how in ("usage-missing", "malformed=1"):
            self.expect("the stream", found.outline(), whole.outline())
        elif case.fault.how == "crlf":
            self.expect("the events", found.events, whole.events)
        else:
            self.expect("the stream", normal(seen.body), normal(healthy.body))

    def judge_error(self, case, seen, calls):
        if case.delivery == STREAM and case.fault.late:
            self.expect("the status", seen.status, 200)
            found, whole = Story(seen.body), Story(self.healthy[STREAM].body)
            self.expect("errors", len(found.errors), 1)
            self.expect("what follows the error", (found.behind_end, found.ended), (0, False))
            if not found.text or not whole.text.startswith(found.text):
                self.say(f"the client has got {found.text!r}")
            return
        self.expect("the status", seen.status, case.fault.status)
        error = json.loads(seen.body)["error"]
        if not error["message"] or not error["type"]:
            self.say(f"an error without words: {error}")
        if "secret" in seen.body.decode() or "127.0.0.1" in seen.body.decode():
            self.say(f"the error tells too much: {error}")
        if case.fault.how.endswith("retry-after=3600"):
            self.expect("Retry-After", seen.headers["retry-after"], "120")  # the longest that is passed on
        if "details" in error:
            self.expect("attempts told", len(error["details"]["attempts"]), calls)
        elif seen.status >= 500 and case.protocol != "messages":
            self.say(f"no attempts are told: {error}")

    def judge_job(self, case, seen, calls, succeeds):
        self.expect("the status", seen.status, 202)
        job = seen.job
        self.expect("the job", job["status"], "succeeded" if succeeds else "failed")
        if job["status"] not in TERMINAL or (succeeds and job["status"] == "failed"):
            self.say(f"its attempts: {job['attempts']}, {job['error']}")
        self.expect("attempts of the job", len(job["attempts"]), calls)
        if not succeeds:
            if job["result"] is not None or not job["error"]["message"]:
                self.say(f"a failed job with {job['result']}, {job['error']}")
            return
        found = without_own(job["result"])
        whole = without_own(self.healthy[case.delivery].job["result"])
        if case.fault.how == "usage-missing":
            found["usage"] = whole["usage"]
        if case.delivery == STREAMED_JOB and (case.fault.late or case.fault.how == "malformed=1"):
            found, whole = gist(found), gist(whole)
        self.expect("the result", found, whole)

