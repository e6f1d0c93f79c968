"""Numbers as people read them: durations, losses, percentages, counts."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds as a person reads them.

    >>> duration(0.012), duration(9.4), duration(75), duration(3700)
    ('12 ms', '9.4 s', '1:15 min', '1:01:40 h')
    """
    if seconds == 0:
        return "0 s"
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, remainder = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{remainder} s"
    return f"{minutes}:{remainder:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{remainder:02d} h"


def number(value: float | None) -> str:
    """A loss or a score in about six characters.

    >>> number(0.04213), number(2), number(12345.6), number(-0.0), number(1e-9), number(None)
    ('0.0421', '2.0000', '12,346', '0', '1e-09', '-')
    """
    if value is None:
        return "-"
    size = abs(value)
    if size == 0.0 or value != value or size == float("inf"):
        return f"{value:zg}"
    if size < 5e-4 or size >= 1e7:
        return f"{value:.3g}"
    decimals = 4 if size < 10 else 3 if size < 100 else 2 if size < 1000 else 0
    return f"{value:,.{decimals}f}"


def percent(fraction: float) -> str:
    """A fraction between 0 and 1 in percent.

    >>> percent(0.9761)
    '97.6 %'
    """
    return f"{100 * fraction:.1f} %"
