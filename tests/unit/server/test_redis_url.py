from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager

import pytest
import redis

from bench.errors import BenchError, RedisError, UsageError
from bench.server import redis_server
from bench.server.redis_server import Server, external, find_binary
from bench.server.url import mask_url, secrets_of

# --- what may be shown -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://localhost", "redis://localhost"),
        ("redis://[::1]:6379/1", "redis://[::1]:6379/1"),
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://me:secret@host:6379/0", "rediss://me:***@host:6379/0"),
        ("redis://me:secret@[::1]:6379", "redis://me:***@[::1]:6379"),
        ("redis://:se@cr@et@host/0", "redis://:***@host/0"),
        ("redis://:se:cr:et@host/0", "redis://:***@host/0"),
        ("redis://:s%40cret%2f@host/0", "redis://:***@host/0"),
        ("redis://secret:secret@secret/0", "redis://secret:***@secret/0"),
        ("redis://:@host/0", "redis://:***@host/0"),
        ("redis://host/0?password=secret", "redis://host/0?password=***"),
        ("redis://host/0?db=1&password=s&a=b", "redis://host/0?db=1&password=***&a=b"),
        ("redis://:one@host/0?password=two", "redis://:***@host/0?password=***"),
        # Where it cannot be taken apart nothing of it is shown.
        ("redis://:sec/ret@host:6379/0", "***"),
        ("redis://:sec#ret@host:6379/0", "***"),
        ("redis://:sec?ret@host:6379/0", "***"),
        ("redis://:sec[ret@host:6379/0", "***"),
        ("redis://secret@host:6379/0", "***"),
        (":secret@host:6379", "***"),
        ("redis:secret@host", "***"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert mask_url(url) == shown


SPECIAL = "@/:?#[]%&=\\ "


@pytest.mark.parametrize(("one", "two"), [(a, b) for a in SPECIAL for b in SPECIAL])
@pytest.mark.parametrize(
    "form", ["redis://:{}@h", "redis://me:{}@[::1]:1/0", "redis://h?password={}"]
)
def test_no_part_of_a_password_is_shown_whatever_is_left_unescaped_in_it(form, one, two):
    url = form.format(f"aaa{one}bbb{two}ccc")
    if url.count("&"):
        url = url.replace("?password=aaa&bbb", "?password=aaabbb").replace("&ccc", "ccc")
    shown = mask_url(url)
    assert [part for part in ("aaa", "bbb", "ccc") if part in shown] == []


@pytest.mark.parametrize(("one", "two"), [(a, b) for a in SPECIAL for b in SPECIAL])
def test_no_part_of_a_password_is_told_when_its_url_cannot_be_used(one, two):
    with pytest.raises(BenchError) as caught, external(f"redis://:aaa{one}bbb{two}ccc@127.0.0.1:1"):
        pytest.fail("there is no server")
    assert [part for part in ("aaa", "bbb", "ccc") if part in str(caught.value)] == []


@pytest.mark.parametrize(
    "argument", ["foo=bar", "decode_responses=True", "db=x", "password=p&foo=1"]
)
def test_an_argument_that_is_of_no_use_is_told(argument):
    message = told(f"redis://127.0.0.1:1/0?{argument}", UsageError)
    assert message.startswith("not a Redis URL")
    assert any(word in message for word in ("'foo'", "decode_responses", "'db'"))


@pytest.mark.parametrize(
    ("url", "spellings"),
    [
        ("redis://host:6379/0", set()),
        ("redis://me@host:6379/0", set()),
        ("redis://:@host:6379/0", set()),
        ("redis://:secret@host", {"secret"}),
        ("redis://me:secret@host", {"secret"}),
        ("redis://:se@ret@host", {"se@ret", "se%40ret"}),
        ("redis://:se%40ret@host", {"se@ret", "se%40ret"}),
        ("redis://:se%2fret@host", {"se/ret", "se%2fret", "se%2Fret"}),
        ("redis://:a%25b@host", {"a%25b", "a%b"}),
        ("redis://host/0?password=s%40t", {"s@t", "s%40t"}),
        ("redis://:one@host/0?password=two", {"one", "two"}),
        ("redis://:sec[ret@host", set()),
    ],
)
def test_every_spelling_of_the_password_is_known(url, spellings):
    assert set(secrets_of(url)) == spellings
    assert len(secrets_of(url)) == len(spellings)


def test_the_longest_spelling_is_replaced_first():
    lengths = [len(spelling) for spelling in secrets_of("redis://:se%2fret@host")]
    assert lengths == sorted(lengths, reverse=True) == [8, 8, 6]


def test_a_server_shows_its_url_masked():
    server = Server("redis://:secret@127.0.0.1:1/0", embedded=True, facts={})
    assert server.masked_url == "redis://:***@127.0.0.1:1/0"


# --- what is no server -----------------------------------------------------------------------


def told(url, error=RedisError):
    with pytest.raises(error) as caught, external(url):
        pytest.fail("there is no server")
    return str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://host:6379", "redis:host", "unix:///tmp/redis.sock"]
)
def test_what_is_no_redis_url_is_told_with_what_is(url):
    assert told(url, UsageError) == (
        f"not a Redis URL: {url!r}: expected redis://[:password@]host[:port][/db]"
    )


def test_a_url_of_something_else_is_told_without_its_password():
    message = told("http://me:secret@host", UsageError)
    assert message.startswith("not a Redis URL: 'http://me:***@host': ")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://host:notaport/0", "Port could not be cast"),
        ("redis://host:99999/0", "Port out of range"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_with_the_reason(url, reason):
    assert told(url, UsageError).startswith(f"not a Redis URL: '{url}': {reason}")


@pytest.mark.parametrize("url", ["redis://:sec/ret@host:1/0", "redis://:sec[ret@host:1/0"])
def test_a_password_that_breaks_its_url_is_not_quoted_as_the_reason(url):
    message = told(url, UsageError)
    assert "sec" not in message
    assert "%-encoded" in message


def test_a_port_where_nobody_listens_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        message = told(f"redis://:secret@127.0.0.1:{port}/0")
    assert message.startswith(f"no Redis at redis://:***@127.0.0.1:{port}/0 (")
    assert "start it, or leave --redis-url and REDIS_URL out" in message
    assert "secret" not in message


@contextmanager
def answering(words: bytes):
    """A server that says the same to whoever connects and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(words)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_server_that_is_no_redis_is_told(words):
    with answering(words) as port:
        message = told(f"redis://127.0.0.1:{port}/0")
    assert re.match(
        rf"what answers at redis://127.0.0.1:{port}/0 is not (a usable )?Redis", message
    )


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (redis.AuthenticationError("invalid secret"), "the Redis at redis://:***@host refused"),
        (redis.TimeoutError("timed out"), "no answer from redis://:***@host within 3 s"),
        (redis.ConnectionError("refused secret"), "no Redis at redis://:***@host (refused ***)"),
        (redis.ResponseError("unknown"), "the Redis at redis://:***@host does not serve INFO"),
        (redis.InvalidResponse("b"), "what answers at redis://:***@host is not Redis"),
    ],
)
def test_each_way_to_fail_is_one_line_without_the_password(monkeypatch, error, start):
    class Broken:
        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def info(self):
            raise error

    monkeypatch.setattr(redis.Redis, "from_url", lambda *args, **kwargs: Broken())
    message = told("redis://:secret@host")
    assert message.startswith(start)
    assert "secret" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("info", "name", "version", "mode"),
    [
        ({"redis_version": "7.2.4", "redis_mode": "standalone"}, "redis", "7.2.4", "standalone"),
        (
            {"redis_version": "7.2.4", "valkey_version": "9.0.1", "server_mode": "standalone"},
            *("valkey", "9.0.1", "standalone"),
        ),
        ({"server_name": "keydb", "redis_version": "6.3"}, "keydb", "6.3", "unknown"),
        ({}, "redis", "unknown", "unknown"),
    ],
)
def test_a_server_says_what_it_is(monkeypatch, info, name, version, mode):
    class Answering(dict):
        def __enter__(self):
            return self

        def __exit__(self, *args):
            pass

        def info(self):
            return info

    monkeypatch.setattr(redis.Redis, "from_url", lambda *args, **kwargs: Answering())
    with external("redis://host") as server:
        found = [server.facts[key] for key in ("name", "version", "mode")]
        assert found == [name, version, mode]
        assert (server.url, server.embedded) == ("redis://host", False)


# --- the embedded server's program -----------------------------------------------------------


def test_a_chosen_program_that_does_not_exist_is_told():
    with pytest.raises(UsageError, match=r"^--redis-server /no/such: no such program$"):
        find_binary("/no/such")


def test_without_any_program_it_is_told_how_to_get_one(monkeypatch):
    monkeypatch.setattr(redis_server, "find_spec", lambda name: None)
    monkeypatch.setattr(redis_server.shutil, "which", lambda name: None)
    with pytest.raises(RedisError, match=re.escape("docker compose up -d")):
        find_binary()


def test_a_program_on_path_is_found_where_no_wheel_brings_one(monkeypatch):
    monkeypatch.setattr(redis_server, "find_spec", lambda name: None)
    only = {"redis-server": "/usr/bin/redis-server"}
    monkeypatch.setattr(redis_server.shutil, "which", only.get)
    assert find_binary().name == "redis-server"


def test_a_port_in_use_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=rf"^--redis-port {port}: the port is in use or not"):
            redis_server._check_free(port)
