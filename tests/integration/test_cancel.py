"""A client that leaves is heard of by the provider, whatever was under way. The figures come from tools/faults/cancel.py."""
import sys

import pytest

from conftest import BINARIES, ROOT

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
