"""The Vercel AI SDK with its OpenAI provider, the unchanged packages of npm, against the real gateway: one test for each of their files."""
import pathlib

import pytest

import js_sdk
from conftest import running_gateway
from processes import start_simulator

SOURCES = pathlib.Path(__file__).parent / "vercel_sdk"
SIMULATOR_KEY = "simulator-secret"
KEY = "sdk-test-key"


def configuration(folder, port):
    """Models named after the protocol they are behind, or after what they do; an unknown name is 404."""
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
  echo: {{ targets: [ {{ provider: openai, model: "sim:echo" }} ] }}
  endless: {{ targets: [ {{ provider: openai, model: "sim:tokens=100000:tps=50" }} ] }}
  broken: {{ targets: [ {{ provider: openai, model: "sim:error-event=4" }} ], retry: {{ max_attempts: 1 }} }}
  failing: {{ targets: [ {{ provider: openai, model: "sim:status=500" }} ], retry: {{ max_attempts: 1 }} }}
  embedder: {{ kind: embedding, targets: [ {{ provider: openai, model: "sim:dimensions=8" }} ] }}
"""


@pytest.fixture(scope="module")
def package():
    return js_sdk.prepare(SOURCES)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vercel_sdk")
    with start_simulator("--require-key", SIMULATOR_KEY) as simulator:
        with running_gateway(folder, None, config=configuration(folder, simulator.port)) as gateway:
            yield {"SDK_TEST_URL": gateway.url + "/v1", "SDK_TEST_KEY": KEY}


@pytest.mark.parametrize("file", js_sdk.test_files(SOURCES))
def test_the_packages(package, settings, file):
    js_sdk.run(package, file, settings)
