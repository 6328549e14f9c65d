"""What must be true after the last crash."""

import json
import pathlib
import re
import shutil
import sqlite3
from collections import Counter, defaultdict

from load import CHAT, API_CHAT, EMBEDDINGS, KINDS, TERMINAL
from victim import LOG_SIZE, PAID, PAID_TARGET, SLOTS, Client


def page(client, path):
    status, _, answer = client.call("GET", path)
    if status != 200:
        raise RuntimeError(f"{path} answered {status}: {answer}")
    return answer


def all_jobs(victim):
    """Every job there is, as an admin lists them."""
    client, jobs, after = Client(victim, timeout=60), [], ""
    while True:
        some = page(client, f"/v1/jobs?limit=100{after}")
        jobs += some["data"]
        if not some["has_more"]:
            return jobs
        after = "&after=" + some["data"][-1]["id"]


def unfinished(victim):
    """How many jobs have not ended, of at most 200."""
    return sum(len(page(Client(victim), f"/v1/jobs?limit=100&status={state}")["data"]) for state in ("queued", "running"))


def calls_by_marker(log, run):
    """{marker: [call]} of the model server's log, oldest first."""
    calls = defaultdict(list)
    for call in log["requests"]:
        found = re.search(rf"m{run}-\d+-\d+-", call["body_start"])
        if found:
            calls[found[0]].append(call)
    return calls


def check_result(submission, job, run):
    """The result is this job's own and whole."""
    path, result = KINDS[submission.kind][1], job["result"]
    markers = set(re.findall(rf"m{run}-\d+-\d+-", json.dumps(result)))
    if path == EMBEDDINGS:
        shape = [len(one["embedding"]) for one in result["data"]]
        expected = [submission.body["dimensions"]] * len(submission.body["input"])
        return None if shape == expected else f"embeddings of shape {shape}, not {expected}"
    if path in (CHAT, API_CHAT):
        if markers != {submission.marker}:
            return f"a result with the markers {sorted(markers)}"
        try:
            echoed = json.loads(result["choices"][0]["message"]["content"])
        except ValueError as error:
            return f"a result that is not the whole of the echo: {error}"
        echoed.pop("stream_options", None)
        sent = submission.body if submission.kind != PAID else submission.body | {"model": PAID_TARGET}
        return None if echoed == sent else "an echo of another body"
    return None


def check_job(submission, job, calls, context):
    """What is wrong with one acknowledged job, in words."""
    marker, max_attempts = submission.marker, context["max_attempts"]
    said = f"{marker} ({submission.kind}, job {job['id']}, {job['status']})"
    wrong = []
    if job["status"] not in TERMINAL:
        wrong.append(f"{said}: has not ended")
    if job["request_id"] != marker:
        wrong.append(f"{said}: is the job of {job['request_id']}")
    if submission.cancel_acknowledged and job["status"] != "cancelled":
        wrong.append(f"{said}: its cancellation was acknowledged")
    if job["status"] == "cancelled" and not submission.cancel_sent:
        wrong.append(f"{said}: nobody cancelled it")
    numbers = [attempt["n"] for attempt in job["attempts"]]
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) > max_attempts:
        wrong.append(f"{said}: attempts are numbered {numbers}, at most {max_attempts} allowed")
    if len(calls) > max_attempts:
        wrong.append(f"{said}: {len(calls)} calls, at most {max_attempts} allowed")
    if len(calls) > len(numbers):
        wrong.append(f"{said}: {len(calls)} calls but {len(numbers)} attempts on record")
    outcomes = [attempt["outcome"] for attempt in job["attempts"]]
    if job["status"] == "succeeded":
        if problem := check_result(submission, job, context["run"]):
            wrong.append(f"{said}: {problem}")
        if outcomes.count("succeeded") != 1 or outcomes[-1] != "succeeded":
            wrong.append(f"{said}: outcomes {outcomes}")
        if submission.kind in ("refused", "down"):
            wrong.append(f"{said}: succeeded on a model that only fails")
    if job["status"] == "failed":
        if not (job["error"] or {}).get("message"):
            wrong.append(f"{said}: failed without a word")
        if submission.kind in ("whole", "paid", "slow", "streamed", "api", "embeddings") and \
                (len(outcomes) < max_attempts or set(outcomes) != {"crashed"}):
            wrong.append(f"{said}: failed on a sound model, outcomes {outcomes}, error {job['error']}")
    if job["status"] == "expired":
        wrong.append(f"{said}: it had no deadline")
    if KINDS[submission.kind][4]:
        for before, after in zip(calls, calls[1:]):
            begin, end = before["received_ms"] / 1000 - 0.002, after["received_ms"] / 1000 + 0.002
            if not any(begin <= at <= end for at in context["killed_at"]):
                wrong.append(f"{said}: called twice with no crash in between ({before['outcome']})")
    return wrong


def check_spend(load, victim, calls):
    """(violations, figures): every call is charged, and once.

    What a call may cost is on disk before it is made, so each call counts once: as it was answered, or as estimated if
    a crash or a cancellation came between. A crash may also come between that writing and the call, in every slot.
    """
    kinds = {submission.marker: submission.kind for submission in load.submissions}
    made = sum(len(seen) for marker, seen in calls.items() if kinds.get(marker) == PAID)
    most = made + SLOTS * len(victim.killed_at)
    charged = page(Client(victim), f"/admin/usage?model={PAID}")["totals"]
    wrong = []
    if not made <= charged["requests"] <= most:
        wrong.append(f"{made} calls that cost something, {charged['requests']} charged; at most {most} may be")
    if made and charged["cost_usd"] <= 0:
        wrong.append("calls that cost something were charged with nothing")
    return wrong, {"paid_calls": made, "paid_charged": charged["requests"]}


def check_everything(load, victim, simulator_log, max_attempts):
    """(violations, figures) over every job; the gateway is up and nothing runs any more."""
    context = {"max_attempts": max_attempts, "run": load.run, "killed_at": victim.killed_at}
    calls = calls_by_marker(simulator_log, load.run)
    listed = all_jobs(victim)
    wrong, by_request = [], defaultdict(list)
    if len(simulator_log["requests"]) >= LOG_SIZE:
        wrong.append("the model server's log is full: ask for fewer --jobs-per-life")
    for job in listed:
        by_request[job["request_id"]].append(job["id"])
        if job["status"] not in TERMINAL:
            wrong.append(f"job {job['id']} of {job['request_id']} is {job['status']} at the end")
    if len({job["id"] for job in listed}) != len(listed):
        wrong.append("the list names a job twice")
    known = {submission.marker for submission in load.submissions}
    for request_id, ids in by_request.items():
        if len(ids) > 1:
            wrong.append(f"{request_id} was doubled: {ids}")
        if request_id not in known:
            wrong.append(f"nobody sent {request_id}, the request of job {ids[0]}")
    for marker, seen in calls.items():
        if marker not in by_request:
            wrong.append(f"{marker} was called {len(seen)} times and has no job")
    client, states, attempts = Client(victim, timeout=60), Counter(), Counter()
    for submission in load.acknowledged:
        if len(submission.ids) > 1:
            wrong.append(f"{submission.marker}: one Idempotency-Key, jobs {sorted(submission.ids)}")
        job = load.look(client, submission)
        if job is None:
            wrong.append(f"{submission.marker}: lost")
            continue
        states[job["status"]] += 1
        attempts.update(attempt["outcome"] for attempt in job["attempts"])
        wrong += check_job(submission, job, calls[submission.marker], context)
    acknowledged = {job_id for submission in load.acknowledged for job_id in submission.ids}
    more, spend = check_spend(load, victim, calls)
    return wrong + more, spend | {
        "jobs": len(listed), "acknowledged": len(load.acknowledged),
        "kept_without_acknowledgement": len({job["id"] for job in listed} - acknowledged),
        "states": dict(states), "attempt_outcomes": dict(attempts),
        "calls": sum(len(seen) for seen in calls.values()),
        "most_calls_for_one_job": max((len(seen) for seen in calls.values()), default=0)}


def check_databases(data, copy_to):
    """What SQLite says of copies of every database in the folder, as the last crash left them."""
    shutil.copytree(data, copy_to)
    wrong, checked = [], 0
    for path in sorted(pathlib.Path(copy_to).rglob("*")):
        if not path.is_file() or path.read_bytes()[:16] != b"SQLite format 3\0":
            continue
        checked += 1
        database = sqlite3.connect(path)
        try:
            said = [row[0] for row in database.execute("PRAGMA integrity_check")]
            orphans = database.execute("PRAGMA foreign_key_check").fetchall()
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if "usage_reservations" in tables:
                held = database.execute("SELECT count(*) FROM usage_reservations").fetchone()[0]
                if held:
                    wrong.append(f"{path.name}: {held} reservations are held for calls that have ended")
        except sqlite3.DatabaseError as error:
            said, orphans = [str(error)], []
        finally:
            database.close()
        if said != ["ok"]:
            wrong.append(f"{path.name}: integrity_check says {said[:5]}")
        if orphans:
            wrong.append(f"{path.name}: {len(orphans)} rows refer to nothing")
    if not checked:
        wrong.append("no database was found to check")
    return wrong, checked
