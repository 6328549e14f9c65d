"""The official OpenAI client, the unchanged package of npm, against the real gateway: one test for each of its files."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import running_gateway
from model_server import ModelServer
from node_packages import installed
from processes import start_simulator

SOURCES = pathlib.Path(__file__).parent / "openai_sdk"
FILES = sorted(file.name for file in SOURCES.glob("*.test.mjs"))
RUN_LIMIT_SECONDS = 120
SIMULATOR_KEY = "simulator-secret"
KEYS = {
    "SDK_TEST_KEY": "sdk-test-key",
    "SDK_TEST_MODELS_ONLY_KEY": "sdk-test-models-only",
    "SDK_TEST_ONE_REQUEST_KEY": "sdk-test-one-request",
    "SDK_TEST_SLOW_KEY": "sdk-test-slow-key",
}


def configuration(folder, simulator, scripted):
    """Models whose names say how they behave; an unknown name is 404."""
    return f"""
server: {{ listen: "127.0.0.1:0", threads: 2 }}
data_dir: {folder}/data
log: {{ format: json }}
auth:
  keys:
    - {{ name: all, key: {KEYS["SDK_TEST_KEY"]}, scopes: [models:read, inference:text, inference:image, inference:audio, jobs:read, jobs:write], tier: unlimited }}
    - {{ name: models, key: {KEYS["SDK_TEST_MODELS_ONLY_KEY"]}, scopes: [models:read], tier: unlimited }}
    - {{ name: once, key: {KEYS["SDK_TEST_ONE_REQUEST_KEY"]}, scopes: [inference:text], tier: once }}
    - {{ name: slow, key: {KEYS["SDK_TEST_SLOW_KEY"]}, scopes: [inference:text], tier: slow }}
limits:
  tiers:
    unlimited: {{}}
    once: {{ per_hour: 1 }}
    slow: {{ per_window: 1, window: 4s }}
providers:
  simulator: {{ protocol: openai, base_url: "{simulator}", api_keys: [{SIMULATOR_KEY}] }}
  limiting: {{ protocol: openai, base_url: "{simulator}", api_keys: [{SIMULATOR_KEY}] }}  # its key rests after a 429
  scripted: {{ protocol: openai, base_url: "{scripted}/v1" }}
  gemini: {{ protocol: gemini, base_url: "{simulator.removesuffix("/v1")}", api_keys: [{SIMULATOR_KEY}] }}
models:
  talker: {{ aliases: [org/talker], targets: [ {{ provider: simulator, model: "sim:tokens=5" }} ] }}
  endless: {{ targets: [ {{ provider: simulator, model: "sim:tokens=100000:tps=50" }} ] }}
  silent: {{ targets: [ {{ provider: simulator, model: "sim:silence" }} ] }}
  echo: {{ targets: [ {{ provider: simulator, model: "sim:echo" }} ] }}
  embedder: {{ kind: embedding, targets: [ {{ provider: simulator, model: "sim:dimensions=8" }} ] }}
  gemini-embedder: {{ kind: embedding, targets: [ {{ provider: gemini, model: "sim-gemini" }} ] }}
  painter: {{ kind: image, targets: [ {{ provider: simulator, model: "sim:bytes=300" }} ] }}
  speaker: {{ kind: speech, targets: [ {{ provider: simulator, model: "sim:bytes=5000" }} ] }}
  cut-speaker: {{ kind: speech, retry: {{ max_attempts: 1 }}, targets: [ {{ provider: simulator, model: "sim:bytes=5000:cut=1" }} ] }}
  scribe: {{ kind: transcription, targets: [ {{ provider: simulator, model: "sim:tokens=7" }} ] }}
  judge: {{ kind: moderation, aliases: [omni-moderation-latest], targets: [ {{ provider: simulator, model: "sim-judge" }} ] }}
  failing: {{ targets: [ {{ provider: simulator, model: "sim:status=500" }} ] }}
  limited: {{ targets: [ {{ provider: limiting, model: "sim:status=429:retry-after=7" }} ] }}
  resetting: {{ targets: [ {{ provider: simulator, model: "sim:reset" }} ] }}
  error-event: {{ targets: [ {{ provider: simulator, model: "sim:error-event=4" }} ] }}
  cut: {{ targets: [ {{ provider: simulator, model: "sim:cut=4" }} ] }}
  calling: {{ targets: [ {{ provider: simulator, model: "sim:tokens=3" }} ] }}
  tool-caller: {{ targets: [ {{ provider: scripted, model: tools }} ] }}
"""


@pytest.fixture(scope="module")
def package():
    """A folder with the test files beside the installed package."""
    folder = installed(SOURCES)
    for file in SOURCES.glob("*.mjs"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Addresses and keys of a running gateway and of what is behind it."""
    folder = tmp_path_factory.mktemp("openai_sdk")
    scripted = ModelServer()
    with start_simulator("--require-key", SIMULATOR_KEY) as simulator:
        config = configuration(folder, simulator.base_url, scripted.url)
        with running_gateway(folder, None, config=config) as gateway:
            # Nothing else of this process's environment: a user's OPENAI_* or proxy must not decide.
            yield {
                "PATH": os.environ["PATH"],
                "SDK_TEST_BASE_URL": gateway.url + "/v1",
                "SDK_TEST_SIMULATOR_URL": f"http://127.0.0.1:{simulator.port}",
                **KEYS,
            }
    scripted.stop()


@pytest.mark.parametrize("file", FILES)
def test_the_official_client(package, environment, file):
    # The reporter of the TAP protocol is the one whose summary is the same in every Node since 18.
    run = subprocess.run(
        ["node", "--test", "--test-reporter=tap", file], cwd=package, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_LIMIT_SECONDS)
    summary = dict(re.findall(r"^# (tests|pass|fail|cancelled|skipped|todo) (\d+)$", run.stdout, re.M))
    assert run.returncode == 0, run.stdout
    assert int(summary["pass"]) > 0 and summary["pass"] == summary["tests"], run.stdout
    assert summary["fail"] == summary["cancelled"] == summary["skipped"] == summary["todo"] == "0", run.stdout
