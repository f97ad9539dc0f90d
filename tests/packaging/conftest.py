"""The wheel as it would be published, and clean environments with it: each made once in a run, whoever asks first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.packaging.building import BARE, ENVIRONMENTS, NEWEST, OLDEST, Built, Place, Wanted, build, furnish, once

# A package of somebody else's: its tests run where it is installed.
collect_ignore = ["acme"]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that all workers of a run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def built(shared: Path) -> Built:
    return Built(folder=once(shared / "dist", build))


@pytest.fixture(scope="session")
def wheel(built: Built) -> Path:
    return built.wheel


def _place(wanted: Wanted, shared: Path, wheel: Path) -> Place:
    folder = once(shared / f"env-{wanted}", lambda folder: furnish(folder, wanted, wheel))
    return Place(folder=folder, wanted=wanted)


@pytest.fixture(scope="session", params=ENVIRONMENTS, ids=str)
def place(request: pytest.FixtureRequest, shared: Path, wheel: Path) -> Place:
    """Give each environment in turn."""
    return _place(request.param, shared, wheel)


@pytest.fixture(scope="session", params=(OLDEST, NEWEST), ids=str)
def extreme(request: pytest.FixtureRequest, shared: Path, wheel: Path) -> Place:
    """Give the environments with the oldest and with the newest of everything."""
    return _place(request.param, shared, wheel)


@pytest.fixture(scope="session")
def newest(shared: Path, wheel: Path) -> Place:
    return _place(NEWEST, shared, wheel)


@pytest.fixture(scope="session")
def bare(shared: Path, wheel: Path) -> Place:
    """Give the environment of who asked for no extra."""
    return _place(BARE, shared, wheel)
