"""The worker, ``python -m backends.floor.worker``: takes the oldest task, runs it, and so on."""

from __future__ import annotations

import json
import logging

from backends.floor import tasks
from backends.floor.queue import KEY, redis
from backends.kit.stopping import on_signals

#: An idle worker looks up from the list so often, to see whether it shall stop.
WAIT_S = 0.5

_log = logging.getLogger("floor")


def main() -> None:
    """Run until asked to stop; the task in progress is finished first."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = on_signals()
    redis.ping()
    _log.info("floor worker ready")
    while not stop.asked:
        taken = redis.blpop(KEY, WAIT_S)
        if taken is not None:
            name, kwargs = json.loads(taken[1])
            try:
                getattr(tasks, name)(**kwargs)
            except Exception:
                _log.exception("task %s failed", name)
    redis.close()


if __name__ == "__main__":
    main()
