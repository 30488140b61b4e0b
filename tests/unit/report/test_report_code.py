"""What is told of the code that measured."""

from __future__ import annotations

import pytest

from bench.report.chapters.cautions import _changed_code


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ({}, ""),
        ({"commit": "abc", "dirty": False}, ""),
        ({"commit": "abc", "dirty": True}, "had changes that are in no commit"),
        ({"commit": "", "dirty": None}, "is not known: git did not run here"),
    ],
)
def test_a_tree_that_nobody_could_look_at_is_not_called_clean(code, told):
    sentences = _changed_code({"code": code})
    assert len(sentences) == bool(told)
    assert told in "".join(sentences)
