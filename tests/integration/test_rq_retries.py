"""rq hands a scheduled job over up to a second before it is due: shown by its own API alone.

Seen with rq 3.0.0. Should this fail one day, rq has mended it: then remove this file and the known
defect in ``backends/rq/__init__.py``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from support import PATIENCE_S

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="rq is not offered there"),
]

#: A retry is scheduled in the same way (``Job.retry``, ``Queue.schedule_job``).
SCHEDULED = """
import sys
from datetime import datetime, timezone
from redis import Redis
from rq import Queue

queue = Queue("late", connection=Redis.from_url(sys.argv[1]))
due = datetime(2040, 1, 1, 0, 0, 5, 900_000, tzinfo=timezone.utc)
job = queue.enqueue_at(due, "operator.add", 1, 2)
for early_s in (1, 0):
    looks_at = int(due.timestamp()) - early_s
    print(job.id in queue.scheduled_job_registry.get_jobs_to_schedule(timestamp=looks_at))
"""


def test_a_job_due_in_the_middle_of_a_second_is_handed_over_at_its_start(
    library_alone: Callable[[str], tuple[str, str]],
) -> None:
    python, url = library_alone("rq")
    done = subprocess.run(
        [python, "-c", SCHEDULED, url], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["False", "True"]
