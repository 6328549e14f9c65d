"""Images, speech, transcripts, moderation and ranking: /v1 and the tasks, over every protocol that has them."""
import base64
import json
import uuid

import pytest

from conftest import KEY, running_gateway
from job_client import until
from processes import start_simulator

JSON = {"Content-Type": "application/json"}
IMAGES, SPEECH, TRANSCRIPTS = "/v1/images/generations", "/v1/audio/speech", "/v1/audio/transcriptions"
SOUND = b"RIFF\x00\r\n--\xff" * 99


def configuration(folder, simulator):
    root = f"http://127.0.0.1:{simulator.port}"
    models = {
        "painter": ("image", "openai", "sim:bytes=300", "image: 0.04"),
        "cut-painter": ("image", "openai", "sim:cut=1", ""),
        "broken-painter": ("image", "openai", "sim:status=500", ""),
        "speaker": ("speech", "openai", "sim:bytes=5000", "characters: 15"),
        "long-speaker": ("speech", "openai", "sim:bytes=3000000", ""),
        "cut-speaker": ("speech", "openai", "sim:bytes=5000:cut=1", ""),
        "scribe": ("transcription", "openai", "sim:tokens=5", "input: 1"),
        "judge": ("moderation", "openai", "sim-judge", ""),
        "ranker": ("rerank", "openai", "sim-ranker", ""),
        "embedder": ("embedding", "gemini", "sim:dimensions=8", ""),
        "gemini-painter": ("image", "gemini", "sim", ""),
        "gemini-speaker": ("speech", "gemini", "sim", ""),
        "claude": ("image", "anthropic", "sim", ""),
        "talker": ("chat", "openai", "sim:tokens=5", ""),
    }
    text = f"""
server: {{ listen: "127.0.0.1:0", threads: 2 }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: test, key: {KEY}, scopes: [admin], tier: unlimited }}
    - {{ name: text, key: text-only-key, scopes: [inference:text], tier: unlimited }}
    - {{ name: image, key: image-only-key, scopes: [inference:image], tier: unlimited }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
queue: {{ max_attempts: 1 }}
routes: {{ {TRANSCRIPTS}: {{ max_body_size: 64KiB }} }}
providers:
  openai: {{ protocol: openai, base_url: "{root}/v1", api_keys: [upstream-secret] }}
  anthropic: {{ protocol: anthropic, base_url: "{root}", api_keys: [upstream-secret] }}
  gemini: {{ protocol: gemini, base_url: "{root}", api_keys: [upstream-secret] }}
models:
  document-ocr: {{ kind: ocr, targets: [ {{ provider: embedded }} ] }}
"""
    for name, (kind, provider, model, price) in models.items():
        aliases = "aliases: [omni-moderation-latest], " if name == "judge" else ""
        text += (f"  {name}: {{ {aliases}kind: {kind}, retry: {{ max_attempts: 1 }}, "
                 f'targets: [ {{ provider: {provider}, model: "{model}", price: {{ {price} }} }} ] }}\n')
    text = text.replace("models:\n", "  embedded: { protocol: embedded, workers: 1 }\nmodels:\n")
    return text + """  backed-speaker:
    kind: speech
    retry: { max_attempts: 1 }
    targets:
      - { provider: openai, model: "sim-backed:status=503" }
      - { provider: openai, model: "sim-backed:bytes=700" }
"""


def form(fields, name="a.wav", sound=SOUND, boundary="----edge"):
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
             for key, value in fields.items()]
    parts.insert(1, f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                    'Content-Type: audio/wav\r\n\r\n'.encode() + sound + b"\r\n")
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def datas(answer):
    return [json.loads(line[6:]) for line in answer.decode().splitlines() if line.startswith("data: ")]


class Site:
    def __init__(self, gateway, simulator):
        self.gateway, self.simulator = gateway, simulator

    def post(self, path, body, headers=None, key=KEY):
        return self.gateway.call(path, json.dumps(body).encode(), {**JSON, **(headers or {})}, "POST", key)

    def ask(self, path, body, headers=None, key=KEY):
        status, fields, answer = self.post(path, body, headers, key)
        return status, fields, json.loads(answer)

    def get(self, path):
        return json.loads(self.gateway.call(path)[2])

    def send_form(self, sent, headers=None):
        body, type_ = sent
        return self.gateway.call(TRANSCRIPTS, body, {**type_, **(headers or {})}, "POST")

    def transcribe(self, headers=None, **fields):
        return self.send_form(form({"model": "scribe", **fields}), headers)

    def ended(self, job):
        return until(lambda: (found := self.get(f"/v1/jobs/{job}"))["completed_at"] and found)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    with start_simulator() as simulator:
        with running_gateway(folder, None, config=configuration(folder, simulator)) as gateway:
            yield Site(gateway, simulator)


# Images


def test_images_come_back_with_who_made_them_and_what_they_cost(site):
    status, fields, answer = site.ask(IMAGES, {"model": "painter", "prompt": "a cat", "n": 2, "unknown": [1.0]})
    assert status == 200 and len(answer["data"]) == 2, answer
    assert len(base64.b64decode(answer["data"][0]["b64_json"], validate=True)) >= 300
    assert (fields["x-headgate-model"], fields["x-headgate-provider"]) == ("painter", "openai")
    assert fields["x-headgate-attempts"] == "1" and fields["x-headgate-cost"] == "0.08"


def test_an_image_may_be_streamed(site):
    status, fields, answer = site.post(IMAGES, {"model": "painter", "prompt": "a", "stream": True, "partial_images": 2})
    assert status == 200 and fields["content-type"].startswith("text/event-stream")
    names = [line[7:] for line in answer.decode().splitlines() if line.startswith("event: ")]
    assert names == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]


def test_a_cut_image_stream_ends_with_an_error(site):
    status, _, answer = site.post(IMAGES, {"model": "cut-painter", "prompt": "a", "stream": True, "partial_images": 3})
    assert status == 200 and b"image_generation.completed" not in answer
    assert datas(answer)[-1]["error"]["type"] == "upstream_error"


@pytest.mark.parametrize("body, field", [
    ({"model": "painter"}, "prompt"), ({"prompt": "x"}, "model"), ({"model": "painter", "prompt": "x", "n": 11}, "n"),
    ({"model": "painter", "prompt": 7}, "prompt"), ({"model": "talker", "prompt": "x"}, "model"),
    ({"model": "document-ocr", "prompt": "x"}, "model"), ({"model": "claude", "prompt": "x"}, "model"),
    ({"model": "gemini-painter", "prompt": "x", "n": 2}, "n"),
    ({"model": "gemini-painter", "prompt": "x", "quality": "high"}, "quality"),
    ({"model": "gemini-painter", "prompt": "x", "size": "1792x1024"}, "size"),
    ({"model": "gemini-painter", "prompt": "x", "stream": True}, "stream")])
def test_what_is_wrong_with_an_image_is_named(site, body, field):
    site.simulator.clear()
    status, _, answer = site.ask(IMAGES, body)
    assert (status, answer["error"]["param"]) == (400, field), answer
    assert site.simulator.log()["requests"] == []


def test_a_model_that_paints_does_not_chat(site):
    status, _, answer = site.ask("/v1/chat/completions", {"model": "painter", "messages": []})
    assert (status, answer["error"]["param"]) == (400, "model")


def test_gemini_paints(site):
    site.simulator.clear()
    status, fields, answer = site.ask(IMAGES, {"model": "gemini-painter", "prompt": "a cat", "size": "1536x1024"})
    assert status == 200 and fields["x-headgate-provider"] == "gemini", answer
    assert base64.b64decode(answer["data"][0]["b64_json"]).startswith(b"\x89PNG") and answer["output_format"] == "png"
    assert answer["usage"]["total_tokens"] == answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"]
    assert '"aspectRatio":"3:2"' in site.simulator.log()["requests"][-1]["body_start"]


def test_scopes_part_images_from_texts_and_sound(site):
    for path, key, needed in ((IMAGES, "text-only-key", "inference:image"), (SPEECH, "image-only-key", "inference:audio"),
                              (TRANSCRIPTS, "text-only-key", "inference:audio"),
                              ("/v1/moderations", "image-only-key", "inference:text"),
                              ("/v1/rerank", "image-only-key", "inference:text")):
        status, _, answer = site.ask(path, {}, key=key)
        assert status == 403 and needed in answer["error"]["message"]
    assert site.ask(IMAGES, {"model": "painter", "prompt": "x"}, key="image-only-key")[0] == 200


def test_every_target_that_failed_is_told_of(site):
    status, _, answer = site.ask(IMAGES, {"model": "broken-painter", "prompt": "x"})
    assert status == 502 and answer["error"]["details"]["attempts"][0]["provider"] == "openai"


# Speech


def test_speech_is_relayed_with_its_type_and_price(site):
    body = {"model": "speaker", "input": "Grüße", "voice": "alloy"}
    status, fields, sound = site.post(SPEECH, body)
    assert status == 200 and fields["content-type"] == "audio/mpeg" and fields["x-headgate-cost"] == "0.000075"
    assert len(sound) == 5000 and sound.startswith("audio:mp3:Grüße".encode())
    assert site.post(SPEECH, {**body, "response_format": "wav"})[1]["content-type"] == "audio/wav"


def test_long_speech_comes_whole(site):
    status, _, sound = site.post(SPEECH, {"model": "long-speaker", "input": "x", "voice": "alloy"})
    assert status == 200 and len(sound) == 3_000_000


def test_cut_speech_is_never_passed_off_as_whole(site):
    status, fields, sound = site.post(SPEECH, {"model": "cut-speaker", "input": "x", "voice": "alloy"})
    assert status == 502 and fields["content-type"].startswith("application/json"), sound[:80]


def test_another_target_speaks_when_the_first_fails(site):
    status, fields, sound = site.post(SPEECH, {"model": "backed-speaker", "input": "x", "voice": "alloy"})
    assert status == 200 and len(sound) == 700 and fields["x-headgate-attempts"] == "2"


def test_speech_may_be_streamed_as_events(site):
    status, fields, answer = site.post(SPEECH, {"model": "speaker", "input": "x", "voice": "alloy", "stream_format": "sse"})
    assert status == 200 and fields["content-type"].startswith("text/event-stream")
    *sound, done = datas(answer)
    assert done["type"] == "speech.audio.done" and len(base64.b64decode("".join(one["audio"] for one in sound))) == 5000


def test_speech_that_is_asked_for_again_is_the_same(site):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"model": "speaker", "input": "x", "voice": "alloy"}
    first = site.post(SPEECH, body, headers)
    again = site.post(SPEECH, body, headers)
    assert again[2] == first[2] and again[1]["content-type"] == "audio/mpeg" and again[1]["idempotent-replayed"] == "true"
    assert site.post(SPEECH, {**body, "input": "y"}, headers)[0] == 422


def test_gemini_speaks_samples_and_wav_only(site):
    body = {"model": "gemini-speaker", "input": "Hello", "voice": "Kore"}
    status, _, answer = site.ask(SPEECH, body)
    assert (status, answer["error"]["param"]) == (400, "response_format")
    status, fields, samples = site.post(SPEECH, {**body, "response_format": "pcm"})
    assert status == 200 and fields["content-type"] == "audio/pcm" and samples.startswith(b"abc")
    status, fields, file = site.post(SPEECH, {**body, "response_format": "wav"})
    assert fields["content-type"] == "audio/wav" and file[:4] == b"RIFF" and file[44:] == samples


# Transcripts


def test_a_transcript_in_every_format(site):
    status, fields, answer = site.transcribe()
    text = json.loads(answer)["text"]
    assert status == 200 and text and fields["x-headgate-model"] == "scribe" and float(fields["x-headgate-cost"]) > 0
    for format_, begin in (("text", text), ("srt", "1\n"), ("vtt", "WEBVTT")):
        status, fields, answer = site.transcribe(response_format=format_)
        assert status == 200 and fields["content-type"].startswith("text/plain") and answer.decode().startswith(begin)
    assert json.loads(site.transcribe(response_format="verbose_json")[2])["segments"]


def test_a_transcript_may_be_streamed(site):
    status, fields, answer = site.transcribe(stream="true")
    assert status == 200 and fields["content-type"].startswith("text/event-stream")
    *deltas, done = datas(answer)
    assert "".join(delta["delta"] for delta in deltas) == done["text"]


def test_the_sound_reaches_the_model_server_under_its_own_model_name(site):
    site.simulator.clear()
    assert site.transcribe(language="de")[0] == 200
    (seen,) = site.simulator.log()["requests"]
    assert seen["model"] == "sim:tokens=5" and "scribe" not in json.dumps(seen)


def test_what_is_wrong_with_a_form_is_named(site):
    status, _, answer = site.send_form(form({"language": "de"}))
    assert (status, json.loads(answer)["error"]["param"]) == (400, "model")
    status, _, answer = site.ask(TRANSCRIPTS, {"model": "scribe"})
    assert status == 415, answer
    assert json.loads(site.send_form(form({"model": "scribe"}, sound=b""))[2])["error"]["param"] == "file"
    status, _, answer = site.transcribe(model="talker")
    assert (status, json.loads(answer)["error"]["param"]) == (400, "model")


def test_a_sound_above_the_routes_limit_is_refused(site):
    status, _, answer = site.send_form(form({"model": "scribe"}, sound=b"x" * (64 << 10)))
    assert status == 413 and "65536" in json.loads(answer)["error"]["message"], answer


# Moderation, ranking, embeddings


def test_moderation_with_and_without_a_model(site):
    for body in ({"model": "judge", "input": ["kind words", "I kill time"]}, {"input": ["kind words", "I kill time"]}):
        status, fields, answer = site.ask("/v1/moderations", body)
        assert status == 200 and [one["flagged"] for one in answer["results"]] == [False, True], answer
        assert fields["x-headgate-model"] == "judge" and answer["model"] == "sim-judge"


def test_documents_are_ranked(site):
    body = {"model": "ranker", "query": "q", "documents": ["a", {"text": "b"}, "c"], "top_n": 2}
    status, fields, answer = site.ask("/v1/rerank", body)
    assert status == 200 and len(answer["results"]) == 2 and fields["x-headgate-model"] == "ranker"
    assert site.ask("/v1/rerank", {**body, "documents": []})[2]["error"]["param"] == "documents"


def test_embeddings_of_gemini_in_openais_words(site):
    body = {"model": "embedder", "input": ["a", "b"], "dimensions": 4}
    status, _, numbers = site.ask("/v1/embeddings", body)
    assert status == 200 and [len(one["embedding"]) for one in numbers["data"]] == [4, 4], numbers
    assert [one["index"] for one in numbers["data"]] == [0, 1]
    _, _, text = site.ask("/v1/embeddings", {**body, "encoding_format": "base64"})
    assert len(base64.b64decode(text["data"][0]["embedding"])) == 16
    status, _, refused = site.ask("/v1/embeddings", {**body, "input": [[1, 2]]})
    assert (status, refused["error"]["param"]) == (400, "input")


# Jobs and tasks


def test_each_kind_may_be_a_job(site):
    later = {"Prefer": "respond-async"}
    status, _, job = site.ask(IMAGES, {"model": "painter", "prompt": "x"}, later)
    assert status == 202 and job["kind"] == "image"
    done = site.ended(job["id"])
    assert done["status"] == "succeeded" and done["result"]["data"][0]["b64_json"] and done["cost"] == 0.04
    _, _, job = site.ask(SPEECH, {"model": "speaker", "input": "x", "voice": "v"}, later)
    result = site.ended(job["id"])["result"]
    assert result["content_type"] == "audio/mpeg" and len(base64.b64decode(result["data"])) == 5000
    job = json.loads(site.transcribe(later, response_format="srt")[2])
    assert "-->" in site.ended(job["id"])["result"]["text"]
    status, _, answer = site.ask(IMAGES, {"model": "painter", "prompt": "x", "stream": True}, later)
    assert (status, answer["error"]["param"]) == (400, "stream")


def test_images_and_speech_are_tasks(site):
    site.simulator.clear()
    image = {"model": "painter", "prompt": "A sunset", "width": 512, "height": 768, "steps": 50, "guidance_scale": 7.5}
    status, headers, task = site.ask("/api/v1/inference/image-generation", image)
    assert status == 202 and headers["location"] == f"/v1/jobs/{task['task_id']}" and task["status"] in ("queued", "running")
    done = until(lambda: (t := site.get(f"/api/v1/inference/{task['task_id']}?wait=20"))["completed_at"] and t)
    assert done["status"] == "completed" and done["result"]["size"] == "512x768"
    sent = site.simulator.log()["requests"][-1]["body_start"]
    assert '"num_inference_steps":50' in sent and '"width"' not in sent
    speech = {"model": "speaker", "text": "Hello, how are you today?", "voice": "speaker_1", "language": "en"}
    status, _, done = site.ask("/api/v1/inference/text-to-speech", speech, {"Prefer": "wait=20"})
    assert status == 200 and done["status"] == "completed" and done["worker_id"] == "openai"
    assert base64.b64decode(done["result"]["data"]).startswith(b"audio:mp3:Hello")


def test_a_task_for_another_kind_names_the_models_that_could(site):
    status, _, answer = site.ask("/api/v1/inference/image-generation", {"model": "speaker", "prompt": "x"})
    error = answer["error"]
    assert (status, error["code"]) == (400, "INVALID_MODEL") and "painter" in error["details"]["available_models"]
    assert "speaker" not in error["details"]["available_models"]
    status, _, answer = site.ask("/api/v1/inference/text-to-speech", {"model": "speaker"})
    assert (status, answer["error"]["param"]) == (400, "text")


def test_models_say_what_they_do(site):
    kinds = {model["id"]: model["kind"] for model in site.get("/v1/models")["data"]}
    assert kinds["painter"] == "image" and kinds["ranker"] == "rerank" and kinds["scribe"] == "transcription"
