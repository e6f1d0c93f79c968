"""Tables drawn with rules, as programs for databases, Markdown and data frames print them."""

from __future__ import annotations

import re

from ranvier.data.sources.text_encoding import text_lines

RULE = re.compile(r"[ \t]*[-=+|:;,\t ]*(?:--|==)[-=+|:;,\t ]*")
"""A line of signs alone, two dashes among them."""
SEGMENT = re.compile(r"[-=]+")
BOXES = str.maketrans(
    {**dict.fromkeys("│┃║┆┊|", "|"), **dict.fromkeys("─━═╌┄", "-"), **dict.fromkeys("┼┬┴├┤┌┐└┘", "+")}
)
CORNERS = str.maketrans(dict.fromkeys("╞╡╪╤╧╟╢╫╒╕╘╛╔╗╚╝╠╣╬╦╩╭╮╰╯", "+"))
COUNT = re.compile(
    r"\(?[0-9,]+ (?:rows?|record|zeilen?|lignes?|filas?)\b.*|shape: \([0-9, _]+\)|[0-9]+ rows x [0-9]+.*"
)
"""A line that counts the rows."""
MAX_ABOVE = 5
NOTE = "The table is drawn with rules; they were left out."


def without_rules(data: bytes) -> tuple[bytes, list[str]]:
    """The cells of a drawn table with bars between them, and a note; other text as it is.

    Under the names stands a rule, of as many parts as there are names; bars may stand at both ends of the lines.

    Parameters:
        data: UTF-8 with line feeds.

    >>> without_rules(b" id | name\\n----+------\\n  1 | a\\n(1 row)\\n")[0]
    b'id|name\\n1|a\\n'
    >>> without_rules(b"id,name\\n1,a\\n")
    (b'id,name\\n1,a\\n', [])
    """
    head = text_lines(data[:4096].decode("utf-8", "ignore").translate(BOXES).translate(CORNERS))
    first = [line for line in head if line.strip() and not COUNT.fullmatch(line.strip())][:MAX_ABOVE]
    rules = [at for at, line in enumerate(first) if RULE.fullmatch(line)]
    if not rules or rules[0] > 1 or len(first) < 3 or (rules[0] == 0 and len(rules) < 2):
        return data, []
    names, rule = first[1 - rules[0]] if rules[0] == 0 else first[0], first[rules[-1] if rules[0] == 0 else rules[0]]
    separator = _separator(names, rule)
    if separator is None:
        return data, []
    return _cells(data, separator, rules[0] == 0), [NOTE]


def _separator(names: str, rule: str) -> str | None:
    """What stands between the cells, where a rule is one for these names; None where it is none."""
    parts = SEGMENT.findall(rule)
    if "|" in names:
        return "|" if len(parts) == len(_divided(names)) else None
    signs = set(rule) - set("-=")
    if len(parts) < 2 or len(signs) != 1:
        return None
    sign = signs.pop()
    if sign in ",;\t":
        cells = names.split(sign)
        same = len(cells) == len(parts)
        wide = all(len(part) >= min(3, len(cell.strip())) for cell, part in zip(cells, parts, strict=False))
        return sign if same and wide else None
    return " " if sign == " " and len(parts) == len(names.split()) else None


def _divided(line: str) -> list[str]:
    """The cells of a line, between bars, of which some may stand at its ends."""
    return line.strip().removeprefix("|").removesuffix("|").split("|")


def _cells(data: bytes, separator: str, framed: bool) -> bytes:
    """The lines without rules and without those that count the rows, cells without blanks around them.

    Parameters:
        framed: whether a rule stands above the names, too; then further lines up to the next one are types.
    """
    rules = 0
    rows: list[str] = []
    for line in text_lines(data.decode()):
        drawn = line.translate(BOXES).translate(CORNERS) if not line.isascii() else line
        if RULE.fullmatch(drawn):
            rules += not framed or drawn.lstrip()[0] in "+="
            continue
        if not line.strip() or COUNT.fullmatch(line.strip()) or (framed and rules == 1 and rows):
            continue
        if separator == "|":
            drawn = "|".join(cell.strip() for cell in _divided(drawn))
        rows.append(drawn.strip() if separator == " " else drawn)
    return "\n".join([*rows, ""]).encode()
