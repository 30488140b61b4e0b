"""A small process that outlives the harness and ends what it started, should it be killed.

``python -m bench.run.guard TOKEN FOLDER`` waits until its stdin closes: that happens when the
harness ends, in whatever way. Then it kills every process that carries the run's token or works
in the temporary folder, and removes that. From a server that is not ours (``BENCH_GUARD_REDIS``)
it removes the keys that the run's leases have left.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

from bench.system import scratch
from bench.system.places import ROOT
from bench.system.processes import clean_environment, start

URL_VARIABLE = "BENCH_GUARD_REDIS"


class Guard:
    """The harness's end of the guard: closing it is all there is to do."""

    def __init__(self, token: str, folder: Path, redis_url: str | None = None) -> None:
        self._process = start(
            [sys.executable, "-m", "bench.run.guard", token, folder],
            env=clean_environment({URL_VARIABLE: redis_url} if redis_url else {}),
            cwd=ROOT,
            log=subprocess.DEVNULL,
            stdin=subprocess.PIPE,
            apart=True,
        )

    def close(self) -> None:
        """Let the guard end whatever is left, and wait for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait(30)


def main(token: str, folder: str) -> None:
    """Wait for the end of stdin, then clean up."""
    sys.stdin.buffer.read()
    scratch.clear(token, Path(folder))
    if url := os.environ.get(URL_VARIABLE):
        sweep(url, token)


def sweep(url: str, token: str) -> None:
    """Remove the keys of every lease of the run from the server at ``url``."""
    import redis

    from backends import all_backends

    with contextlib.suppress(redis.RedisError), redis.Redis.from_url(url) as client:
        # A lease's namespace begins with the run's token: see bench.workers.lease.
        keys = b" ".join(client.scan_iter(match=f"*{token}*", count=1000)).decode(errors="replace")
        for namespace in set(re.findall(rf"{token}-\d+-[0-9a-f]{{4}}", keys)):
            for backend in all_backends().values():
                backend.sweep(client, namespace)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
