"""What happens to a job, told as it happens: SSE with replay, WebSocket, webhooks."""
import base64
import hashlib
import hmac
import json
import time

import pytest

from conftest import KEY
from job_client import ALICE, BOB, WebhookReceiver, WebSocket, chat, content, deltas, job_site, sim, until

SECRET = b"0123456789abcdef0123456789abcdef"
HOOKS = ["webhooks.secret=whsec_" + base64.b64encode(SECRET).decode(),
         "fetch.allow_private_hosts=[127.0.0.1]", "fetch.allow_http_hosts=[127.0.0.1]"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with job_site(tmp_path_factory.mktemp("events"), HOOKS) as running:
        yield running


def statuses(events):
    return [data["status"] for _, kind, data in events if kind == "status"]


def numbered_without_gaps(events, first=1):
    return [number for number, _, _ in events] == list(range(first, first + len(events)))


# Server-sent events


def test_the_events_of_a_job_are_its_states_in_order_and_then_the_stream_ends(site):
    events = site.events(site.submit(chat(sim("latency=100ms"))))
    assert statuses(events) == ["queued", "running", "succeeded"]
    assert numbered_without_gaps(events)


def test_the_events_of_a_failing_job_show_each_attempt(site):
    events = site.events(site.submit(chat(sim("status=503"))))
    assert statuses(events)[0] == "queued" and statuses(events)[-1] == "failed"
    assert statuses(events).count("running") == 3 and numbered_without_gaps(events)


def test_a_streamed_job_has_its_deltas_as_events_and_its_result_whole(site):
    job_id = site.submit(chat(sim("tokens=40"), stream=True))
    events = site.events(job_id)
    assert numbered_without_gaps(events) and statuses(events) == ["queued", "running", "succeeded"]
    assert sum(kind == "delta" for _, kind, _ in events) >= 2
    job = site.ended(job_id)
    assert job["result"]["object"] == "chat.completion" and len(content(job["result"])) > 40
    assert deltas(events) == content(job["result"])
    assert job["result"]["choices"][0]["finish_reason"] == "stop"
    assert {9, 40} <= set(job["usage"].values())


def test_a_streamed_job_says_what_the_same_job_says_whole(site):
    whole = site.ended(site.submit(chat(sim("tokens=30"))))["result"]
    streamed = site.ended(site.submit(chat(sim("tokens=30"), stream=True)))["result"]
    for result in (whole, streamed):
        for own in ("id", "created", "model", "system_fingerprint", "service_tier"):
            result.pop(own, None)
    messages = [{key: value for key, value in result["choices"][0]["message"].items() if value is not None}
                for result in (streamed, whole)]
    assert messages[0] == messages[1]
    assert streamed["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"] == 30


def test_deltas_come_while_the_job_runs(site):
    job_id = site.submit(chat(sim("tokens=400:tps=100"), stream=True))
    with site.event_stream(job_id) as stream:
        for _, kind, _ in stream:
            if kind == "delta":
                break
        assert site.job(job_id)["status"] == "running"
    assert site.call(f"/v1/jobs/{job_id}", method="DELETE")[2]["status"] == "cancelled"
    assert statuses(site.events(job_id))[-1] == "cancelled"


def test_what_was_missed_is_replayed(site):
    job_id = site.submit(chat(sim("tokens=20"), stream=True))
    events = site.events(job_id)
    for number in (0, 1, len(events) // 2, len(events) - 1):
        assert site.events(job_id, last_event_id=number) == events[number:]
        assert site.events(job_id, after=number) == events[number:]
    assert site.events(job_id, after=len(events)) == []


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "99999999999999999999999"])
def test_a_place_that_is_no_number_is_400(site, wrong):
    job_id = site.submit(chat(sim()))
    site.ended(job_id)
    assert site.call(f"/v1/jobs/{job_id}/events?after={wrong}")[0] == 400
    assert site.call(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": wrong})[0] == 400


def test_a_client_that_lost_its_connection_picks_up_where_it_was(site):
    job_id = site.submit(chat(sim("tokens=60:tps=60"), stream=True))
    seen = []
    with site.event_stream(job_id) as stream:
        for event in stream:
            seen.append(event)
            if len(seen) == 6:
                break
    seen += site.events(job_id, last_event_id=seen[-1][0])
    assert numbered_without_gaps(seen) and statuses(seen)[-1] == "succeeded"
    assert deltas(seen) == content(site.job(job_id)["result"])


def test_many_watch_one_job_and_see_the_same(site):
    job_id = site.submit(chat(sim("tokens=20:tps=60"), stream=True))
    seen = [[] for _ in range(4)]
    with site.event_stream(job_id) as a, site.event_stream(job_id, after=0) as b, site.event_stream(job_id) as c:
        for place, stream in enumerate((a, b, c)):
            seen[place] = list(stream)
    seen[3] = site.events(job_id)
    assert seen[0] == seen[1] == seen[2] == seen[3] and numbered_without_gaps(seen[0])


def test_events_go_on_after_a_crash_of_the_gateway(tmp_path):
    with job_site(tmp_path) as site:
        job_id = site.submit(chat(sim("tokens=50:tps=50"), stream=True))
        seen = []
        with site.event_stream(job_id) as stream:
            try:
                for event in stream:
                    seen.append(event)
                    if len(seen) == 8:
                        site.kill()
            except (ConnectionError, OSError):
                pass
        assert len(seen) >= 8 and statuses(seen)[-1] == "running"
        site.crash()
        seen += site.events(job_id, last_event_id=seen[-1][0])
        assert numbered_without_gaps(seen), "nothing twice, nothing missing"
        assert statuses(seen)[-1] == "succeeded" and statuses(seen).count("running") == 2
        assert site.events(job_id) == seen, "the same story from the beginning"
        assert deltas(seen) == content(site.job(job_id)["result"])


def test_the_events_of_an_ended_job_survive_a_crash(tmp_path):
    with job_site(tmp_path) as site:
        job_id = site.submit(chat(sim("tokens=20"), stream=True))
        events = site.events(job_id)
        site.crash()
        assert site.events(job_id) == events and site.events(job_id, after=3) == events[3:]


# WebSocket


def test_the_websocket_sends_the_same_events(site):
    job_id = site.submit(chat(sim("tokens=20:tps=60"), stream=True))
    live = WebSocket(site.gateway.port, f"/ws/inference/{job_id}")
    assert live.status == 101
    frames = list(live.messages())
    assert live.close_code == 1000
    live.close()
    events = site.events(job_id)
    assert [(frame["id"], frame["type"], frame["data"]) for frame in frames] == events
    late = WebSocket(site.gateway.port, f"/ws/inference/{job_id}?after=3")
    assert [frame["id"] for frame in late.messages()] == [number for number, _, _ in events[3:]]
    late.close()


def test_the_websocket_answers_a_ping(site):
    job_id = site.submit(chat(sim("silence")))
    client = WebSocket(site.gateway.port, f"/ws/inference/{job_id}")
    stream = client.messages()
    while next(stream)["data"].get("status") != "running":
        pass
    client.send(9, b"are you there")
    assert client.file.read(2 + 13) == b"\x8a\x0dare you there"
    assert site.call(f"/v1/jobs/{job_id}", method="DELETE")[0] == 200
    assert [frame["data"]["status"] for frame in stream] == ["cancelled"]
    client.close()


@pytest.mark.parametrize("key, status", [(None, 401), (BOB, 404), ("wrong-key-wrong-key", 401)])
def test_the_websocket_is_for_the_owner(site, key, status):
    job_id = site.submit(chat(sim()), key=ALICE)
    client = WebSocket(site.gateway.port, f"/ws/inference/{job_id}", key=key)
    assert client.status == status
    client.close()


def test_the_websocket_route_without_an_upgrade_is_refused(site):
    job_id = site.submit(chat(sim()))
    assert site.call(f"/ws/inference/{job_id}")[0] in (400, 426)


def test_an_unmasked_or_huge_frame_ends_the_websocket_and_nothing_else(site):
    job_id = site.submit(chat(sim("silence")))
    for bad in (b"\x81\x01x", b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"mask", b"\xf1\x80mask", b"\x09\x80mask"):
        client = WebSocket(site.gateway.port, f"/ws/inference/{job_id}")
        client.socket.sendall(bad)
        try:
            list(client.messages())
        except (ConnectionError, ValueError):  # closed without a word
            pass
        assert client.close_code in (None, 1002, 1009), client.close_code
        client.close()
    until(lambda: site.job(job_id)["status"] == "running")
    site.call(f"/v1/jobs/{job_id}", method="DELETE")


# Webhooks


def verified(headers, body):
    """The JSON of a webhook after checking its signature as a receiver of Standard Webhooks does."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert expected in headers["webhook-signature"].split(" ")
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["content-type"].startswith("application/json")
    return json.loads(body)


@pytest.mark.parametrize("parameters, status", [("echo", "succeeded"), ("status=400", "failed")])
def test_a_webhook_tells_how_the_job_ended(site, parameters, status):
    with WebhookReceiver() as receiver:
        job_id = site.submit(chat(sim(parameters), "for the hook", webhook_url=receiver.url))
        message = verified(*receiver.next())
        assert message["type"] == f"job.{status}" and message["timestamp"]
        assert (message["data"]["id"], message["data"]["status"]) == (job_id, status)
        site.ended(job_id)
        assert receiver.received.empty(), "once"


def test_a_webhook_that_was_not_taken_is_sent_again_with_the_same_id(site):
    with WebhookReceiver(answers=[500]) as receiver:
        job_id = site.submit(chat(sim(), webhook_url=receiver.url))
        first, second = receiver.next(), receiver.next()
        assert first[0]["webhook-id"] == second[0]["webhook-id"]
        assert verified(*first)["data"]["id"] == verified(*second)["data"]["id"] == job_id


def test_a_webhook_can_be_sent_again_by_hand(site):
    with WebhookReceiver() as receiver:
        job_id = site.submit(chat(sim(), webhook_url=receiver.url), key=ALICE)
        first = receiver.next()
        assert site.call(f"/v1/jobs/{job_id}/redeliver", method="POST", key=BOB)[0] == 404
        assert site.call(f"/v1/jobs/{job_id}/redeliver", method="POST", key=ALICE)[0] in (200, 202)
        second = receiver.next()
        assert first[0]["webhook-id"] == second[0]["webhook-id"] and verified(*second)["data"]["id"] == job_id


def test_a_webhook_is_sent_after_a_crash_that_came_before_it(tmp_path):
    with job_site(tmp_path, HOOKS) as site, WebhookReceiver(answers=[500]) as receiver:
        job_id = site.submit(chat(sim(), webhook_url=receiver.url))
        first = receiver.next()
        site.crash()
        second = receiver.next()
        assert first[0]["webhook-id"] == second[0]["webhook-id"] and verified(*second)["data"]["id"] == job_id


def test_a_cancelled_job_tells_its_webhook_too(site):
    model = sim("silence")
    with WebhookReceiver() as receiver:
        job_id = site.submit(chat(model, webhook_url=receiver.url))
        site.called(model)
        site.call(f"/v1/jobs/{job_id}", method="DELETE")
        assert verified(*receiver.next())["data"]["status"] == "cancelled"


def test_the_webhooks_address_and_secret_stay_with_us(site):
    model = sim()
    with WebhookReceiver() as receiver:
        site.submit(chat(model, webhook_url=receiver.url + "?token=private-token"))
        headers, body = receiver.next()
        assert KEY not in str(headers) and KEY.encode() not in body
    (call,) = site.called(model)
    assert "private-token" not in call["body_start"], "the model server need not know"
    secret = base64.b64encode(SECRET).decode()
    assert secret not in site.gateway.log() and secret not in site.gateway.requests_log()
    assert secret not in json.dumps(site.call("/admin/config")[2])
