"""Nothing shows a secret: not the value's own repr, not a text that it has got into."""

from __future__ import annotations

import base64
import json
import pickle
import secrets
import time
import traceback
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig, Secret, Settings, load_settings, redact, resolve
from dbkit.config.redact import MOST, _Registry, register, show
from dbkit.errors import ConfigurationError

VALUE = "Pl@nted/s3cret#%: ü;}{'\"+"
FORMS = [
    VALUE,
    quote(VALUE, safe=""),
    quote(VALUE),
    quote(VALUE, safe=" +"),
    quote_plus(VALUE),
    quote(VALUE, safe="").lower().replace("pl%40nted", "Pl%40nted"),
    base64.b64encode(VALUE.encode()).decode(),
    base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("="),
    repr(VALUE)[1:-1],
    json.dumps(VALUE)[1:-1],
    repr(VALUE.encode()),
    VALUE.replace("}", "}}"),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_known_secret_is_hidden_in_every_spelling(form: str) -> None:
    Secret(VALUE)
    assert redact(f"before {form} after").replace("b'***'", "***").replace('b"***"', "***") == "before *** after"


def test_a_secret_shows_nothing_of_itself() -> None:
    secret = Secret("correct horse")
    assert (repr(secret), str(secret), f"{secret}") == ("***", "***", "***")
    assert secret == Secret("correct horse")
    assert secret != "correct horse"
    assert pickle.loads(pickle.dumps(secret)).reveal() == "correct horse"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("postgresql://app:never-seen@h/x", "postgresql://app:***@h/x"),
        ("see mysql://app:a@b/c#d@h:4000/x and more", "see mysql://app:***@h:4000/x and more"),
        ("PWD={a}};b};UID=x", "PWD=***;UID=x"),
        ("password='a b' user=x", "password=*** user=x"),
        ("{'password': 'a b', 'user': 'x'}", "{'password': ***, 'user': 'x'}"),
        ("DATABASE_PASSWORD=never-seen", "DATABASE_PASSWORD=***"),
        ("services.user.password: a sentence", "services.user.password: a sentence"),
        ("Access denied (using password: YES)", "Access denied (using password: YES)"),
        ("http://h/x and me@example.com", "http://h/x and me@example.com"),
    ],
)
def test_what_stands_in_a_passwords_place_is_hidden_though_it_is_unknown(text: str, hidden: str) -> None:
    assert redact(text) == hidden


def test_a_very_short_secret_does_not_shred_the_output() -> None:
    Secret("a")
    assert redact("table a has a row; postgresql://u:a@h/x") == "table a has a row; postgresql://u:***@h/x"


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_URL": f"postgresql://app:{quote(VALUE, safe='')}@h:bad/x"},
        {"DATABASE_URL": f"mysql://app:{VALUE}@h/x"},
        {"DATABASE_URL": f"mysql://app:{quote(VALUE, safe='')}@h/x", "DATABASE_TYPE": "postgresql"},
        {"DATABASE_URL": f"mysql://app:{quote(VALUE, safe='')}@h/x", "DATABASE_PASSWORD": "another"},
        {"DATABASE_TYPE": f"mysql://app:{quote(VALUE, safe='')}@h/x"},
        {"DATABASE_PASSWORD": VALUE + "\0", "DATABASE_TYPE": "tidb"},
        {"DATABASE_PASSWORD": VALUE, "DATABASE_TYPE": "tidb", "DATABASE_PORT": "x"},
    ],
)
def test_an_error_in_the_configuration_holds_no_secret_not_even_in_its_frames(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value.replace("\0", "")) if "\0" not in value else None
    given = None if all("\0" not in value for value in environ.values()) else environ
    try:
        resolve(Settings(), "user", environ=given)
    except ConfigurationError as error:
        caught = error
    # the test's own frame holds the variables, and is left out
    shown = "".join(
        traceback.TracebackException(
            type(caught), caught, caught.__traceback__ and caught.__traceback__.tb_next, capture_locals=True
        ).format()
    )
    for form in (VALUE, "Pl@nted", "Pl%40nted", "s3cret"):
        assert form not in shown + str(caught.hint)


def test_an_unreadable_dotenv_shows_none_of_its_lines_in_frames(tmp_path: Path) -> None:
    (tmp_path / "dbkit.toml").write_text("")
    (tmp_path / ".env").write_text("DATABASE_PASSWORD=planted-5ecret\nbroken line\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "planted-5ecret" not in shown


def test_settings_and_configuration_print_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "dbkit.toml").write_text("")
    (tmp_path / ".env").write_text("DATABASE_TYPE=tidb\nDATABASE_PASSWORD=planted-5ecret\n")
    settings = load_settings(tmp_path)
    config = resolve(settings, "user", environ={})
    assert isinstance(config, DatabaseConfig)
    assert (
        "planted-5ecret" not in f"{settings!r} {config!r} {config.provenance!r} {config.endpoint()!r} {config.url()!r}"
    )


def test_a_process_that_has_seen_very_many_secrets_hides_those_that_it_used_last() -> None:
    registry = _Registry()
    for number in range(MOST + 50):
        registry.add(f"token-{number:05}-of-many")
    assert registry.hide(f"x token-{MOST + 49:05}-of-many x") == "x *** x"
    assert registry.hide("token-00000-of-many") == "token-00000-of-many"
    registry.add("token-00050-of-many")  # used again: the next one to go is 00051
    registry.add("one-more-token")
    assert registry.hide("token-00050-of-many token-00051-of-many") == "*** token-00051-of-many"


def test_a_secret_of_a_megabyte_is_hidden_in_no_time() -> None:
    long = "k" * (1 << 20)
    register(long)
    began = time.perf_counter()
    assert redact(f"before {long} after, and {quote_plus(long)}") == "before *** after, and ***"
    assert time.perf_counter() - began < 2


def test_a_refused_value_is_shown_by_its_beginning() -> None:
    assert show("7" * 5000) == repr("7" * 200 + "…")


def test_the_error_of_a_statement_does_not_show_its_parameters() -> None:
    value = secrets.token_hex(8)
    engine = resolve(Settings(), environ={}, overrides={"backend": "sqlite", "sqlite_path": ":memory:"}).create_engine()
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="no such table") as caught:
        connection.execute(sa.text("INSERT INTO missing VALUES (:value)"), {"value": value})
    engine.dispose()
    assert value not in str(caught.value)
