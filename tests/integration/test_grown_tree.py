"""The unit suite in a checkout with more backends than ours: it must not depend on which there are.

Added are the guide's finished huey, a queue whose client has other names than its library and whose
worker needs a scheduler beside it, and a skeleton that nobody has touched.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import PYTEST, copy_checkout, python
from guide import blocks, carry_out

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("grown tree")]

FOREIGN = {
    "__init__.py": '''
"""A queue whose client is two other distributions, with a scheduler of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.spec import Backend, Command, KnownDefect, Readiness, Semantics, Variant


def _registered(redis: Any, namespace: str | None) -> int:
    return int(redis.scard(f"{namespace or 'foreign'}:schedulers"))


class Foreign(Backend):
    """One worker with N coroutines, and one scheduler."""

    def worker_commands(self, variant: Variant, concurrency: int) -> tuple[Command, ...]:
        return (
            Command(
                ("-m", "foreign_core", "worker", "--max-tasks", str(concurrency)),
                Readiness(r"listening", times=1),
            ),
            Command(
                ("-m", "foreign_core", "scheduler"),
                Readiness(probe=_registered),
                role="scheduler",
                stop_signal="SIGINT",
                exit_codes=frozenset({0, -15}),
            ),
        )

    def queue_keys(self, namespace: str | None) -> tuple[str, ...]:
        name = namespace or "foreign"
        return (f"{name}:stream", f"{name}:schedule")


BACKEND = Foreign(
    name="foreign",
    distribution="foreign-core",
    imports=("foreign_core", "foreign_redis", "foreign_pipelines"),
    homepage="https://example.org/foreign",
    variants=(
        Variant(
            name="",
            summary="coroutines on one event loop",
            concurrency="1 worker x N coroutines",
            semantics=Semantics(
                ack="late",
                delivery="at most once",
                results="Redis, 1 h",
                retries="a middleware puts the task into the schedule",
                chain="a pipeline: the worker sends the next task",
            ),
        ),
    ),
    known_defects=(
        KnownDefect(
            "repeated", "foreign starts a task twice", "backends/foreign/NOTES.md", always=False
        ),
    ),
    folder=Path(__file__).parent,
)
''',
    "broker.py": '''
"""The broker of worker and producer."""

from __future__ import annotations

from backends.kit.settings import namespace, redis_url, require_installed

require_installed("foreign_core")

from foreign_pipelines import PipelineMiddleware  # noqa: E402  (only after the check above)
from foreign_redis import StreamBroker  # noqa: E402

stream = f"{namespace() or 'foreign'}:stream"
broker = StreamBroker(redis_url(), queue=stream).add(PipelineMiddleware())
''',
    "tasks.py": '''
"""The workloads as tasks with keyword-only arguments."""

from __future__ import annotations

import os

from backends.foreign.broker import broker
from backends.kit import task
from backends.kit.settings import setting
from scenarios import workload


@broker.task
async def add(*, x, y, task_id):
    return await task.run_async(task_id, workload.add_async, x, y, setting("add.service_s", 0))


@broker.task
def compute(loops, *, task_id):
    return task.python(task_id, workload.compute, loops)


@broker.task
def payload(data, result_bytes, *, task_id):
    return task.python(task_id, workload.payload, data, result_bytes)


@broker.task(retries=3)
def flaky(fails, task_id, /):
    return task.python(task_id, workload.flaky, task.attempt(task_id), fails)


@broker.task(retries=3)
async def notification(*, text, task_id):
    return await task.run_async(
        task_id,
        workload.notification_async,
        os.environ["BENCH_TELEGRAM_URL"],
        text,
        setting("notification.timeout_s", 60),
    )
''',
    "producer.py": '''
"""Send and fetch."""

from __future__ import annotations

from foreign_core.results import wait_for

from backends.foreign import tasks
from backends.foreign.broker import broker


class Client:
    async def send(self, steps):
        (step,) = steps
        return await getattr(tasks, step.task).send(**step.kwargs)

    async def result(self, handle, timeout_s):
        return await wait_for(handle, timeout_s)

    async def close(self):
        await broker.close()


async def connect():
    return Client()
''',
    "NOTES.md": "# foreign\n\n" + "Never run; its folder is read. " * 10,
    "requirements.in": "foreign-core\n",
    "requirements.lock": f"foreign-core==1.0 \\\n    --hash=sha256:{'0' * 64}\n",
}


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with three more backends."""
    checkout = copy_checkout(tmp_path_factory.mktemp("grown") / "checkout")
    python(checkout, "bench", "new", "backend", "huey")
    for block in blocks("add-a-backend.md"):
        carry_out(block, checkout)
    python(checkout, "bench", "new", "backend", "taskiq")
    folder = checkout / "backends" / "foreign"
    folder.mkdir()
    for name, text in FOREIGN.items():
        (folder / name).write_text(text.lstrip(), encoding="utf-8")
    return checkout


def test_the_added_backends_are_there_and_tidy(grown: Path) -> None:
    listed = python(grown, "bench", "list", "backends")
    assert all(name in listed for name in ("huey", "foreign", "taskiq"))
    python(grown, "ruff", "check", "--no-cache")
    python(grown, "ruff", "format", "--check", "--no-cache")


def test_what_a_finished_folder_says_of_itself_passes_the_contract(grown: Path) -> None:
    statements = ("tests/contract/test_statements.py", "-k", "huey or foreign")
    told = python(grown, *PYTEST, "-q", *statements)
    assert " passed" in told


def test_the_suites_that_know_backends_pass(grown: Path) -> None:
    places = ("backends/test_registry.py", "scaffold", "test_walls.py")
    told = python(grown, *PYTEST, "-q", *(f"tests/unit/{place}" for place in places))
    assert " passed" in told
    assert "skipped" not in told


@pytest.mark.slow
def test_the_whole_unit_suite_passes(grown: Path) -> None:
    assert " passed" in python(grown, *PYTEST, "-q", "tests/unit")
