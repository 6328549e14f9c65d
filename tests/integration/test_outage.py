"""A provider that is down while another is well: the short form of tools/faults/outage.py."""
import sys

import pytest

from conftest import BINARIES, ROOT

sys.path.insert(0, str(ROOT / "tools/faults"))
import outage  # noqa: E402


@pytest.mark.parametrize("down", ["status=503", outage.REFUSE])
def test_nobody_notices_and_the_dead_one_is_left_alone(down):
    options = outage.parse_arguments(
        ["--bin", str(BINARIES), "--before", "0.5", "--seconds", "3", "--after", "1", "--down", down])
    figures = outage.run(options)
    print(figures)
    assert figures["errors"] == 0, figures
    assert figures["during"] > 0 and 0 < figures["primary_attempts"] < 0.05 * figures["during"], figures
    assert figures["back_after_s"] is not None and figures["settled_on_primary"], figures
