"""What the operations on users check before a database sees it: each refusal names the field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final, TypedDict
from zoneinfo import ZoneInfo

from services.errors import Invalid
from services.user.models import Profile
from services.values import accepted, only, prove_language

__all__ = ["LONGEST_NAME", "ProfileFields", "client_of", "normal_email", "profile_values", "prove_email", "prove_name"]

LONGEST_NAME: Final = 200
"""Of the given name, a blank and the family name together."""
_AGENT_LENGTH: Final = 300
_LOCAL_LENGTH: Final = 64
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")


class ProfileFields(TypedDict, total=False):
    """What a profile may hold, and what may be changed of it."""

    given_name: str
    family_name: str | None
    job_title: str | None
    about: str | None
    avatar: bytes | None
    locale: str
    time_zone: str
    skills: list[str]
    settings: dict[str, Any]
    hourly_rate: Decimal | None


def normal_email(email: str) -> str:
    """Bring an address into the form in which it is kept and compared: without case, one spelling of each character."""
    return unicodedata.normalize("NFC", email.strip()).lower()


def prove_email(email: str) -> str:
    """Give an address in its normal form. Raises Invalid where it cannot be one."""
    found = normal_email(email)
    if not _EMAIL.fullmatch(found) or not found.isprintable():
        raise Invalid("email", f"{found[:60]!r} is no e-mail address")
    if len(found.partition("@")[0]) > _LOCAL_LENGTH:
        raise Invalid("email", f"more than {_LOCAL_LENGTH} characters stand before the @")
    return found


def profile_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a profile is to hold as its columns take it.

    Raises:
        Invalid: there is no such field, or it cannot have this value.
    """
    found = accepted(Profile, only(values, ProfileFields.__annotations__))
    for field in {"given_name", "family_name"} & set(found):
        found[field] = " ".join(found[field].split()) if found[field] is not None else None
    if found.get("family_name") == "":
        found["family_name"] = None
    if found.get("given_name") == "":
        raise Invalid("given_name", "it is blank")
    prove_language("locale", found.get("locale"))
    if "time_zone" in found:
        _prove_zone(found["time_zone"])
    return found


def prove_name(given_name: str, family_name: str | None) -> None:
    """Refuse a name that is too long as a whole. Raises Invalid."""
    length = len(given_name) + (0 if family_name is None else 1 + len(family_name))
    if length > LONGEST_NAME:
        field = "given_name" if family_name is None else "family_name"
        raise Invalid(field, f"the whole name has {length} characters, more than {LONGEST_NAME}")


def _prove_zone(name: str) -> None:
    """Refuse what is no time zone; for some names that are none the module raises what the file system does."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise Invalid("time_zone", f"{name!r} is no time zone such as 'Europe/Zurich'") from None


def client_of(address: str | None, user_agent: str | None) -> dict[str, str]:
    """Give what is kept of where somebody signs in from: the network, never the address, and the beginning of the agent's name.

    It comes from outside, so what is odd in it is left away rather than refused.
    """
    found = {}
    network = None if address is None else _network(address)
    if network is not None:
        found["network"] = network
    agent = "".join(filter(str.isprintable, user_agent or ""))[:_AGENT_LENGTH]
    if agent:
        found["user_agent"] = agent
    return found


def _network(address: str) -> str | None:
    """Give the network that many people share: 24 bits of an IPv4 address, 48 of an IPv6 address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    bits = 48 if isinstance(found, IPv6Address) else 24
    return str(ip_network((found, bits), strict=False))
