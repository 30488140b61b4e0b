"""The system that this runs on: the one place that asks which it is.

``from bench.system.platforms import here``, then ``here.load_average()``: all that differs between
Windows and the others has one name in :mod:`bench.system.windows` and :mod:`bench.system.posix`.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from bench.system import windows as here
else:
    from bench.system import posix as here

__all__ = ["here"]
