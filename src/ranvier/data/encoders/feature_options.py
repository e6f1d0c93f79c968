"""How many features each column of a table may become."""

from __future__ import annotations

from dataclasses import replace

from ranvier.records import record

MIN_ROWS_PER_FREQUENCY, MIN_ROWS_PER_BIN = 100, 50
MAX_TERMS, MAX_TERMS_OF_ONE_OUTPUT = 100_000, 30_000


@record
class FeatureOptions:
    """Limits on the features of columns of numbers, categories, pictures and texts.

    Fields:
        n_frequencies: the number of frequencies of the periodic features of a number; each gives a cosine and a sine.
        n_bins: the maximum number of bins of the piecewise-linear encoding of a number.
        max_inputs: the maximum number of inputs that all columns of numbers together become; with many columns each
            gets fewer bins, then fewer frequencies.
        min_frequency: the rows that a category needs for an input of its own; rarer categories share one.
        n_centroids: the number of centroids of the patch features of pictures; each gives 9 features.
        max_terms: the maximum number of terms of a text column, of each way to make them.
        adapt_bins: whether rows left out decide which numbers get narrower bins, or inputs for single values.

    >>> FeatureOptions(n_frequencies=4, n_bins=32, max_inputs=400, min_frequency=2).limited(20, rows=5_000).n_bins
    11
    >>> options = FeatureOptions(n_frequencies=4, n_bins=32, max_inputs=400, min_frequency=2).limited(3, rows=300)
    >>> options.n_frequencies, options.n_bins
    (3, 6)
    """

    n_frequencies: int
    n_bins: int
    max_inputs: int
    min_frequency: int
    n_centroids: int = 100
    max_terms: int = MAX_TERMS
    adapt_bins: bool = False

    def for_outputs(self, outputs: int) -> FeatureOptions:
        """The same options with the terms that a network with so many outputs needs: fewer for a single one.

        >>> FeatureOptions(0, 32, 800, 3).for_outputs(1).max_terms
        30000
        """
        return self if outputs > 1 else replace(self, max_terms=min(self.max_terms, MAX_TERMS_OF_ONE_OUTPUT))

    def limited(self, columns: int, rows: int) -> FeatureOptions:
        """The same options with as many bins and frequencies as `columns` columns of numbers and `rows` rows allow.

        A bin needs 50 rows and a frequency 100, so that a network does not overfit to few rows.
        """
        per_column = self.max_inputs // max(columns, 1)
        n_frequencies = max(min(self.n_frequencies, rows // MIN_ROWS_PER_FREQUENCY, (per_column - 1) // 2), 0)
        n_bins = max(min(self.n_bins, rows // MIN_ROWS_PER_BIN, per_column - 1 - 2 * n_frequencies), 0)
        return replace(self, n_frequencies=n_frequencies, n_bins=n_bins)
