"""Services as the project's file registers them, and how they are imported."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.config import Settings
from dbkit.errors import ConfigurationError
from dbkit.service import Registration, Service, load_service, register


def registered(root: Path, name: str, table: dict[str, object], migrations: str | None = None) -> Registration:
    """Register a service as the project's file would."""
    return register(name, Settings(services={name: table}, migrations=migrations), root=root)


def test_a_service_has_its_folder_and_version_table_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "envs/my-user/versions").mkdir(parents=True)
    found = registered(tmp_path, "my-user", {"service": "a:b"}, "envs/{service}").layout(None)
    assert found.folder == tmp_path / "envs" / "my-user"
    assert found.version_table == "alembic_version_my_user"


def test_what_the_file_says_beats_the_defaults(tmp_path: Path) -> None:
    table = {"metadata": "a:b", "migrations": "old", "version_table": "versions", "owns": ["legacy_*"]}
    (tmp_path / "old/versions").mkdir(parents=True)
    found = registered(tmp_path, "user", table)
    layout = found.layout(None)
    assert (layout.folder, layout.version_table, found.owns) == (tmp_path / "old", "versions", ("legacy_*",))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "service 'user' must have either 'service' or 'metadata'"),
        ({"service": "a:b", "metadata": "a:b"}, "must have either"),
        ({"service": "a:b", "owns": "legacy_*"}, "owns is 'legacy_\\*'"),
        ({"service": "a:b", "version_table": 7}, "version_table is 7"),
        ({"metadata": "a:b", "seed": 7}, "seed is 7"),
        ({"metadata": "a:b", "seed_after": "user"}, "seed_after is 'user'"),
        ({"service": "a:b", "seed": "a:rows"}, "seed goes with 'metadata'"),
        ({"service": "a:b", "seed_after": []}, "seed_after goes with 'metadata'"),
        ({"service": "a:b", "env": "mine"}, "env is 'mine'"),
        ({"service": "a:b", "metadata": "a:b", "env": "own"}, "must have either"),
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(tmp_path: Path, table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        registered(tmp_path, "user", table)
    assert caught.value.hint


def test_a_service_is_imported_from_the_projects_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "found_here.py").write_text(
        "import sqlalchemy as sa\nfrom dbkit.service import Service\n"
        "metadata = sa.MetaData()\nservice = Service(name='user', metadata=metadata)\n"
    )
    for table in ({"service": "found_here:service"}, {"metadata": "found_here:metadata"}):
        service = load_service(registered(tmp_path, "user", table))
        assert isinstance(service.load_metadata(), sa.MetaData)


def test_metadata_may_be_given_as_it_is_or_by_a_function() -> None:
    metadata = sa.MetaData()
    assert Service(name="user", metadata=metadata).load_metadata() is metadata
    assert Service(name="user", metadata=lambda: metadata).load_metadata() is metadata


def test_what_the_file_says_of_sample_rows_reaches_the_service(tmp_path: Path) -> None:
    table = {"metadata": "a:b", "seed": "json:dumps", "seed_after": ["user", "project"]}
    service = load_service(registered(tmp_path, "knowledge", table))
    assert service.load_seed() is json.dumps
    assert service.seed_after == ("user", "project")


def test_a_service_without_sample_rows_has_none() -> None:
    assert Service(name="user", metadata="a:b").load_seed() is None


def test_sample_rows_that_are_no_function_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="the seed of service 'user' is str, not a function"):
        Service(name="user", metadata="a:b", seed="json:__name__").load_seed()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("no_such_module_at_all:x", "No module named 'no_such_module_at_all'"),
        ("json:no_such_name", "no attribute 'no_such_name'"),
        ("json", "names no attribute"),
        ("json:dumps", "cannot be had: TypeError"),
        ("json:__name__", "is str, not sqlalchemy.MetaData"),
    ],
)
def test_metadata_that_cannot_be_had_is_named(reference: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Service(name="user", metadata=reference).load_metadata()
