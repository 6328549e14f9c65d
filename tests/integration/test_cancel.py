"""A client that leaves is heard of by the provider, whatever was under way. The figures come from tools/faults/cancel.py."""
import sys

import pytest

from conftest import BINARIES, ROOT
from job_client import chat, job_site, one_at_a_time, until
from test_operations import RawClient

sys.path.insert(0, str(ROOT / "tools/faults"))
import cancel  # noqa: E402

CASES = cancel.all_cases()
# The promise is 50 ms; a busy machine is no failure.
LIMIT_MS = 5000


@pytest.fixture(scope="module")
def site():
    with cancel.running_site(BINARIES, CASES) as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_the_provider_hears_of_it(site, case, record_property):
    milliseconds = site.sample(case)
    record_property("milliseconds", round(milliseconds, 2))
    print(f"{case.label}: {milliseconds:.1f} ms")
    assert milliseconds < LIMIT_MS


def test_of_who_leaves_the_line_the_provider_never_hears(tmp_path):
    with job_site(tmp_path, one_at_a_time("line", "sim-line:latency=10m")) as site:
        def waiting():
            return site.call("/admin/queue/line")[2]["waiting"]
        clients = []
        for number in range(3):
            clients.append(RawClient(site.gateway.port))
            clients[-1].send("POST", "/v1/chat/completions", chat("line", f"number {number}"))
            until(lambda: waiting() == number if number else len(site.calls("sim-line:latency=10m")) == 1)
        clients[1].close()
        until(lambda: waiting() == 1)
        clients[0].close()
        seen = site.called("sim-line:latency=10m", 2)
        assert ["number 0" in str(seen[0]), "number 2" in str(seen[1])] == [True, True], seen
        clients[2].close()
