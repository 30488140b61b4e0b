"""RQ's settings as its user writes them: ``rq worker-pool -c worker_config``."""

import os

REDIS_URL = os.environ["REDIS_URL"]
QUEUES = ["default"]
