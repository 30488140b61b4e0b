"""RQ's configuration module, ``--config backends.rq.worker_config``: keeps the URL off argv."""

from __future__ import annotations

from backends.kit.settings import namespace, redis_url

REDIS_URL = redis_url()
QUEUES = [namespace()]
