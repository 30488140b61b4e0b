from __future__ import annotations

from bench.report.endings import endings

CODE_1 = "asked to stop, the worker ended with exit code 1"
SIGNAL = "asked to stop, the scheduler ended with signal 15"


def lease(variant, *abnormal, stopped="gracefully"):
    return {"variant": variant, "stopped": stopped, "abnormal_stops": list(abnormal)}


def test_ends_in_disorder_are_told_by_variant_and_way():
    leases = [
        *(lease("quick"), lease("quick", CODE_1, CODE_1), lease("quick", CODE_1, SIGNAL)),
        *(lease("slow"), lease("slow:base", stopped="killed")),
    ]
    assert endings(leases) == [
        f"quick: {SIGNAL}, in 1 of 3 leases",
        f"quick: {CODE_1}, in 2 of 3 leases",
    ]


def test_leases_of_older_versions_tell_nothing():
    assert endings([{"variant": "quick", "stopped": "gracefully", "exit_codes": [1]}]) == []
    assert endings([]) == []


def test_an_end_on_the_spot_is_of_those_that_were_asked():
    cut = "asked to stop, the worker ended on the spot with all that it did, exit code 0xC000013A"
    told = endings([lease("arq", cut, stopped="on the spot"), lease("arq")])
    assert told == [f"arq: {cut}, in 1 of 2 leases"]
