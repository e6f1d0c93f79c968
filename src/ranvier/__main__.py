"""The command `ranvier`, which is also `python -m ranvier`."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def start() -> None:
    """Run the command line; a Ctrl-C while the command is still being imported is no traceback either."""
    try:
        from ranvier.cli.main import main
        from ranvier.floating_point_mode import in_usual_mode

        in_usual_mode(main)(prog_name="ranvier")
    except (Exception, KeyboardInterrupt) as error:
        from ranvier.errors import interruption

        if interruption(error) is None:
            raise
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    start()
