"""Every scenario's task is bound in every backend: a new one may not forget any."""

from __future__ import annotations

import ast

import pytest

from backends import all_backends
from scenarios import all_scenarios


def _tasks_sent() -> set[str]:
    sent = set()
    for scenario in all_scenarios().values():
        params = {p.name: p.default for p in scenario.parameters}
        sent |= {w.task for item in scenario.items(0, 5, params, 1) for w in item}
    return sent


def test_the_scenarios_send_something() -> None:
    assert {"add", "flaky", "notification"} <= _tasks_sent()


@pytest.mark.parametrize("backend", all_backends().values(), ids=lambda backend: backend.name)
def test_every_task_is_a_function_of_the_backends_tasks(backend) -> None:
    tree = ast.parse((backend.folder / "tasks.py").read_text(encoding="utf-8"))
    functions = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert _tasks_sent() <= functions


@pytest.mark.parametrize("backend", all_backends().values(), ids=lambda backend: backend.name)
def test_every_task_takes_the_tasks_id(backend) -> None:
    tree = ast.parse((backend.folder / "tasks.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in _tasks_sent():
            assert "task_id" in {argument.arg for argument in node.args.args}, node.name
