"""A library survives what disks and processes do: small counts of what `sayso bench faults` tries in full."""

import pytest

from eval.bench.faults import FAULTS, Counts, tried

_FEW = Counts(kills=20, flips=60, truncations=20, readers=4, queries=400, publishes=5, removals=10, rebuilt_queries=20)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_library_survives(fault: str) -> None:
    """Each time it is tried; what that means is said at the fault."""
    made, survived = tried(fault, _FEW)
    assert made > 0
    assert survived == made
