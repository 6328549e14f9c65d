"""The load: jobs of many kinds, each with a marker of its own, and a record of what was promised."""

import hashlib
import json
import random
import threading
import time
from dataclasses import dataclass, field

from victim import KEYS, PAID, Client, Torn

TERMINAL = {"succeeded", "failed", "cancelled", "expired"}
CHAT, EMBEDDINGS, API_CHAT = "/v1/chat/completions", "/v1/embeddings", "/api/chat"

# name: (weight, path, model, streamed, sound). A sound model's answer is an answer: no call follows.
KINDS = {
    "whole": (24, CHAT, "sim-whole:latency=4ms", False, True),
    "paid": (16, CHAT, PAID, False, True),
    "slow": (8, CHAT, "sim-slow:latency=90ms", False, True),
    "streamed": (24, CHAT, "sim-streamed:tps=2000", True, True),
    "api": (8, API_CHAT, "sim-api:latency=4ms", False, True),
    "embeddings": (16, EMBEDDINGS, "sim-embeddings:latency=4ms", False, True),
    "refused": (6, CHAT, "sim-refused:status=400", False, False),
    "down": (4, CHAT, "sim-down:status=503", False, False),
    "flaky": (6, CHAT, "sim-flaky:status=503:times=400", False, False),
    "reset": (4, CHAT, "sim-reset:reset:times=400", False, False),
}


@dataclass
class Submission:
    marker: str
    kind: str
    body: dict
    key: str = ""  # Idempotency-Key
    principal: int = 0
    ids: set = field(default_factory=set)  # acknowledged with 202; more than one is a fault
    cancel_sent: bool = False
    cancel_acknowledged: bool = False  # the gateway said that it is cancelled
    seen: tuple = ()  # the first terminal state that was seen
    torn: int = 0


def ending_of(job):
    """What must never change once a job has ended."""
    text = json.dumps([job[name] for name in ("status", "completed_at", "result", "error", "attempts")], sort_keys=True)
    return job["status"], job["completed_at"], hashlib.sha256(text.encode()).hexdigest()


class Load:
    """Threads that submit, cancel and watch jobs while the gateway comes and goes."""

    def __init__(self, victim, seed, workers, jobs_per_life):
        self.victim, self.seed, self.jobs_per_life = victim, seed, jobs_per_life
        self.run = f"{random.Random(seed).getrandbits(32):08x}"
        self.lock = threading.Lock()
        self.submissions = []  # whatever was sent at least once
        self.acknowledged = []
        self.violations = []
        self.figures = {"sent": 0, "torn": 0, "turned_away": 0, "replayed": 0, "cancels": 0, "looks": 0}
        self.stop_asked = threading.Event()
        self.threads = [self._thread(self._submit, place) for place in range(workers)]
        self.threads += [self._thread(self._watch, workers + place) for place in range(2)]

    def _thread(self, work, place):
        return threading.Thread(target=self._guarded, args=(work, place), daemon=True)

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stop_asked.set()
        end = time.monotonic() + 60
        for thread in self.threads:
            if thread.is_alive():
                thread.join(max(0, end - time.monotonic()))
        if any(thread.is_alive() for thread in self.threads):
            self.violate("a request hangs: the load did not stop within a minute")

    def violate(self, text):
        with self.lock:
            self.violations.append(text)

    def count(self, name):
        with self.lock:
            self.figures[name] += 1

    def _guarded(self, work, place):
        try:
            work(place)
        except Torn as error:
            if self.victim.up.is_set():
                self.violate(f"no answer from a gateway that is up: {error}")
        except Exception as error:  # a thread that dies in silence would make the run look good
            self.violate(f"the load itself failed: {error!r}")
            raise

    def _submission(self, dice, place, number):
        kinds = list(KINDS)
        kind = dice.choices(kinds, [KINDS[name][0] for name in kinds])[0]
        _, path, model, streamed, _ = KINDS[kind]
        marker = f"m{self.run}-{place}-{number}-"
        body = {"user": marker, "model": model}
        if path == EMBEDDINGS:
            body |= {"input": [marker] * dice.randint(1, 3), "dimensions": dice.randint(1, 400)}
        else:
            body |= {"messages": [{"role": "user", "content": "x" * dice.randint(0, 300)}]}
        if streamed:
            body["stream"] = True
        key = f"key-{marker}" if dice.random() < 0.25 else ""
        return Submission(marker, kind, body, key, dice.choice([0, 1, 2]))

    def _submit(self, place):
        dice = random.Random(f"{self.seed}-{place}")
        clients = [Client(self.victim, key) for key in KEYS]
        number, life, left, again = 0, 0, 0, []
        mine = []
        while not self.stop_asked.is_set():
            if not self.victim.up.wait(0.2):
                continue
            if life != self.victim.life:
                life, left = self.victim.life, self.jobs_per_life
            if left == 0:
                self.stop_asked.wait(0.01)
                continue
            left -= 1
            # A key that got no answer is sent until it has one, a few that had one are sent once more.
            if again and dice.random() < 0.5:
                submission = again.pop(0)
            else:
                number += 1
                submission = self._submission(dice, place, number)
                with self.lock:
                    self.submissions.append(submission)
            try:
                self._send(clients[submission.principal], submission)
            except Torn:
                submission.torn += 1
                self.count("torn")
            if submission.key and (not submission.ids or dice.random() < 0.3):
                again.append(submission)
            if submission.ids:
                mine.append(submission)
            if mine and dice.random() < 0.08:
                self._cancel(clients, dice.choice(mine[-20:]))
        for submission in again:  # the last life is a quiet one
            if self.victim.up.is_set() and not submission.ids:
                self._send(clients[submission.principal], submission)

    def _send(self, client, submission):
        headers = {"X-Request-ID": submission.marker, "Prefer": "respond-async", "X-Client-ID": "crash-test"}
        if submission.key:
            headers["Idempotency-Key"] = submission.key
        self.count("sent")
        path = KINDS[submission.kind][1]
        status, fields, answer = client.call("POST", path, json.dumps(submission.body), headers)
        if status == 202:
            job_id = answer["request_id" if path == API_CHAT else "id"]
            with self.lock:
                if not submission.ids:
                    self.acknowledged.append(submission)
                submission.ids.add(job_id)
            if fields["Idempotent-Replayed"] == "true":
                self.count("replayed")
        elif status in (409, 503):
            self.count("turned_away")
        else:
            self.violate(f"{submission.marker}: submission answered {status}: {answer}")

    def _cancel(self, clients, submission):
        submission.cancel_sent = True
        try:
            job_id = next(iter(submission.ids))
            status, _, job = clients[submission.principal].call("DELETE", f"/v1/jobs/{job_id}")
        except Torn:
            return
        self.count("cancels")
        if status == 200 and job["status"] == "cancelled":
            submission.cancel_acknowledged = True
        elif status not in (200, 409, 503):
            self.violate(f"{submission.marker}: cancel answered {status}: {job}")

    def _watch(self, place):
        dice = random.Random(f"{self.seed}-{place}")
        client = Client(self.victim)
        while not self.stop_asked.is_set():
            with self.lock:
                submission = dice.choice(self.acknowledged) if self.acknowledged else None
            if submission is None or not self.victim.up.wait(0.2):
                self.stop_asked.wait(0.01)
                continue
            try:
                self.look(client, submission)
            except Torn:
                pass
            self.stop_asked.wait(0.002)

    def look(self, client, submission):
        """The job as it is now; notes a violation if it is gone or left its end."""
        job_id = next(iter(submission.ids))
        status, _, job = client.call("GET", f"/v1/jobs/{job_id}")
        self.count("looks")
        if status == 503:
            return None
        if status != 200:
            self.violate(f"{submission.marker}: acknowledged job {job_id} answers {status}: {job}")
            return None
        with self.lock:
            if job["status"] in TERMINAL and not submission.seen:
                submission.seen = ending_of(job)
            changed = submission.seen and ending_of(job) != submission.seen
        if changed:
            self.violate(f"{submission.marker}: job {job_id} had ended as {submission.seen[:2]} "
                         f"and is {job['status']}, {job['completed_at']} now")
        return job
