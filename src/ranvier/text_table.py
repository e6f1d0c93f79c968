"""Small tables as plain text and as HTML, for the records that print themselves."""

from __future__ import annotations

from collections.abc import Sequence

Cells = Sequence[Sequence[str]]


def text_table(titles: Sequence[str], rows: Cells, numbers: Sequence[str] = ()) -> str:
    """A table in aligned columns, with a line under the titles.

    Parameters:
        titles: of the columns.
        rows: one text for each column.
        numbers: the titles of the columns that are aligned to the right.

    >>> print(text_table(["Layer", "Outputs"], [["layers.0", "128"], ["layers.1", "1"]], numbers=["Outputs"]))
    Layer     Outputs
    ─────────────────
    layers.0      128
    layers.1        1
    """
    widths = [max(len(row[at]) for row in (titles, *rows)) for at in range(len(titles))]

    def line(cells: Sequence[str]) -> str:
        aligned = [
            cell.rjust(width) if title in numbers else cell.ljust(width)
            for title, cell, width in zip(titles, cells, widths, strict=True)
        ]
        return "  ".join(aligned).rstrip()

    return "\n".join([line(titles), "─" * (sum(widths) + 2 * (len(widths) - 1)), *map(line, rows)])


def html_table(titles: Sequence[str], rows: Cells, numbers: Sequence[str] = ()) -> str:
    """The same table as HTML, as notebooks show it.

    >>> html_table(["A"], [["<b>"]]).count("&lt;b&gt;")
    1
    """
    from html import escape  # with tables of all named characters, which a fit needs none of

    def line(tag: str, cells: Sequence[str]) -> str:
        parts = [
            f'<{tag} style="text-align:{"right" if title in numbers else "left"}">{escape(cell)}</{tag}>'
            for title, cell in zip(titles, cells, strict=True)
        ]
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<table><thead>{line('th', titles)}</thead><tbody>{body}</tbody></table>"
