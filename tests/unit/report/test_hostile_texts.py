"""What queues, users and files say is shown as text: it is no markup and controls no terminal."""

from __future__ import annotations

import io
import re

import pytest
from markdown_it import MarkdownIt
from small_runs import SmallRun

from bench.cli.console import PlainConsole
from bench.record.micro_files import FOLDER, MERGED
from bench.record.store import write_json
from bench.report.compare import compare_variants
from bench.report.formats.markdown import render
from bench.report.formats.terminal import print_comparison, print_report
from bench.report.model import load_report

TERMINAL = (
    "\x1b[31mred \x1b]0;title\x07 \x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\ \x9b2J \x08 \u202e"
)
MARKUP = (
    "[a](http://e) ![b](http://e/i.png) <b>c</b> *d* __e__ _f_ `g` ~~h~~ | i | # j &lt; "
    "[k]: http://e <http://e> \\"
)
STARTS = [
    "# heading",
    "- item",
    "+ item",
    "* item",
    "1. item",
    "2) item",
    "> quotation",
    "---",
    "===",
]


def run_of(folder, text):
    """A run in which everything that is free text says ``text``."""
    run = SmallRun(folder, profile=text, argv=["run", text])
    run.cell("slow:base", [10.0, 11.0, 12.0], failed={"lost": [text]})
    run.cell("quick", [20.0, 21.0], bad=[("failed", text)])
    run.variants["quick"]["caveat"] = text
    run.variants["quick"]["settings"] = [
        {"name": text, "value": text, "default": text, "why": text}
    ]
    written = run.write()
    (written.path / FOLDER).mkdir()
    write_json(written.path / FOLDER / MERGED, {"benchmarks": [], "problems": {text: text}})
    ended = written.leases / "ended"
    ended.mkdir(parents=True)
    facts = {"variant": text, "stopped": "gracefully", "abnormal_stops": [text]}
    write_json(ended / "lease.json", facts)
    return load_report(written)


@pytest.mark.parametrize("text", [MARKUP, *STARTS, "```\nx", "````", "a\n\n# b\n\n---\n"])
def test_no_text_becomes_markup_of_the_report(tmp_path, text):
    rendered = render(run_of(tmp_path / "run", text))
    plain = render(run_of(tmp_path / "plain", "words"))

    def kinds(source):
        tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)
        inline = [child for token in tokens for child in token.children or ()]
        names = [re.sub("_(open|close)$", "", token.type) for token in (*tokens, *inline)]
        return [name for name in names if name not in ("text", "text_special", "softbreak")]

    assert kinds(rendered) == kinds(plain)


def test_no_control_sequence_reaches_the_report(tmp_path):
    rendered = render(run_of(tmp_path / "run", TERMINAL))
    assert [c for c in rendered if c != "\n" and not c.isprintable()] == []
    assert "red" in rendered


def test_no_control_sequence_reaches_the_terminal(tmp_path):
    report = run_of(tmp_path / "run", TERMINAL)
    out = io.StringIO()
    console = PlainConsole(file=out, width=200)
    print_report(report, console)
    run = SmallRun(tmp_path / "two").cell("a", [1.0, 2.0, 3.0], failed={"lost": [TERMINAL]})
    run.cell("b", [1.0, 2.0, 3.0], bad=[("failed", TERMINAL)])
    print_comparison(compare_variants(run.write(), "a", "b", all_metrics=True), console)
    console.print(f"add: failed: {TERMINAL}", markup=False)
    assert [c for c in out.getvalue() if c != "\n" and not c.isprintable()] == []
    assert "red" in out.getvalue()
