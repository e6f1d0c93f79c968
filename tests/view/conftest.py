"""The subjects of these tests."""

from tests.view.subjects import diabetes, digits, digits_run, people

__all__ = ["diabetes", "digits", "digits_run", "people"]
