"""Every public class and function shows an example; they run, since pytest collects the docstrings of src."""

from __future__ import annotations

import pytest

import ranvier

PUBLIC = [name for name in ranvier.__all__ if callable(getattr(ranvier, name))]


def has_example(value: object) -> bool:
    """Whether the docstring of a class or a function holds an example."""
    return ">>>" in (value.__doc__ or "")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_show_an_example(name: str) -> None:
    assert has_example(getattr(ranvier, name)), f"{name} has no example in its docstring"


def test_the_check_can_fail() -> None:
    assert not has_example(has_example)
    assert not has_example(type("Plain", (), {}))
