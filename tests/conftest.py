"""What every test shares: --long and --nightly, the marker of the first, hypothesis profiles, the shared models."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("tests.support")
ROOT = Path(__file__).resolve().parent.parent

# The default suite must give the same verdict twice, so it draws the same examples each time and keeps no
# database. --long looks for what nobody has seen yet.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
_SHARED = settings(deadline=None, suppress_health_check=_SLOW)
settings.register_profile("default", _SHARED, derandomize=True, database=None, max_examples=60)
settings.register_profile("long", _SHARED, max_examples=2000, print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also tests marked `long`; many more examples")
    parser.addoption("--nightly", action="store_true", help="the same, and 3,000 networks of every search space")


def pytest_configure(config: pytest.Config) -> None:
    config.option.long = config.getoption("--long") or config.getoption("--nightly")
    settings.load_profile("long" if config.getoption("--long") else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="longer fuzzing; runs with --long"))


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether --long was given: tests may then draw more."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def specs(request: pytest.FixtureRequest) -> int:
    """How many networks of a whole search space to try; 0 by default."""
    return 3000 if request.config.getoption("--nightly") else 300 if request.config.getoption("--long") else 0


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of models that the tests read but that is no part of the repository."""
    models = ROOT.parent / "shared" / "models"
    if not models.is_dir():
        pytest.skip("the models of ../shared/models are not on this machine")
    return models
