"""`python -m ranvier` is the command `ranvier`."""

from __future__ import annotations

from ranvier.cli.main import main

if __name__ == "__main__":
    main(prog_name="ranvier")
