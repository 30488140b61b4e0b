from __future__ import annotations

import pytest

from bench.system.printable import printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, naïve, 日本 → ok\n\tnext", "plain, naïve, 日本 → ok\n\tnext"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=\x9cafter", "after"),
        ("\x1bPq#0\x1b\\after", "after"),
        ("\x1bc reset", "\\x1bc reset"),
        ("\x1b]0;never ended", "\\x1b]0;never ended"),
        ("back\x08\x08space\rover\x00\x7f\x85", "back\\x08\\x08space\\rover\\x00\\x7f\\x85"),
        ("\u202egnirts\u2066", "\\u202egnirts\\u2066"),
    ],
)
def test_nothing_that_controls_a_terminal_is_left(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize("number", [*range(32), *range(127, 160)])
def test_every_control_character_is_told_or_gone(number):
    assert (chr(number) in printable(f"a{chr(number)}b")) == (number in (9, 10))


def test_a_long_path_is_cut_in_the_middle():
    told = shortened("/tmp/" + "x" * 5000 + "/end")
    assert len(told) < 130
    assert told.startswith("/tmp/xx")
    assert told.endswith("xx/end")
    assert shortened("/tmp/short") == "/tmp/short"
