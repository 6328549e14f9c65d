"""The official Anthropic client, the unchanged package of npm, against the real gateway: one test for each of its files."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from conftest import running_gateway
from node_packages import installed
from processes import start_simulator

SOURCES = pathlib.Path(__file__).parent / "anthropic_sdk"
FILES = sorted(file.name for file in SOURCES.glob("*.test.mjs"))
RUN_LIMIT_SECONDS = 120
SIMULATOR_KEY = "simulator-secret"
KEY = "sdk-test-key"


def configuration(folder, port):
    """Models named after the protocol they are behind; an unknown name is 404."""
    root = f"http://127.0.0.1:{port}"
    return f"""
server: {{ listen: "127.0.0.1:0", threads: 2 }}
data_dir: {folder}/data
log: {{ format: json }}
auth: {{ keys: [ {{ name: all, key: {KEY}, scopes: [models:read, inference:text], tier: unlimited }} ] }}
limits: {{ tiers: {{ unlimited: {{}} }} }}
providers:
  openai: {{ protocol: openai, base_url: "{root}/v1", api_keys: [{SIMULATOR_KEY}] }}
  anthropic: {{ protocol: anthropic, base_url: "{root}", api_keys: [{SIMULATOR_KEY}] }}
  gemini: {{ protocol: gemini, base_url: "{root}", api_keys: [{SIMULATOR_KEY}] }}
models:
  openai: {{ targets: [ {{ provider: openai, model: "sim:tokens=5" }} ] }}
  anthropic: {{ targets: [ {{ provider: anthropic, model: "sim:tokens=5" }} ] }}
  gemini: {{ targets: [ {{ provider: gemini, model: "sim:tokens=5" }} ] }}
  openai-broken: {{ targets: [ {{ provider: openai, model: "sim:error-event=4" }} ] }}
  anthropic-broken: {{ targets: [ {{ provider: anthropic, model: "sim:error-event=4" }} ] }}
  gemini-broken: {{ targets: [ {{ provider: gemini, model: "sim:error-event=4" }} ] }}
  failing: {{ targets: [ {{ provider: openai, model: "sim:status=500" }} ], retry: {{ max_attempts: 1 }} }}
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
    folder = tmp_path_factory.mktemp("anthropic_sdk")
    with start_simulator("--require-key", SIMULATOR_KEY) as simulator:
        with running_gateway(folder, None, config=configuration(folder, simulator.port)) as gateway:
            # Nothing else of this process's environment: a user's ANTHROPIC_* or proxy must not decide.
            yield {"PATH": os.environ["PATH"], "SDK_TEST_URL": gateway.url, "SDK_TEST_KEY": KEY}


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
