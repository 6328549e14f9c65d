"""Every protocol × every fault × {wait, stream, job}: how often who is called, and what the caller gets."""
import pytest

import fault_cases
import fault_matrix
from conftest import ROOT, running_gateway
from processes import start_simulator


@pytest.fixture
def dead_ends():
    ends = fault_cases.DeadEnds()
    yield ends
    ends.close()


@pytest.mark.parametrize("protocol", fault_matrix.PROTOCOLS)
def test_every_fault_of(protocol, tmp_path, dead_ends):
    cases = fault_cases.cases_of(protocol)
    # Each call on a connection of its own: a kept one that breaks is replaced unseen.
    with start_simulator("--log-size", 20000, "--close") as simulator:
        config = fault_cases.configuration(tmp_path, cases, simulator.port, dead_ends)
        with running_gateway(tmp_path, None, config=config) as gateway:
            seen = fault_cases.carry_out(cases, gateway.port)
            verdicts = fault_cases.Verdicts(cases, seen, simulator.log())
    print(f"{len(cases)} cases; the longest wait was {verdicts.late_ms:.0f} ms beyond what was asked for")
    assert not verdicts.wrong, "\n".join([f"{len(verdicts.wrong)} differ from the table:", *verdicts.wrong])


def test_the_document_is_what_the_table_says():
    """`tests/integration/fault_matrix.py docs/fault-matrix.md` writes it anew."""
    assert (ROOT / "docs/fault-matrix.md").read_text() == fault_matrix.document()
