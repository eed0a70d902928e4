"""What the soak takes for growth."""

from random import Random

import pytest

from tests.soak.trend import Trend, trend


def series(each: object = 0.0, *, noise: float = 0.0, count: int = 200) -> list[tuple[float, float]]:
    chance = Random(3)
    return [(float(at), 100 + float(each) * at + chance.gauss(0, noise)) for at in range(count)]  # type: ignore[arg-type]


def test_the_trend_is_that_of_the_second_half_and_no_outlier_bends_it() -> None:
    warming_up = [(float(at), min(at, 50.0)) for at in range(200)]
    assert trend(warming_up) == Trend(50, 0, 0)
    found = trend(series(0.5))
    assert found.growth == pytest.approx(0.5 * 99)
    assert found.error == pytest.approx(0)
    assert found.level == pytest.approx(100 + 0.5 * 149.5, abs=0.5)
    spiked = [(at, value + 1_000 * (at % 10 == 0)) for at, value in series(0.5)]
    assert trend(spiked).growth == pytest.approx(0.5 * 99, rel=0.05)


def test_noise_is_no_growth_and_a_leak_in_it_is() -> None:
    assert trend(series(noise=2.0)).is_flat(0)
    assert not trend(series(0.05, noise=2.0)).is_flat(0)
    assert trend(series(0.05)).is_flat(5)
    assert not trend(series(0.05)).is_flat(4)
    assert trend(series(-5)).is_flat(0)


def test_many_samples_are_thinned_out_and_too_few_are_refused() -> None:
    assert trend(series(0.01, count=5_000)).growth == pytest.approx(0.01 * 2_499)
    with pytest.raises(ValueError, match="too few"):
        trend(series(count=4))
