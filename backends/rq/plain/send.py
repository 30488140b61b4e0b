"""Enqueue so many jobs and stay connected, as a caller would: ``python send.py COUNT``."""

import os
import sys

from redis import Redis
from rq import Queue
from tasks import add

count = int(sys.argv[1])
queue = Queue(connection=Redis.from_url(os.environ["REDIS_URL"]))
jobs = [queue.enqueue(add, x=n, y=n, result_ttl=3600, failure_ttl=3600) for n in range(count)]
print(f"sent {count}", flush=True)
sys.stdin.read()
