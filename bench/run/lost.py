"""What can end a run from outside, told in a line that says how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from bench.errors import RedisError
from bench.record.store import RunFolder, disk_errors
from bench.server.redis_server import Server
from bench.system.words import quoted


@contextmanager
def losses_told(folder: RunFolder, server: Server) -> Iterator[None]:
    """Within it a run goes on.

    Raises:
        DiskFull: no space left; what was finished is kept.
        RedisError: the server is gone; what was finished is kept.
    """
    with disk_errors(folder.path, begun=True):
        try:
            yield
        except redis.RedisError as error:
            raise RedisError(
                f"lost the Redis at {server.masked_url} ({error}): finished trials are kept; "
                f"start the server and go on with: bench run --resume {quoted(folder.path)}"
            ) from None
