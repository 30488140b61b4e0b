"""A dramatiq program as its user writes it: ``dramatiq tasks``."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

broker = RedisBroker(url=os.environ["REDIS_URL"])
backend = RedisBackend(url=os.environ["REDIS_URL"])
broker.add_middleware(Results(backend=backend, result_ttl=3_600_000))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def add(x, y):
    return x + y
