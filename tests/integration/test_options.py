"""Each declared option does to the library what its backend says it does."""

from __future__ import annotations

import json
import subprocess

import pytest
from support import PATIENCE_S

from backends import Choice, all_backends
from bench.system import processes
from bench.system.places import ROOT

pytestmark = pytest.mark.integration

DRAIN = 'scenario = "add"; load = "drain"; tasks = 40'

EVERY = [
    Choice(
        backend,
        backend.with_options(next(v for v in backend.variants if option.fits(v)), [option.name]),
        None,
    ).name
    for backend in all_backends().values()
    if not backend.hidden
    for option in backend.options
]


def worker_log(ran):
    return ran.lease_file("worker.log").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_every_option_runs_and_its_name_is_the_variants(name, run_cells):
    ran = run_cells(name, DRAIN, concurrency=[2])
    (trial,) = ran.trials
    assert (trial["status"], trial["variant"]) == ("ok", name)
    assert ran.failed_checks() == set()
    assert set(ran.tables.summary["variant"]) == {name}


@pytest.mark.parametrize(("options", "told"), [("", 40), ("+warning-log", 0)])
def test_a_quiet_log_says_nothing_of_a_task(options, told, run_cells):
    ran = run_cells(f"celery:solo{options}", DRAIN)
    assert ran.trials[0]["status"] == "ok"
    assert worker_log(ran).count("succeeded in") == told


def test_arq_looks_more_often(run_cells):
    """At one slot a task starts per look: two a second by default."""
    ran = run_cells("arq+fast-poll", 'scenario = "add"; load = "drain"; tasks = 20')
    assert ran.value("throughput_tasks_per_s") > 6


@pytest.mark.parametrize(
    ("options", "module", "shown", "expected"),
    [
        ("prefetch-1", "celery.app", "app.conf.worker_prefetch_multiplier", "1"),
        ("warning-log+prefetch-64", "celery.app", "app.conf.worker_prefetch_multiplier", "64"),
        ("", "celery.app", "app.conf.worker_prefetch_multiplier", "4"),
        ("winloop", "celery.app", "app.IS_WINDOWS", "True"),
        ("early-ack", "celery.app", "app.conf.task_acks_late", "False"),
        ("no-results", "celery.app", "app.conf.task_ignore_result", "True"),
        ("fast-poll", "arq.worker", "WorkerSettings.poll_delay", "0.05"),
        ("hiredis", "floor.queue", "redis.connection._parser.__class__.__name__", "_HiredisParser"),
        ("", "floor.queue", "redis.connection._parser.__class__.__name__", "_RESP3Parser"),
        ("preload", "rq.worker_config", "'backends.rq.tasks' in sys.modules", "True"),
        ("", "rq.worker_config", "'backends.rq.tasks' in sys.modules", "False"),
    ],
)
def test_what_an_option_sets_is_set(
    options, module, shown, expected, server, environment_of, tmp_path
):
    folder = module.partition(".")[0]
    code = f"import sys; from backends.{module} import *; import backends.{module} as m"
    name = shown.partition(".")[0]
    bound = f"{name} = m.{name}; " if name.isidentifier() else ""
    done = subprocess.run(
        [environment_of(all_backends()[folder]).python, "-c", f"{code}; {bound}print({shown})"],
        cwd=ROOT,
        env=processes.clean_environment(
            {
                "BENCH_REDIS_URL": server.url,
                "BENCH_NAMESPACE": "ns",
                "BENCH_OWN_DATABASE": "1",
                "BENCH_OPTIONS": options,
                "BENCH_EVENTS": str(tmp_path),
                "BENCH_CONCURRENCY": "1",
            }
        ),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout.strip() == expected, done.stderr


def test_without_results_nothing_is_kept_and_nobody_waits_for_any(run_cells):
    """What ``redis_commands_per_task:set`` counts are results."""
    kept = run_cells("celery:solo", DRAIN)
    none = run_cells("celery:solo+no-results", DRAIN)
    assert none.trials[0]["status"] == "ok"
    assert none.failed_checks() == set()
    assert none.trials[0]["took_s"] < kept.trials[0]["took_s"] + 5
    assert kept.value("redis_commands_per_task:setex") == pytest.approx(1, abs=0.1)
    assert "redis_commands_per_task:setex" not in set(none.tables.summary["metric"])


def test_two_processes_share_the_threads(run_cells):
    ran = run_cells("dramatiq+processes-2", DRAIN, concurrency=[4])
    facts = json.loads(ran.lease_file("lease.json").read_text(encoding="utf-8"))
    assert facts["commands"][0][-4:] == ["-p", "2", "-t", "2"]
    assert worker_log(ran).count("Worker process is ready for action.") == 2


@pytest.mark.parametrize("backend", [b for b in all_backends().values() if b.distribution])
def test_a_backends_parser_is_the_one_that_its_environment_brings(backend, environment_of):
    """The floor's brings the faster one for its option, and says for each which it takes."""
    code = "from redis.utils import HIREDIS_AVAILABLE; print(HIREDIS_AVAILABLE)"
    python = environment_of(backend).python
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S)
    parsers = {backend.parser, *(option.parser for option in backend.options)}
    assert done.stdout.strip() == str("hiredis" in parsers), done.stderr
