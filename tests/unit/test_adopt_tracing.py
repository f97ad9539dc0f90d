"""What an env.py says is read where it stands, and followed to where it comes from; nothing of it is run."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from dbkit.scaffold.env_source import EnvSource, Kind, read_source
from dbkit.scaffold.verdict import judge

PACKAGE = ("acme/__init__.py", "acme/models.py", "acme/db/__init__.py", "acme/db/base.py", "acme/env.py")


def read(folder: Path, code: str) -> EnvSource:
    """Read an env.py beside a package, every module of which fails when it is imported."""
    for name in PACKAGE:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('raise RuntimeError("this was imported")\n')
    env = folder / "env.py"
    env.write_text(dedent(code))
    return read_source(env, [str(folder)])


def configured(argument: str) -> str:
    return f"from alembic import context\ncontext.configure(connection=None, {argument})\n"


@pytest.mark.parametrize(
    ("code", "reference", "line"),
    [
        ("from acme.models import Base\ntarget_metadata = Base.metadata", "acme.models:Base.metadata", 1),
        ("from acme.models import metadata as m\ntarget_metadata = m", "acme.models:metadata", 1),
        ("import acme.db.base\ntarget_metadata = acme.db.base.Base.metadata", "acme.db.base:Base.metadata", 1),
        ("import acme.db.base as b\ntarget_metadata = b.Base.metadata", "acme.db.base:Base.metadata", 1),
        ("from acme import db\ntarget_metadata = db.base.Base.metadata", "acme.db.base:Base.metadata", 1),
        ("from acme.models import *\ntarget_metadata = Base.metadata", "acme.models:Base.metadata", 2),
        ("from acme.models import Base\nB = Base\ntarget_metadata = B.metadata", "acme.models:Base.metadata", 1),
        ("from acme.models import Base\ntarget_metadata: object = Base.metadata", "acme.models:Base.metadata", 1),
        ("target_metadata = None\nfrom acme.models import Base\ntarget_metadata = Base.metadata", "acme.models:Base.metadata", 2),
        ("def f():\n    from acme.models import Base\nfrom acme.models import Base\ntarget_metadata = Base.metadata", "acme.models:Base.metadata", 3),
        ("from acme.models import get_metadata\ntarget_metadata = get_metadata()", "acme.models:get_metadata", 2),
    ],
)  # fmt: skip
def test_metadata_is_traced_to_its_module(tmp_path: Path, code: str, reference: str, line: int) -> None:
    found = read(tmp_path, f"{code}\n{configured('target_metadata=target_metadata')}").metadata
    assert (found.reference, found.line) == (reference, line)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("target_metadata = None", ""),
        ("from acme.models import A, B\ntarget_metadata = [A.metadata, B.metadata]", "is a list of 2"),
        ("import sqlalchemy as sa\ntarget_metadata = sa.MetaData(schema='x')", "is what sa.MetaData(…) gives"),
        ("from acme.db import interface\ntarget_metadata = interface().Base.metadata", "is an attribute of what interface() gives"),
        ("from sqlalchemy import MetaData\ntarget_metadata = MetaData()", "is what MetaData(…) gives"),
        ("class Base: ...\ntarget_metadata = Base.metadata", "is made in env.py itself"),
        ("target_metadata = Base.metadata", "is 'Base', which is nowhere set"),
        ("a = b\nb = a\ntarget_metadata = a", "goes in a circle"),
        ("from .models import Base\ntarget_metadata = Base.metadata", "is imported from beside it"),
        ("from nowhere_at_all import Base\ntarget_metadata = Base.metadata", "is 'nowhere_at_all.Base.metadata', and no module 'nowhere_at_all' is found"),
        ("import acme.models\ntarget_metadata = acme.models", "is the module 'acme.models'"),
        ("from acme.models import *\nfrom acme.db import *\ntarget_metadata = Base.metadata", "is 'Base', which comes by one of several import *"),
        ("if x:\n    from acme.models import m\nelse:\n    from acme.db import m\ntarget_metadata = m", "is 'm', which is set in several places (lines 2, 4)"),
        ("a, target_metadata = 1, 2", "is one of several values"),
        ("", "is 'target_metadata', which is nowhere set"),
    ],
)  # fmt: skip
def test_metadata_that_only_running_it_would_tell_is_not_guessed(tmp_path: Path, code: str, why: str) -> None:
    found = read(tmp_path, f"{code}\n{configured('target_metadata=target_metadata')}").metadata
    assert (found.reference, found.why) == (None, why)


def test_metadata_that_is_never_configured_is_still_the_name_that_stands_there(tmp_path: Path) -> None:
    code = "from acme.models import Base\nfrom acme.env import run\ntarget_metadata = Base.metadata\nrun(target_metadata)\n"
    assert read(tmp_path, code).metadata.reference == "acme.models:Base.metadata"
    assert read(tmp_path, "from acme.env import run\nrun()\n").metadata.why == "is nowhere set"


def test_what_is_configured_with_a_connection_counts(tmp_path: Path) -> None:
    code = "def online():\n    context.configure(connection=c, version_table='b')\ndef offline():\n    context.configure(url=u, version_table='a')\n"
    assert read(tmp_path, code).arguments["version_table"].line == 2


@pytest.mark.parametrize(
    ("argument", "further", "here"),
    [
        ("include_object=acme.env.pick", {"include_object": "acme.env:pick"}, 'include_object = "acme.env:pick"'),
        ("include_schemas=True", {"include_schemas": True}, "include_schemas = true"),
        ("render_as_batch=False", {"render_as_batch": False}, "render_as_batch = false"),
        ("render_as_batch=dialect == 'sqlite'", {}, "dbkit does so"),
        ("compare_type=True", {}, "dbkit does so"),
    ],
)
def test_what_the_projects_file_can_say_is_taken_over(
    tmp_path: Path, argument: str, further: dict[str, object], here: str
) -> None:
    found = judge(read(tmp_path, "import acme.env\n" + configured(argument)), own=False)
    assert (found.further, [one.here for one in found.findings], found.lost) == (further, [here], ())


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        ("include_object=mine", "not taken over: it is made in env.py itself"),
        ("include_name=lambda *_: True", "not taken over: it is made in env.py itself"),
        ("compare_type=False", "not taken over: it is False"),
        ("user_module_prefix='acme.'", "not taken over: it is 'acme.'"),
        ("on_version_apply=acme.env.tell", "not taken over: it is what only it knows"),
        ("**acme.env.OPTIONS", "not taken over: it is what only it knows"),
    ],
)
def test_what_only_its_env_py_can_say_is_kept_by_running_it(tmp_path: Path, argument: str, why: str) -> None:
    source = read(tmp_path, "import acme.env\ndef mine(*_): return True\n" + configured(argument))
    (lost,) = judge(source, own=False).lost
    assert (lost.here, lost.line) == (why, 4)
    assert judge(source, own=True).lost == ()


def test_what_dbkit_gives_itself_is_nobodys_loss(tmp_path: Path) -> None:
    ours = "url=u, literal_binds=True, dialect_opts={}, transaction_per_migration=True, include_object=None"
    assert judge(read(tmp_path, configured(ours)), own=False).findings == ()


@pytest.mark.parametrize(
    ("code", "kind", "what"),
    [
        ("create_engine(url)", Kind.COVERED, "makes an engine by create_engine"),
        ("fileConfig('x')", Kind.COVERED, "sets up logging"),
        ("connection.execute(text('set search_path to x'))", Kind.LOST, "runs connection.execute(text('set search_path to x'))"),
        ("connection.dialect.default_schema_name = 'x'", Kind.LOST, "sets the schema that tables are looked for in"),
        ("@event.listens_for(Engine, 'connect')\ndef hear(*_): ...", Kind.LOST, "hooks in by listens_for"),
        ("context.get_x_argument(as_dictionary=True)", Kind.LOST, "asks for -x arguments"),
        ("context.run_migrations(engine_name='a')", Kind.LOST, "gives revisions engine_name"),
        ("for name in names:\n    context.run_migrations()", Kind.SEVERAL, "runs migrations in a loop"),
        ("create(connect_args={'isolation_level': 'AUTOCOMMIT'})", Kind.AUTOCOMMIT, "connects with AUTOCOMMIT"),
        ("connection.execution_options(isolation_level='AUTOCOMMIT')", Kind.AUTOCOMMIT, "connects with AUTOCOMMIT"),
        ("from flask import current_app", Kind.APPLICATION, "needs a Flask application"),
        ("context.script.version_locations = [x]", Kind.PLACES, "chooses its folders of revisions"),
        ("config.set_main_option('version_locations', x)", Kind.PLACES, "chooses its folders of revisions"),
    ],
)  # fmt: skip
def test_what_it_does_beside_configuring_is_seen(tmp_path: Path, code: str, kind: Kind, what: str) -> None:
    (deed,) = read(tmp_path, code).deeds
    assert (deed.kind, deed.what) == (kind, what)


def test_autocommit_is_taken_over_either_way(tmp_path: Path) -> None:
    source = read(tmp_path, "connection.execution_options(isolation_level='AUTOCOMMIT')\n")
    assert [judge(source, own=own).further for own in (False, True)] == [{"autocommit": True}] * 2


def test_a_file_that_does_not_parse_says_where(tmp_path: Path) -> None:
    assert str(read(tmp_path, "\n\ndef (:\n").broken).startswith(f"{tmp_path / 'env.py'}:3: ")
