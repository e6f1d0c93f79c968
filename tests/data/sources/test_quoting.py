"""The structure of delimited text as bytes, against a loop over its characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data.sources import quoting

PIECE = st.sampled_from(["a", '"x"', '"x,y"', '"a""b"', '"\n,"', ",", ",", "\n", '""', '"'])


def counted(text: str) -> tuple[int, int, bool]:
    """Rows, separators, and whether every quote is closed."""
    inside, rows, separators = False, 0, 0
    for character in text:
        if character == '"':
            inside = not inside
        elif not inside:
            rows += character == "\n"
            separators += character == ","
    return rows + (not text.endswith("\n")), separators, not inside


@pytest.mark.parametrize("chunk", [1, 7, 1 << 23])
def test_rows_and_separators_are_those_outside_of_quotes(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(quoting, "CHUNK", chunk)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(PIECE, min_size=1, max_size=10).map("".join))
    def check(text: str) -> None:
        actual = quoting.structure(text.encode(), 0, ",", count_separators=True)
        regular = all(quoting.is_regular(text, ",") for text in [text.replace("\n", ",")])
        assert actual.regular == regular
        if actual.regular:
            assert (actual.rows, actual.separators, True) == counted(text)

    check()
