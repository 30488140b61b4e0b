"""The ways to misbehave, as flags: worker and producer read these and never a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Behaviour:
    """What to do wrong; the defaults do all of it right.

    A field ``..._every`` is n: it is done to the jobs whose row id is a multiple of n, so the same
    run misbehaves in the same way each time. 0 is never.
    """

    name: str
    summary: str
    nominal_tasks_per_s: float = 5000.0
    loses_every: int = 0
    runs_twice_every: int = 0
    #: Before these jobs the whole worker pauses, once a job.
    pauses_every: int = 0
    pause_s: float = 1.5
    #: These jobs start and never end.
    sticks_every: int = 0
    #: These results are off by one as stored for the caller.
    wrong_result_every: int = 0
    #: These additions are given a wrong argument.
    wrong_work_every: int = 0
    #: These additions take ``slow_s`` more.
    slow_every: int = 0
    slow_s: float = 0.05
    #: All additions of a trial take 0, 1 or 2 times this more, by the trial's number.
    jitter_s: float = 0.0
    #: The producer refuses these, by the number of the send.
    refuses_every: int = 0
    #: The worker process ends without a word at this many job starts.
    crashes_at: int = 0
    newest_first: bool = False
    max_retries: int = 3
    #: A retry comes after the requested delay times this factor, plus ``delay_extra_s``.
    delay_factor: float = 1.0
    delay_extra_s: float = 0.0
    stores_outcomes: bool = True
    #: A task that failed for good is stored as succeeded.
    hides_failures: bool = False
    becomes_ready: bool = True
    dies_at_start: bool = False
    #: Ignores signals to stop, and so does a child process it has.
    ignores_stop: bool = False
    logs_redis_url: bool = False


def every(n: int, number: int) -> bool:
    """Whether ``number`` is one of the n-th ones; none are where ``n`` is 0."""
    return n > 0 and number % n == 0


_ALL = (
    Behaviour("honest", "does everything right"),
    Behaviour("loses", "takes every 7th job off the queue without running it", loses_every=7),
    Behaviour("duplicates", "runs every 7th job twice", runs_twice_every=7),
    Behaviour(
        "stalls",
        "pauses 1.5 s before every 20th job while tasks wait",
        nominal_tasks_per_s=13,
        pauses_every=20,
    ),
    Behaviour("reorders", "takes the newest job first", newest_first=True),
    Behaviour("early", "retries after half the requested delay", delay_factor=0.5),
    Behaviour("persistent", "retries once more than allowed", max_retries=4),
    Behaviour("gives-up", "retries only once", max_retries=1),
    Behaviour("wrong-result", "hands every 7th caller a result off by one", wrong_result_every=7),
    Behaviour("wrong-work", "runs every 7th addition with a wrong argument", wrong_work_every=7),
    Behaviour("silent", "stores neither results nor failures", stores_outcomes=False),
    Behaviour("late", "retries 2 s later than requested", delay_extra_s=2.0),
    Behaviour("optimist", "reports tasks that failed for good as succeeded", hides_failures=True),
    Behaviour("refuses", "raises on every 7th send", refuses_every=7),
    Behaviour("crashes", "exits with code 3 at the worker's 10th job start", crashes_at=10),
    Behaviour("unready", "runs but never says ready nor takes a job", becomes_ready=False),
    Behaviour("dies", "exits at once with an error message and code 1", dies_at_start=True),
    Behaviour("lingers", "ignores signals to stop, as does its child", ignores_stop=True),
    Behaviour(
        "skewed",
        "takes 50 ms more for every 5th addition",
        nominal_tasks_per_s=90,
        slow_every=5,
    ),
    Behaviour(
        "jittery",
        "takes 0, 30 or 60 ms more for the additions of a trial",
        nominal_tasks_per_s=20,
        jitter_s=0.03,
    ),
    Behaviour("stuck", "never ends every 7th job", sticks_every=7),
    Behaviour("leaky-log", "logs the URL of Redis, password included", logs_redis_url=True),
)

BEHAVIOURS = {behaviour.name: behaviour for behaviour in _ALL}
