"""What the service `user` takes for an address, a name, a time zone, and of a client."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from services.errors import Invalid
from services.user.models import name_key_of
from services.user.values import client_of, profile_values, prove_email, prove_name


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@example",
        "a da@example.org",
        "ada@@example.org",
        "ada@example..org",
        "ada@.example.org",
        "@example.org",
        "ad\u200ba@example.org",
        f"{'x' * 65}@example.org",
    ],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as caught:
        prove_email(email)

    assert caught.value.field == "email"


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("JOSE\u0301@example.org", "josé@example.org"),
        ("a.b+c@xn--bcher-kva.example", "a.b+c@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_kept_in_lower_case_and_one_spelling(email: str, kept: str) -> None:
    assert prove_email(email) == kept


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"given_name": None}, "given_name"),
        ({"given_name": " "}, "given_name"),
        ({"given_name": "x" * 201}, "given_name"),
        ({"given_name": "a\0b"}, "given_name"),
        ({"job_title": "x" * 121}, "job_title"),
        ({"locale": "de_CH"}, "locale"),
        ({"locale": "de-" + "x" * 40}, "locale"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"settings": {"at": datetime(2026, 1, 1, tzinfo=UTC)}}, "settings"),
        ({"hourly_rate": "much"}, "hourly_rate"),
        ({"user_id": uuid.UUID(int=1)}, "user_id"),
        ({"name_key": "x"}, "name_key"),
        ({"nickname": "x"}, "nickname"),
    ],
)
def test_what_a_profile_cannot_hold_is_refused_by_the_name_of_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        profile_values(values)

    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_a_name_is_kept_with_single_blanks() -> None:
    assert profile_values({"given_name": "  Anna   Maria ", "family_name": " "}) == {
        "given_name": "Anna Maria",
        "family_name": None,
    }


@pytest.mark.parametrize(
    ("given", "family", "field"), [("x" * 100, "y" * 100, "family_name"), ("x" * 201, None, "given_name")]
)
def test_a_whole_name_has_at_most_200_characters(given: str, family: str | None, field: str) -> None:
    prove_name("x" * 100, "y" * 99)
    prove_name("x" * 200, None)
    with pytest.raises(Invalid) as caught:
        prove_name(given, family)

    assert caught.value.field == field


def test_names_are_found_in_any_case_and_spelling() -> None:
    assert name_key_of("ZOE\u0308", "Straße") == name_key_of("Zoë", "STRASSE") == "zoë strasse"
    assert len(name_key_of("ΐ" * 201)) == 600


@pytest.mark.parametrize(
    ("address", "agent", "kept"),
    [
        ("203.0.113.77", "Firefox/1", {"network": "203.0.113.0/24", "user_agent": "Firefox/1"}),
        ("2001:db8:1:2::3", None, {"network": "2001:db8:1::/48"}),
        ("::ffff:198.51.100.9", "", {"network": "198.51.100.0/24"}),
        ("fe80::1%eth0", "a\0b\nc", {"network": "fe80::/48", "user_agent": "abc"}),
        ("unknown", "x" * 301, {"user_agent": "x" * 300}),
        (None, None, {}),
    ],
)
def test_of_a_client_no_more_is_kept_than_its_network(
    address: str | None, agent: str | None, kept: dict[str, str]
) -> None:
    assert client_of(address, agent) == kept
