"""One stall, event by event: a line per slot, the tasks on it, and the time without a start.

What surrounds a stall takes milliseconds, the stall seconds: its own time is drawn shorter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.analysis.stalled import TracedStall
from bench.report.pictures import svg
from bench.report.wording import number, plural

LEFT = 84.0
RIGHT = svg.WIDTH - 24.0
TOP = 66.0
#: Kept free above the lines, for what is said of the stall.
TOLD = 40.0
LANE = 22.0
#: The stall itself is so wide, whatever its length.
STALL = 190.0
#: Of more slots only these are drawn.
MOST = 12
#: A bar is never narrower, so that the shortest task is seen.
THIN = 1.5
SHADE = "#f3e3d3"


def picture(stall: TracedStall, title: str, subtitle: str) -> str:
    """The stall as a shaded band, over time in s since it began."""
    used = max((bar.slot + 1 for bar in stall.bars), default=1)
    lanes = min(max(used, stall.slots), MOST)
    top = TOP + TOLD
    floor = top + LANE * (lanes + 1)
    body = [
        *_band(stall, top, floor),
        *_lanes(lanes, top),
        *_sent(stall, top),
        *_bars(stall, lanes, top),
        *_axis(stall, floor),
        *_legend(floor + 62),
    ]
    return svg.document(title, subtitle, floor + 80, body)


def _x(stall: TracedStall, ms: float) -> float:
    """Where a time lies; what lies beyond the picture lies at its edge."""
    scale = _scale(stall)
    begin = LEFT - stall.from_ms * scale
    if ms <= 0:
        return max(begin + ms * scale, LEFT)
    if ms < stall.lasted_ms:
        return begin + ms / stall.lasted_ms * STALL
    return min(begin + STALL + (ms - stall.lasted_ms) * scale, RIGHT)


def _scale(stall: TracedStall) -> float:
    """Of what surrounds the stall, in units of the picture per ms."""
    return (RIGHT - LEFT - STALL) / (stall.to_ms - stall.lasted_ms - stall.from_ms)


def _band(stall: TracedStall, top: float, floor: float) -> Iterator[str]:
    begin, end = _x(stall, 0), _x(stall, stall.lasted_ms)
    yield svg.box(begin, top - 6, end - begin, floor - top + 6, SHADE)
    middle = (begin + end) / 2
    told = f"{number(stall.lasted_ms / 1e3)} s without a start"
    yield svg.text(middle, top - 28, told, anchor="middle", weight=600)
    told = f"{plural(stall.waiting, 'task')} waiting, {stall.free} of {plural(stall.slots, 'slot')}"
    yield svg.text(middle, top - 12, f"{told} free", anchor="middle", colour=svg.FAINT)


def _lanes(lanes: int, top: float) -> Iterator[str]:
    for lane in range(lanes + 1):
        y = top + LANE * (lane + 0.5)
        name = f"slot {lane}" if lane else "sent"
        yield svg.text(LEFT - 10, y + 4.5, name, anchor="end", colour=svg.FAINT)
        yield svg.line([(LEFT, y), (RIGHT, y)], svg.GRID)


def _sent(stall: TracedStall, top: float) -> Iterator[str]:
    places = dict.fromkeys(round(_x(stall, ms), 1) for ms in stall.sent_ms)
    for x in places:
        yield svg.line([(x, top + 4), (x, top + LANE - 4)], svg.PARTS[3])
    if not places:
        told = "all that wait were sent before"
        yield svg.text(LEFT + 4, top + LANE / 2 - 2, told, colour=svg.FAINT, size=12)


def _bars(stall: TracedStall, lanes: int, top: float) -> Iterator[str]:
    for bar in stall.bars:
        if bar.slot >= lanes:
            continue
        y = top + LANE * (bar.slot + 1)
        begin, end = _x(stall, bar.start_ms), _x(stall, bar.end_ms)
        width = max(end - begin, THIN)
        yield svg.box(begin, y + 4, width, LANE - 8, svg.PARTS[0])
        if bar.start_ms >= stall.from_ms:
            yield svg.line([(begin, y + 1), (begin, y + LANE - 1)], svg.PARTS[2], width=1.5)
        if bar.end_ms <= stall.to_ms:
            yield svg.line([(begin + width, y + 1), (begin + width, y + LANE - 1)], svg.PARTS[1])


def _axis(stall: TracedStall, floor: float) -> Iterator[str]:
    """In ms on either side; across the stall, which has another scale, dashes."""
    begin, end = _x(stall, 0), _x(stall, stall.lasted_ms)
    yield svg.line([(LEFT, floor), (begin, floor)], svg.FAINT)
    yield svg.line([(begin, floor), (end, floor)], svg.FAINT, dash="2 4")
    yield svg.line([(end, floor), (RIGHT, floor)], svg.FAINT)
    step = _step(stall)
    for n in range(math.ceil(stall.from_ms / step), 1):
        yield from _tick(_x(stall, n * step), floor, f"{n * step:g}")
    for n in range(math.floor((stall.to_ms - stall.lasted_ms) / step) + 1):
        yield from _tick(_x(stall, stall.lasted_ms + n * step), floor, f"+{n * step:g}")
    told = "ms before the stall, and after it; the stall is not to scale"
    yield svg.text((LEFT + RIGHT) / 2, floor + 38, told, anchor="middle", colour=svg.FAINT)


def _tick(x: float, floor: float, told: str) -> Iterator[str]:
    yield svg.line([(x, floor), (x, floor + 4)], svg.FAINT)
    yield svg.text(x, floor + 18, told, anchor="middle", colour=svg.FAINT)


def _step(stall: TracedStall) -> float:
    """ms: 1, 2 or 5 of a power of ten, so that the figures have room."""
    least = 46 / _scale(stall)
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def _legend(y: float) -> Iterator[str]:
    x = LEFT
    marks = (
        ("a task is sent", svg.PARTS[3], 1.0),
        ("starts", svg.PARTS[2], 1.5),
        ("ends", svg.PARTS[1], 1.0),
    )
    for name, colour, width in marks:
        yield svg.line([(x, y - 11), (x, y + 2)], colour, width=width + 0.5)
        yield svg.text(x + 8, y, name)
        x += 32 + svg.width_of(name)
    yield svg.box(x, y - 9, 18, 9, svg.PARTS[0])
    yield svg.text(x + 26, y, "runs")
