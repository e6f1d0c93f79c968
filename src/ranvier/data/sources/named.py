"""The real data sets that come with scikit-learn, as tables with a default target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError, nearest

NAMED = {
    "digits": "digit",
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
}


def load_named(name: str) -> Table:
    """A set that comes with scikit-learn; no network is needed.

    Parameters:
        name: `digits` (8 x 8 images of handwritten digits), `iris`, `wine`, `breast_cancer` or `diabetes`.

    Raises:
        DataError: there is no such set.

    >>> iris = load_named("iris")
    >>> iris.frame.shape, iris.target
    ((150, 5), 'species')
    """
    if name not in NAMED:
        raise DataError(f'There is no set called "{name}". {nearest(name, NAMED)}')
    import polars as pl
    from sklearn import datasets

    loaders: dict[str, Callable[[], Any]] = {
        "digits": datasets.load_digits,
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "breast_cancer": datasets.load_breast_cancer,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
    }
    loaded = loaders[name]()
    columns: dict[str, Any] = {
        str(feature): loaded.data[:, column].copy() for column, feature in enumerate(loaded.feature_names)
    }
    if name in ("iris", "wine", "breast_cancer"):
        columns[NAMED[name]] = [str(loaded.target_names[label]) for label in loaded.target]
    else:
        columns[NAMED[name]] = loaded.target
    return Table(pl.DataFrame(columns), f"the {name} set of scikit-learn", NAMED[name])
