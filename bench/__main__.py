"""``python -m bench``, and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interrupt at any moment, imports included, ends with 130."""
    try:
        from bench.cli.app import run_cli

        sys.exit(run_cli())
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
