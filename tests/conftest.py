"""Fixtures shared by all tests; the server and the environments are made on first use only."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import OUTSIDE_REDIS, Ran, redis_with_password, run_profile, write_profile

from backends import all_backends, choose
from backends.spec import Backend
from bench.errors import RedisError
from bench.plan.cells import LeasePlan
from bench.record.store import create_run
from bench.server import redis_server
from bench.server.redis_server import Server
from bench.system import processes
from bench.workers import environments
from bench.workers.environments import Environment
from bench.workers.lease import Lease

UNIT = Path(__file__).parent / "unit"

#: Processes that share the tests: more than half of their time is waiting for workers and servers.
TEST_PROCESSES = 3

#: Groups that take long, the longest first: what is begun late is waited for by idle processes.
LONG = ("abilities", "killed runs", "grown tree", "resume refused")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Whole folders are shared; a file's tests run here, where they can be debugged, and so do
    benchmarks, which are not among the suites. Two processes would empty each other's databases
    of an outside server."""
    suites = [config.rootpath / name for name in config.getini("testpaths")]
    asked = [config.invocation_params.dir / name.partition("::")[0] for name in config.args]
    shared = all(p.is_dir() and any(p.is_relative_to(suite) for suite in suites) for p in asked)
    return TEST_PROCESSES if shared and OUTSIDE_REDIS not in os.environ else 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file of the unit suite is not divided: to hand out each test alone takes longer. And what
    takes long is begun first."""
    for item in items:
        if item.path.is_relative_to(UNIT):
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(UNIT).as_posix()))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    groups = {mark.args[0] for mark in item.iter_markers("xdist_group")}
    return next((turn for turn, name in enumerate(LONG) if name in groups), len(LONG))


@pytest.fixture(scope="session")
def server_program() -> Path:
    """The embedded server's program."""
    try:
        return redis_server.find_binary()
    except RedisError as error:
        if os.environ.get("CI") and OUTSIDE_REDIS not in os.environ:
            pytest.fail(f"CI must not skip: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def token() -> str:
    """The token that every process of the tests' own leases carries."""
    return f"tqb-test-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def any_server(request: pytest.FixtureRequest) -> None:
    """What ``bench run`` finds by itself: an embedded server or the outside one."""
    if OUTSIDE_REDIS not in os.environ:
        request.getfixturevalue("server_program")


@pytest.fixture(scope="session")
def server(
    any_server: None, token: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for all tests, emptied by them; what their leases left running ends with it.

    It is the one at ``BENCH_TEST_REDIS_URL``, which nobody else may use, or an embedded one.
    """
    try:
        if url := os.environ.get(OUTSIDE_REDIS):
            with redis_server.external(url) as ours:
                yield replace(ours, embedded=True)  # each lease has a database of it for itself
        else:
            with redis_server.embedded(token, tmp_path_factory.mktemp("server")) as started:
                yield started
    finally:
        processes.kill_carrying(token)


@pytest.fixture(scope="session")
def environment_of() -> Callable[[Backend], Environment]:
    """Gives a backend's environment, made if need be."""

    def environment_of(backend: Backend) -> Environment:
        env = environments.environment(backend)
        environments.make(env)
        return env

    return environment_of


@pytest.fixture(scope="session")
def open_lease(
    server: Server, token: str, environment_of: Callable[[Backend], Environment]
) -> Callable[..., Lease]:
    """Gives a real lease, not yet entered, for a plan."""

    def open_lease(
        plan: LeasePlan, folder: Path, kind: type[Lease] = Lease, at: Server = server
    ) -> Lease:
        return kind(
            plan,
            lease_id=plan.id,
            run=create_run(folder / "results", "test"),
            server=at,
            env=environment_of(plan.choice.backend),
            token=token,
            scratch=folder / "scratch",
        )

    return open_lease


@pytest.fixture
def run_cells(
    server: Server,
    token: str,
    tmp_path: Path,
    environment_of: Callable[[Backend], Environment],
) -> Callable[..., Ran]:
    """Runs a small profile in this process: ``run_cells("fake:loses", "scenario = ...; ...")``."""

    def run_cells(variants: str, *cells: str, **keys: object) -> Ran:
        for name in variants.split():
            environment_of(choose(name)[0].backend)
        profile = write_profile(tmp_path / "small.toml", *cells, variants=variants, **keys)
        return run_profile(profile, server, tmp_path, token)

    return run_cells


@pytest.fixture
def made_environments(environment_of: Callable[[Backend], Environment]) -> Callable[..., None]:
    """Makes the environments that a run in a process of its own needs."""

    def made_environments(*variants: str) -> None:
        for name in variants:
            environment_of(choose(name)[0].backend)

    return made_environments


@pytest.fixture
def library_alone(
    server_program: Path, tmp_path: Path, environment_of: Callable[[Backend], Environment]
) -> Iterator[Callable[[str], tuple[str, str]]]:
    """To show what a library does by its own API: the interpreter that has it, and the URL of a
    server that nobody else uses."""
    with contextlib.ExitStack() as stack:

        def library_alone(backend: str) -> tuple[str, str]:
            port = stack.enter_context(redis_with_password("p4ss", tmp_path / "server"))
            python = environment_of(all_backends()[backend]).python
            return str(python), f"redis://:p4ss@127.0.0.1:{port}/0"

        yield library_alone
