"""Every scenario's task is bound in every backend: a new one may not forget any."""

from __future__ import annotations

import ast

import pytest

from backends import all_backends
from backends.spec import Capabilities
from scenarios import all_scenarios


def _tasks_sent(capabilities: Capabilities) -> set[str]:
    """The tasks of all scenarios that such a library can be given under some load."""
    sent = set()
    for scenario in all_scenarios().values():
        if all(capabilities.lacks(load, scenario.asks) for load in scenario.loads):
            continue
        params = {p.name: p.default for p in scenario.parameters}
        sent |= {w.task for item in scenario.items(0, 5, params, 1) for w in item}
    return sent


def test_the_scenarios_send_something() -> None:
    assert {"add", "flaky", "notification", "payload"} <= _tasks_sent(Capabilities())


def test_only_what_a_library_can_do_is_asked_of_it() -> None:
    assert _tasks_sent(Capabilities(results=False, retries=False, chains=False)) == {
        "add",
        "payload",
    }


@pytest.mark.parametrize("backend", all_backends().values(), ids=lambda backend: backend.name)
def test_every_task_is_a_function_of_the_backends_tasks(backend) -> None:
    tree = ast.parse((backend.folder / "tasks.py").read_text(encoding="utf-8"))
    functions = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert _tasks_sent(backend.capabilities) <= functions


@pytest.mark.parametrize("backend", all_backends().values(), ids=lambda backend: backend.name)
def test_every_task_takes_the_tasks_id(backend) -> None:
    tree = ast.parse((backend.folder / "tasks.py").read_text(encoding="utf-8"))
    sent = _tasks_sent(backend.capabilities)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in sent:
            assert "task_id" in {argument.arg for argument in node.args.args}, node.name
