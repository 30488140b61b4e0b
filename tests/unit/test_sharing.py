"""Tests of one group run in one process: what they share would be made by each process otherwise.

Nothing else tells when this does not hold: the tests pass, take longer, and disturb each other.
"""

from __future__ import annotations

import pytest


def test_pytest_xdist_knows_the_groups(request):
    """It tells them from the names of tests, to which it adds them itself."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("one process runs all")
    (group,) = request.node.iter_markers("xdist_group")
    assert request.node.nodeid.endswith(f"@{group.args[0]}"), "it divides groups beside this pytest"
