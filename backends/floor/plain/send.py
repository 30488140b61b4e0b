"""Put so many tasks on the list and stay connected: ``python send.py COUNT``."""

import json
import os
import sys

from redis import Redis
from redis.connection import _RESP2Parser

count = int(sys.argv[1])
redis = Redis.from_url(
    os.environ["REDIS_URL"], single_connection_client=True, parser_class=_RESP2Parser
)
for n in range(count):
    redis.rpush("queue", json.dumps(["add", {"x": n, "y": n}]))
print(f"sent {count}", flush=True)
sys.stdin.read()
