"""What networks of an ensemble say of rows outside their training."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.recipes.out_of_fold import MIN_SHARE, merged_share


def errors(networks: int, common: float, own: float, rows: int = 4000) -> list[np.ndarray]:
    """Errors of networks on new rows: a part that all share, and a part of each."""
    generator = np.random.default_rng(0)
    return [
        common * generator.standard_normal((1, rows, 1)) + own * generator.standard_normal((networks, rows, 1))
        for _ in range(networks)
    ]


@pytest.mark.parametrize(("common", "own"), [(1.0, 0.3), (1.0, 0.7), (1.0, 0.0)])
def test_the_share_is_that_of_the_mean(common: float, own: float) -> None:
    networks = 6
    expected = np.sqrt((common**2 + own**2 / networks) / (common**2 + own**2))
    assert merged_share(errors(networks, common, own)) == pytest.approx(expected, abs=0.02)


def test_bounds() -> None:
    assert merged_share(errors(6, 0.0, 1.0)) == MIN_SHARE
    assert merged_share(errors(2, 1.0, 1.0)) == 1.0, "two networks leave one other: no spread"
    assert merged_share([np.zeros((3, 5, 1))] * 3) == 1.0
    gaps = errors(6, 1.0, 0.5)
    gaps[0][:, :7] = np.nan
    assert 0.9 < merged_share(gaps) < 1.0
