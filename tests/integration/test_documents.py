"""Documents through the embedded engine: the real worker processes on the sample documents."""
import base64
import json
import os
import pathlib
import signal
import subprocess
import time
import uuid

import pytest

from conftest import BINARIES, ROOT, running_gateway

SAMPLES = ROOT / "examples/documents"
TRUTH = json.loads((SAMPLES / "truth.json").read_text())
JSON = {"Content-Type": "application/json"}


def data_url(path):
    return "data:application/octet-stream;base64," + base64.b64encode(pathlib.Path(path).read_bytes()).decode()


def ask(gateway, route, path, **fields):
    body = {"image_urls": [path if isinstance(path, str) else data_url(path)], **fields}
    status, headers, answer = gateway.call(route, json.dumps(body).encode(), JSON)
    return status, json.loads(answer)


def value_at(data, path):
    for name in path.split("."):
        data = data[int(name)] if isinstance(data, list) else data[name]
    return data


def same(expected, found):
    if isinstance(expected, (int, float)) and isinstance(found, (int, float)):
        return abs(expected - found) < 0.005
    return expected == found


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_samples_are_classified(gateway, name):
    status, answer = ask(gateway, "/v1/classify", SAMPLES / name)
    assert status == 200, answer
    assert answer["type"] == TRUTH[name]["type"], answer
    assert 0 <= answer["confidence"] <= 1 and answer["reasoning"] and answer["provider"] == "embedded"


@pytest.mark.parametrize("name", [name for name in sorted(TRUTH) if name.endswith(".pdf") and "scan" not in name])
def test_every_field_of_a_clean_sample_is_read(gateway, name):
    status, answer = ask(gateway, "/v1/extract", SAMPLES / name)
    assert status == 200, answer
    wrong = {path: (expected, value_at(answer["data"], path)) for path, expected in TRUTH[name]["fields"].items()
             if not same(expected, value_at(answer["data"], path))}
    assert not wrong
    assert answer["page_count"] == TRUTH[name]["pages"]


@pytest.mark.parametrize("name", ["w2.png", "w2-scan.pdf"])
def test_wages_are_read_from_pixels_and_the_number_is_masked(gateway, name):
    status, answer = ask(gateway, "/v1/extract", SAMPLES / name, doc_type="W2", include_raw=True)
    fields = TRUTH[name]["fields"]
    assert status == 200 and same(fields["boxes.box1_wages"], answer["data"]["boxes"]["box1_wages"])
    assert answer["data"]["employee"]["ssn"].startswith("***-**-")
    assert "raw_ocr" in answer


@pytest.mark.parametrize("output, key", [("text", "text"), ("markdown", "markdown"), ("json", "pages"), ("layout", "layout_elements")])
def test_ocr_outputs(gateway, output, key):
    status, answer = ask(gateway, "/v1/ocr", SAMPLES / "invoice.pdf", output=output)
    assert status == 200 and answer[key] and answer["page_count"] == 1


def test_files_of_a_form(gateway):
    boundary = uuid.uuid4().hex
    body = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.exe"\r\n\r\n').encode()
    body += (SAMPLES / "w2.png").read_bytes()
    body += f"\r\n--{boundary}--\r\n".encode()
    status, _, answer = gateway.call("/v1/classify", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert status == 200 and json.loads(answer)["type"] == "W2"


@pytest.mark.parametrize("body, param", [
    ({}, "image_urls"), ({"image_urls": []}, "image_urls"), ({"image_urls": "x"}, "image_urls"), ({"image_urls": [1]}, "image_urls"),
    ({"image_urls": ["data:image/png;base64,!!!"]}, "image_urls"), ({"image_urls": ["data:image/png,abc"]}, "image_urls"),
    ({"image_urls": ["data:;base64,aGVsbG8="], "doc_type": "W9"}, "doc_type"),
    ({"image_urls": ["data:;base64,aGVsbG8="], "model": "nope"}, "model"),
    ({"image_urls": ["data:;base64,aGVsbG8="], "resolution": "huge"}, "resolution"),
])
def test_bad_requests_name_the_field(gateway, body, param):
    status, _, answer = gateway.call("/v1/extract", json.dumps(body).encode(), JSON)
    assert status in (400, 404) and json.loads(answer)["error"]["param"] == param


@pytest.mark.parametrize("url", [
    "http://127.0.0.1/x", "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://169.254.169.254/latest",
    "https://2130706433/", "https://0x7f.1/", "https://10.0.0.1/", "ftp://example.org/x", "file:///etc/passwd", "https://user@example.org/",
])
def test_urls_outside_the_policy_are_refused(gateway, url):
    status, answer = ask(gateway, "/v1/ocr", url)
    assert status == 400 and answer["error"]["code"] == "url_not_allowed", answer


@pytest.mark.parametrize("content, statuses", [
    (b"", (400,)), (b"hello world, this is no picture", (400, 415)), (b"%PDF-1.4\ngarbage", (400, 415, 422)),
    (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, (400, 415, 422)), (b"GIF89a" + b"\0" * 40, (400, 415)), (b"<html></html>", (400, 415)),
])
def test_what_is_no_document_is_refused(gateway, tmp_path, content, statuses):
    path = tmp_path / "x"
    path.write_bytes(content)
    status, answer = ask(gateway, "/v1/ocr", path)
    assert status in statuses and answer["error"]["message"], answer
    assert gateway.call("/live", key=None)[0] == 200


def workers_of(gateway):
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(gateway.process.pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in children]


def test_a_killed_worker_costs_no_more_than_its_page(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url, options=["cache.classify_ttl=0s"]) as gateway:
        assert ask(gateway, "/v1/classify", SAMPLES / "w2.png")[0] == 200
        before = workers_of(gateway)
        assert before
        os.kill(before[0], signal.SIGKILL)
        for _ in range(3):
            assert ask(gateway, "/v1/classify", SAMPLES / "w2.png")[0] == 200
        assert before[0] not in workers_of(gateway)


def test_no_worker_outlives_the_gateway(tmp_path, upstream):
    with running_gateway(tmp_path, upstream.url) as gateway:
        ask(gateway, "/v1/classify", SAMPLES / "w2.png")
        workers = workers_of(gateway)
        gateway.process.kill()
        gateway.process.wait()
        deadline = time.monotonic() + 10
        while any(os.path.exists(f"/proc/{worker}") for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(os.path.exists(f"/proc/{worker}") for worker in workers)


def test_the_sandbox_denies_what_it_should():
    probe = subprocess.run([BINARIES / "headgate", "worker", "--probe"], capture_output=True, text=True, timeout=120)
    assert probe.returncode == 0, probe.stdout


def test_documents_are_read_without_a_server():
    run = subprocess.run([BINARIES / "headgate", "extract", SAMPLES / "w2.png", "--type", "W2", "--json"], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0 and json.loads(run.stdout)["data"]["employee"]["name"]
