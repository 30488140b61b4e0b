"""The least worker: take, add, again."""

import json
import os

from redis import Redis
from redis.connection import _RESP2Parser


def add(x, y):
    return x + y


redis = Redis.from_url(
    os.environ["REDIS_URL"], single_connection_client=True, parser_class=_RESP2Parser
)
redis.ping()
print("floor worker ready", flush=True)
while True:
    _, message = redis.blpop("queue")
    name, kwargs = json.loads(message)
    globals()[name](**kwargs)
