"""The version, stated once, and when this process began to import the package."""

import time

__version__ = "0.1.0"

IMPORTED = time.time_ns()
