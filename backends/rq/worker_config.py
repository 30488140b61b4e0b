"""RQ's configuration module, ``--config backends.rq.worker_config``: keeps the URL off argv."""

from __future__ import annotations

from backends.kit import recorder, task  # noqa: F401  (loaded here, for the forks to inherit)
from backends.kit.settings import namespace, option, redis_url, require_installed
from scenarios import workload  # noqa: F401  (as above)

# A fork imports the task's module anew for each job (``backends.rq.tasks``), as a user's does.
# What that imports of ours would be paid for each time too, and no user has it: it is loaded here.
# So would a file for the events of each job.
recorder.share()

require_installed("rq")

if namespace():
    from rq.group import Group

    # A lock of all workers on the server, in no key of the lease's; RQ before 3.0 has none.
    Group.REDIS_GROUP_CLEANING_KEY = f"rq:clean_groups:{namespace()}"

if option("preload"):
    from backends.rq import tasks  # noqa: F401  (as above)

REDIS_URL = redis_url()
QUEUES = [namespace() or "default"]
