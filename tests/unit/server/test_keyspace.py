"""A lease's keys: a whole database where the server is ours, a namespace at a URL."""

from __future__ import annotations

import pytest

from bench.server.databases import COUNT, Databases
from bench.server.keyspace import Keyspace
from bench.server.redis_server import Server

URL = "redis://:secret@127.0.0.1:1/0"


class Redis:
    """As much of a client as clearing needs; ``late`` keys arrive after the first clearing."""

    def __init__(self, *keys, late=()):
        self.keys = set(keys)
        self.late = set(late)
        self.flushed = 0

    def flushdb(self):
        self.flushed += 1
        self.keys, self.late = self.late, set()

    def scan_iter(self, match="*", count=0):
        return iter([key for key in self.keys if match.strip("*").encode() in key])

    def unlink(self, *keys):
        self.keys -= set(keys)


class Sweeping:
    def sweep(self, redis, namespace):
        redis.unlink(*redis.scan_iter(f"*{namespace}*"))


def test_leases_on_our_own_server_have_different_databases_and_no_namespace():
    server = Server(URL, embedded=True, facts={})
    first, second = Keyspace(server, "a"), Keyspace(server, "b")
    assert [k.server.url[-2:] for k in (first, second)] == ["/0", "/1"]
    assert (first.namespace, second.namespace) == (None, None)
    assert first.variables == {
        "BENCH_REDIS_URL": URL,
        "BENCH_NAMESPACE": "a",
        "BENCH_OWN_DATABASE": "1",
    }
    first.release()
    first.release()
    assert Keyspace(server, "c").server.url.endswith("/0")
    assert Keyspace(server, "d").server.url.endswith("/2")


def test_at_a_url_a_lease_has_a_namespace_in_the_database_of_the_url():
    server = Server(URL + "7", embedded=False, facts={})
    keys = Keyspace(server, "a")
    assert (keys.server, keys.namespace) == (server, "a")
    assert keys.variables == {"BENCH_REDIS_URL": URL + "7", "BENCH_NAMESPACE": "a"}


def test_a_database_is_emptied_and_what_comes_late_as_well():
    keys = Keyspace(Server(URL, embedded=True, facts={}), "a")
    redis = Redis(b"celery", b"of-nobody", late={b"late"})
    assert keys.clear(redis, Sweeping()) == []
    assert (redis.flushed, redis.keys) == (2, set())


def test_a_database_that_was_given_back_is_not_emptied_any_more():
    """By then it may be another lease's."""
    keys = Keyspace(Server(URL, embedded=True, facts={}), "a")
    keys.release()
    redis = Redis(b"of-another")
    assert keys.clear(redis, Sweeping()) == []
    assert redis.keys == {b"of-another"}


def test_what_an_earlier_lease_left_is_removed_before_and_strangers_keys_are_not():
    redis = Redis(b"left")
    Keyspace(Server(URL, embedded=False, facts={}), "a").prepare(redis)
    assert redis.keys == {b"left"}
    Keyspace(Server(URL, embedded=True, facts={}), "a").prepare(redis)
    assert redis.keys == set()


def test_among_others_only_the_leases_keys_are_removed_and_what_stays_is_told():
    keys = Keyspace(Server(URL, embedded=False, facts={}), "ns")
    redis = Redis(b"ns:queue", b"other")
    assert keys.clear(redis, Sweeping()) == []
    assert redis.keys == {b"other"}

    class Forgetting:
        def sweep(self, redis, namespace):
            pass

    redis = Redis(b"ns:queue")
    assert keys.clear(redis, Forgetting()) == ["ns:queue"]


def test_there_are_so_many_databases_and_no_more():
    databases = Databases()
    assert [databases.take() for _ in range(COUNT)] == list(range(COUNT))
    with pytest.raises(ValueError, match="empty"):
        databases.take()
    databases.give_back(3)
    assert databases.take() == 3
