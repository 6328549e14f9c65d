#!/usr/bin/python3
"""What callers get of each fault of a provider: the table behind test_fault_matrix.py and docs/fault-matrix.md.

Run it to write the document anew: `tests/integration/fault_matrix.py docs/fault-matrix.md`.
"""
import dataclasses
import sys

# How many calls one target gets in a request, and a job in its life.
CALLS_OF_A_TARGET = 2
CALLS_OF_A_JOB = 2

WAIT, STREAM, JOB, STREAMED_JOB = "wait", "stream", "job", "streamed job"
DELIVERIES = (WAIT, STREAM, JOB, STREAMED_JOB)
STREAMS, JOBS = (STREAM, STREAMED_JOB), (JOB, STREAMED_JOB)

# What stands behind a model.
PAIR = "pair"    # a target with the fault, and a second one that is well
HEALS = "heals"  # one target, which has the fault once
ALONE = "alone"  # one target, which keeps the fault
SCENES = (PAIR, HEALS, ALONE)

CHATS = ("openai", "anthropic", "messages", "gemini", "runpod-openai")
QUEUE = "runpod-queue"
PROTOCOLS = {
    "openai": "OpenAI",
    "anthropic": "Anthropic, asked in OpenAI's words",
    "messages": "Anthropic, asked by `/v1/messages`",
    "gemini": "Gemini, asked in OpenAI's words",
    "runpod-openai": "RunPod's OpenAI route",
    QUEUE: "RunPod's queue",
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """What follows a failure. Calls are (of the first target, of the second)."""
    name: str
    pair: tuple
    heals: bool  # the same target is asked again
    alone: int
    meaning: str
    # Of a job, whose retries go through its queue.
    job_pair: tuple
    job_heals: bool
    job_alone: int


FINE = Kind("fine", (1, 0), True, 1, "no fault to a caller: one call, the whole answer", (1, 0), True, 1)
AGAIN = Kind("again", (CALLS_OF_A_TARGET, 1), True, CALLS_OF_A_TARGET,
             "may be well the next moment: the same target again, then the next", (1, 1), True, CALLS_OF_A_JOB)
ELSEWHERE = Kind("elsewhere", (1, 1), True, CALLS_OF_A_TARGET,
                 "another target at once; the same one, after the wait it asks for, only where there is no other",
                 (1, 1), True, CALLS_OF_A_JOB)
AWAY = Kind("away", (1, 1), False, 1, "silent: never asked again by the same request", (1, 1), True, CALLS_OF_A_JOB)
REFUSED = Kind("refused", (1, 1), False, 1, "lasts until somebody changes something: another target only",
               (1, 1), False, 1)
CALLER = Kind("caller", (1, 0), False, 1, "the caller must change the request: given back as it is",
              (1, 0), False, 1)


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    how: str                  # parameters of headgate-sim, or what stands in its place: NOBODY, NO_ROOM
    kind: Kind
    status: int = 502         # of the answer, once nothing helps
    stream: Kind = None       # where streams differ
    late: bool = False        # streams have begun by then
    scenes: tuple = SCENES
    deliveries: tuple = DELIVERIES
    protocols: tuple = CHATS
    patience: bool = False    # the target is waited for until a time limit
    asked_ms: int = None      # the wait that the target asks for
    loses: int = 0            # words that are missing in a stream, with the event that was not to be read
    job_status: str = "failed"

    def kind_of(self, delivery):
        return self.stream if delivery in STREAMS and self.stream else self.kind

    def deliveries_to(self, protocol):
        """A message of Anthropic's that is streamed is made a whole one in a job."""
        return [one for one in self.deliveries if (protocol, one) != ("messages", STREAMED_JOB)]

    def scenes_of(self, delivery):
        kind = self.kind_of(delivery)
        return [scene for scene in self.scenes if scene == PAIR or kind is not FINE or scene == ALONE]


NOBODY, NO_ROOM = "nobody listens", "no room in the backlog"
CONNECT = (PAIR, ALONE)  # nothing of it can be seen, or healed, by the simulator
VENDOR_503 = ("anthropic", "messages", "gemini")


def only(*protocols):
    return {"protocols": protocols}


def but(*protocols):
    return {"protocols": tuple(one for one in CHATS if one not in protocols)}


CHAT_FAULTS = [
    Fault("nothing wrong", "", FINE),
    # The connection.
    Fault("connection refused", NOBODY, ELSEWHERE, scenes=CONNECT),
    Fault("connection never accepted", NO_ROOM, ELSEWHERE, 504, scenes=CONNECT),
    Fault("silence before the head", "silence", AWAY, 504, patience=True),
    Fault("head too late", "latency=20s", AWAY, 504, patience=True),
    Fault("silence after the head", "stall=0", AWAY, 504, patience=True),
    Fault("first token too late", "slow-first-token=20s", AWAY, 504, patience=True),
    Fault("silence between tokens", "stall=4:flush", AWAY, 504, late=True, patience=True),
    Fault("reset before the head", "reset", AGAIN),
    Fault("closed inside the head", "half-head", AGAIN),
    Fault("closed behind the head", "cut-bytes=0", AGAIN),
    Fault("closed inside the first event", "cut-bytes=9", AGAIN),
    Fault("reset inside the first event", "reset-bytes=9", AGAIN),
    Fault("closed between tokens", "cut=4:flush", AGAIN, late=True),
    Fault("closed before the end of the framing", "short-body", AGAIN, stream=FINE, **but("gemini")),
    Fault("closed before the end of the framing", "short-body", AGAIN, late=True, **only("gemini")),
    # The framing.
    Fault("Content-Length that is no number", "bad-length", AGAIN),
    Fault("two Content-Lengths", "two-lengths", AGAIN),
    Fault("Content-Length and chunks", "length-and-chunks", AGAIN),
    Fault("head of 2 MiB", "big-header=2MiB", AGAIN),
    Fault("a second answer behind the first", "long-body", FINE),
    # What is inside.
    Fault("half of the JSON", "truncated", AGAIN, deliveries=(WAIT, JOB)),
    Fault("no body, no events", "empty", AGAIN),
    Fault("bytes that are no text", "garbage", AGAIN),
    Fault("204 without content", "status=204", AGAIN),
    Fault("200 with a web page", "html200", AGAIN),
    Fault("200 with another content type", "content-type=text/plain", AGAIN),
    Fault("200 with an error instead", "error200", AGAIN),
    Fault("stream without its end mark", "no-done", FINE, **but("gemini")),
    Fault("stream that ends before its finish reason", "no-finish", FINE, stream=AGAIN, late=True),
    Fault("a stream's first event is half of its JSON", "malformed=1", AGAIN, stream=FINE, deliveries=STREAMS,
          **but("gemini", "messages")),
    Fault("one event of the text is half of its JSON", "malformed=4", AGAIN, stream=FINE, deliveries=(STREAM,),
          loses=1),
    Fault("error instead of the first event", "error-event=1", AGAIN, deliveries=STREAMS, **but(*VENDOR_503)),
    Fault("error instead of the first event", "error-event=1", ELSEWHERE, 503, deliveries=STREAMS,
          asked_ms=1000, **only(*VENDOR_503)),
    Fault("error between tokens", "error-event=4", AGAIN, late=True, deliveries=STREAMS, **but(*VENDOR_503)),
    Fault("error between tokens", "error-event=4", ELSEWHERE, 503, late=True, deliveries=STREAMS, asked_ms=1000,
          **only(*VENDOR_503)),
    Fault("event of 5 MiB", "bytes=5MiB:tokens=1", AGAIN, scenes=(PAIR, ALONE), deliveries=STREAMS),
    # Refusals.
    Fault("400", "status=400", CALLER, 400),
    Fault("400, context too long", "status=400:because=context", REFUSED, 400),
    Fault("400, content policy", "status=400:because=policy", CALLER, 400),
    Fault("401", "status=401", REFUSED),
    Fault("402", "status=402", REFUSED),
    Fault("403", "status=403", REFUSED),
    Fault("404", "status=404", REFUSED, **but("gemini")),
    Fault("404", "status=404", REFUSED, 404, **only("gemini")),
    Fault("408", "status=408", AGAIN),
    Fault("413", "status=413", CALLER, 413),
    Fault("429", "status=429", ELSEWHERE, 429),
    Fault("429, Retry-After in seconds", "status=429:retry-after=1", ELSEWHERE, 429, asked_ms=1000),
    Fault("429, Retry-After as a date", "status=429:retry-date=1s", ELSEWHERE, 429, asked_ms=1000),
    Fault("429, retry-after-ms", "status=429:retry-after-ms=400", ELSEWHERE, 429, asked_ms=400),
    Fault("429, both", "status=429:retry-after=60:retry-after-ms=400", ELSEWHERE, 429, asked_ms=400),
    Fault("429, Google's RetryInfo", "status=429:retry-info=0.4s", ELSEWHERE, 429, asked_ms=400, **only("gemini")),
    Fault("429, Retry-After of 0", "status=429:retry-after=0", ELSEWHERE, 429, asked_ms=0),
    Fault("429, Retry-After that is no time", "status=429:retry-after=soon", ELSEWHERE, 429),
    Fault("429, Retry-After that is negative", "status=429:retry-after=-5", ELSEWHERE, 429),
    Fault("429, Retry-After beyond all patience", "status=429:retry-after=3600", REFUSED, 429, deliveries=(WAIT, STREAM)),
    Fault("429, account used up", "status=429:because=quota", REFUSED, **but("anthropic", "messages", "gemini")),
    Fault("500", "status=500", AGAIN),
    Fault("502", "status=502", AGAIN),
    Fault("503", "status=503", ELSEWHERE, 503, asked_ms=1000),
    Fault("503, Retry-After in seconds", "status=503:retry-after=1", ELSEWHERE, 503, asked_ms=1000),
    Fault("503, retry-after-ms", "status=503:retry-after-ms=400", ELSEWHERE, 503, asked_ms=400),
    Fault("504", "status=504", AGAIN, **but(*VENDOR_503)),
    Fault("504", "status=504", AWAY, 504, **only(*VENDOR_503)),
    Fault("529", "status=529", AGAIN, **but("anthropic", "messages")),
    Fault("529", "status=529", ELSEWHERE, 503, asked_ms=1000, **only("anthropic", "messages")),
    # Legal, if rare.
    Fault("early hints", "early-hints", FINE),
    Fault("pings between events", "pings", FINE),
    Fault("lines that end in CRLF", "crlf", FINE),
    Fault("one byte a write", "drip", FINE),
    Fault("answer in chunks", "chunked", FINE),
    Fault("answer that ends with its connection", "until-close", FINE),
    Fault("no usage", "usage-missing", FINE),
]

QUEUED = {"protocols": (QUEUE,), "deliveries": (WAIT, JOB)}
BOTH = (PAIR, ALONE)
DOUBT = Kind("doubt", (1, 1), False, 1, "the provider may have taken the work: not handed over to it a second time",
             (1, 1), False, 1)


def handing_over(name, how, kind, status=502, **more):
    """A fault of the call that hands the work over."""
    return Fault(name + " to /run", how + ":on=run", kind, status, **QUEUED, **more)


def asking(name, how, **more):
    """A fault of the first two questions how the work stands."""
    return Fault(name + " to /status, twice", how + ":on=status:times=2", FINE, scenes=BOTH, **QUEUED, **more)


QUEUE_FAULTS = [
    Fault("nothing wrong", "", FINE, **QUEUED),
    Fault("connection refused", NOBODY, ELSEWHERE, scenes=CONNECT, **QUEUED),
    Fault("connection never accepted", NO_ROOM, ELSEWHERE, 504, scenes=CONNECT, **QUEUED),
    handing_over("silence", "silence", DOUBT, 504, patience=True),
    handing_over("reset before the head", "reset", DOUBT),
    handing_over("closed inside the head", "half-head", DOUBT),
    handing_over("closed behind the head", "cut-bytes=0", DOUBT),
    handing_over("two Content-Lengths", "two-lengths", DOUBT),
    handing_over("half of the JSON", "truncated", DOUBT),
    handing_over("no body", "empty", DOUBT),
    handing_over("bytes that are no text", "garbage", DOUBT),
    handing_over("200 with a web page", "html200", DOUBT),
    handing_over("200 with an error instead", "error200", DOUBT),
    handing_over("400", "status=400", CALLER, 400),
    handing_over("401", "status=401", REFUSED),
    handing_over("404", "status=404", REFUSED),
    handing_over("429, Retry-After in seconds", "status=429:retry-after=1", ELSEWHERE, 429, asked_ms=1000),
    handing_over("429, Retry-After as a date", "status=429:retry-date=1s", ELSEWHERE, 429, asked_ms=1000),
    handing_over("429, retry-after-ms", "status=429:retry-after-ms=400", ELSEWHERE, 429, asked_ms=400),
    handing_over("500", "status=500", AGAIN),
    handing_over("502", "status=502", DOUBT),
    handing_over("503", "status=503", ELSEWHERE, 503, asked_ms=1000),
    handing_over("504", "status=504", DOUBT),
    asking("silence", "silence", patience=True),
    asking("reset", "reset"),
    asking("closed inside the answer", "cut-bytes=9"),
    asking("half of the JSON", "truncated"),
    asking("no body", "empty"),
    asking("a web page", "html200"),
    asking("429", "status=429"),
    asking("500", "status=500"),
    asking("503", "status=503"),
    Fault("500 to /status for ever", "status=500:on=status", AGAIN, scenes=BOTH, protocols=(QUEUE,),
          deliveries=(WAIT,)),
    Fault("the work fails", "job=failed:on=run", AGAIN, **QUEUED),
    Fault("the work takes too long there", "job=timed-out:on=run", AWAY, 504, **QUEUED),
    Fault("the work ends without a result", "job=no-output:on=run", AGAIN, **QUEUED),
    Fault("the work is forgotten", "job=lost:on=run", AGAIN, **QUEUED),
]

FAULTS = CHAT_FAULTS + QUEUE_FAULTS


def cell(fault, delivery, scene):
    """What a caller gets, and from how many calls."""
    if delivery not in fault.deliveries or scene not in fault.scenes_of(delivery):
        return "–"
    kind = fault.kind_of(delivery)
    calls, whole = expectation(scene, delivery, kind)
    told = f"{calls[0]} + {calls[1]}" if scene == PAIR else str(calls[0])
    if whole:
        return f"answer without that event ({told})" if fault.loses and not calls[1] else f"answer ({told})"
    if delivery in JOBS:
        return f"failed ({told})"
    if delivery == STREAM and fault.late:
        return f"error event ({told})"
    return f"{fault.status} ({told})"


def expectation(scene, delivery, kind):
    """((calls of the first target, of the second), whether the caller gets the whole answer)."""
    pair, heals, alone = (kind.pair, kind.heals, kind.alone) if delivery not in JOBS else (
        kind.job_pair, kind.job_heals, kind.job_alone)
    if scene == PAIR:
        return pair, kind is FINE or pair[1] > 0
    if scene == HEALS:
        return ((1 if kind is FINE or not heals else CALLS_OF_A_TARGET), 0), heals
    return (alone, 0), kind is FINE


HEADINGS = {
    PAIR: ("The first of two targets has the fault", "Calls of the first target + calls of the second."),
    HEALS: ("The only target has the fault once", "Calls of the target."),
    ALONE: ("The only target has the fault for ever", "Calls of the target."),
}
INTRODUCTION = f"""# What callers get of each fault

<!-- Generated by tests/integration/fault_matrix.py, whose table test_fault_matrix.py holds the gateway to. Do not edit. -->

Each fault is played by `headgate-sim`, in each protocol, against a gateway with at most {CALLS_OF_A_TARGET} calls of one target in a
request (`retry.max_attempts`) and {CALLS_OF_A_JOB} attempts at a job (`queue.max_attempts`). A cell says what the caller gets and, in
brackets, how many calls reached the targets.

- *answer*: byte for byte that of a target which is well, but for `id`, `created`, `request_id`, `model`, and for documents
  `provider` and `latency_ms`. A stream that broke off behind its first token has the same text, finish reason and usage, in
  other chunks.
- *error event*: the stream has begun; exactly one error event ends it, and no end mark follows.
- *failed*: the job failed, with the error and its attempts in its record.
- A wait that the target asks for is kept: no call comes earlier.
- A job's calls are counted on disk, so one run of it asks each target once; the queue makes the next run.
"""


def rows(scene):
    """Faults with the same outcome in several protocols share a row."""
    table = {}
    for fault in FAULTS:
        cells = tuple(cell(fault, delivery, scene) for delivery in DELIVERIES)
        if set(cells) != {"–"}:
            table.setdefault((fault.name, fault.how, cells), []).extend(fault.protocols)
    return table


def named(protocols):
    if tuple(protocols) == CHATS:
        return "all chats"
    if set(protocols) == set(PROTOCOLS):
        return "all"
    return ", ".join(protocols)


def document():
    text = INTRODUCTION
    text += "\n| protocol | stands for |\n|---|---|\n"
    text += "".join(f"| {name} | {words} |\n" for name, words in PROTOCOLS.items())
    text += f"\n*All chats* are all but {QUEUE}, which carries documents and has no streams; in a job, a streamed message of"
    text += " Anthropic's is a whole one.\n"
    for scene in SCENES:
        title, calls = HEADINGS[scene]
        text += f"\n## {title}\n\n{calls}\n\n| fault | `sim:` | protocols | {' | '.join(DELIVERIES)} |\n"
        text += "|---|---|---|" + "---|" * len(DELIVERIES) + "\n"
        for (name, how, cells), protocols in rows(scene).items():
            shown = "" if how in ("", NOBODY, NO_ROOM) else f"`{how}`"
            text += f"| {name} | {shown} | {named(protocols)} | {' | '.join(cells)} |\n"
    text += "\n## Why\n\n| after | follows |\n|---|---|\n"
    for kind in (FINE, AGAIN, ELSEWHERE, AWAY, REFUSED, CALLER, DOUBT):
        examples = [fault.name for fault in FAULTS if fault.kind is kind and fault.how][:3]
        text += f"| {', '.join(examples)}, … | {kind.meaning} |\n"
    return text


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write(document())
