"""A DATABASE_URL taken apart into fields. Its text is never kept and never shown, because it holds a password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from dbkit.backends import backend_names, get_backend, usable_backends
from dbkit.config.nearest import did_you_mean
from dbkit.config.redact import register
from dbkit.config.settings import BY_FIELD
from dbkit.config.tls_names import TlsWords, is_about_tls, read_tls_words
from dbkit.errors import ConfigurationError

_ENCODE = "percent-encode the password: python -c 'import urllib.parse as u, getpass; print(u.quote(getpass.getpass(), safe=\"\"))'"
_SHAPE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9_.\-]*)(?:\+(?P<driver>[A-Za-z0-9_]+))?://(?P<rest>.*)", re.DOTALL)
_PLACE = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

# Query names through which drivers take what has a place of its own, or read other files that may weaken TLS.
_REFUSED = frozenset(
    {
        *("user", "username", "uid", "password", "passwd", "pwd", "passfile", "sslpassword", "ssl_key_password"),
        *("port", "hostaddr", "db", "dbname", "database", "service", "servicefile", "dsn", "odbc_connect", "uri"),
        *("read_default_file", "read_default_group", "init_command", "options"),
    }
)
_SOCKETS = frozenset({"host", "unix_socket"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlParts:
    """What a URL says; None where it does not."""

    scheme: str
    driver: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Fields of DatabaseConfig, those that the URL sets; `database` or `sqlite_path` is still a template."""


def parse_url(text: str, name: str) -> UrlParts:
    """Take a URL apart.

    Args:
        text: the URL.
        name: what it was given under, such as `USER_DATABASE_URL`, for messages.

    Raises:
        ConfigurationError: it does not parse, its password is not percent-encoded, or an option in it is refused.
    """
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None:
        raise _refusal(
            name, "it does not parse", "write scheme://USER@HOST:PORT/NAME, and the password in DATABASE_PASSWORD"
        )
    scheme, driver, rest = shape["scheme"].lower(), shape["driver"], shape["rest"]
    if not schemes_of(scheme):
        known = {backend.traits.scheme for backend in usable_backends()}
        raise ConfigurationError(f"{name}: unknown scheme {scheme!r}", hint=did_you_mean(scheme, known))
    place, path, query = _split(rest)
    options = _options(query, name)
    file_based = get_backend(schemes_of(scheme)[0]).traits.file_based
    found = (_file_fields if file_based else _server_fields)(place, path, name)
    found |= _option_fields(options, found, name)
    return UrlParts(scheme=scheme, driver=driver, fields=found)


def schemes_of(scheme: str) -> tuple[str, ...]:
    """List the backends that a scheme may mean, the one that it names first."""
    if scheme in backend_names():
        get_backend(scheme)  # says why, where it cannot be used
    own = [backend.name for backend in usable_backends() if backend.traits.scheme == scheme]
    others = [backend.name for backend in usable_backends() if scheme in backend.traits.schemes]
    return (*sorted(own, key=lambda name: name != scheme), *others)


def _split(rest: str) -> tuple[str, str, str]:
    """Cut `user:password@host:port/path?query`; the first slash or question mark ends the place."""
    found = re.fullmatch(r"(?P<place>[^/?]*)(?:/(?P<path>[^?]*))?(?:\?(?P<query>.*))?", rest, re.DOTALL)
    if found is None:  # the three parts together match anything
        return rest, "", ""
    return found["place"], found["path"] or "", found["query"] or ""


def _file_fields(place: str, path: str, name: str) -> dict[str, Any]:
    if place:
        raise _refusal(name, "a file has no host", "write sqlite:///relative.db or sqlite:////absolute.db")
    if path.startswith("file:"):
        raise _refusal(name, "a file: URI is refused", "write sqlite:///relative.db or sqlite:////absolute.db")
    return {"sqlite_path": unquote(path) or ":memory:"}


def _server_fields(place: str, path: str, name: str) -> dict[str, Any]:
    login, at, where = place.rpartition("@")
    # a raw @ / ? # in the password moves the host: part of the password would go to the name server
    if "@" in login or "@" in path or "#" in place + path:
        raise _refusal(name, "its password is not percent-encoded", _ENCODE)
    found = _login_fields(login, name) if at else {}
    if "/" in path:
        raise _refusal(name, "the database's name holds a slash", _ENCODE)
    shape = _PLACE.fullmatch(where)
    if shape is None or (shape["port"] and not shape["port"].isdecimal()):
        raise _refusal(name, "its host and port do not parse", _ENCODE)
    if shape["host"]:
        found["host"] = _read("host", unquote(shape["host"]), name)
    if shape["port"]:
        found["port"] = _read("port", shape["port"], name)
    if path:
        found["database"] = _text(path, name)
    return found


def _login_fields(login: str, name: str) -> dict[str, Any]:
    user, colon, password = login.partition(":")
    if colon:
        register(password)
    found = {"user": _text(user, name)} if user else {}
    if colon and password:
        found["password"] = _text(password, name)
        register(found["password"])
    return found


def _text(part: str, name: str) -> str:
    """Decode a part of the URL, strictly."""
    if _BAD_PERCENT.search(part):
        raise _refusal(name, "a % in it begins no percent-encoded character", _ENCODE)
    try:
        found = unquote(part, errors="strict")
    except UnicodeDecodeError:
        found = "\0"
    if "\0" in found:
        raise _refusal(name, "it holds percent-encoded bytes that are no UTF-8 text", _ENCODE)
    return found


def _read(field_name: str, text: str, name: str) -> Any:  # noqa: ANN401 - whatever the field holds
    """Parse a part by its setting, without showing it: it may be the tail of a password."""
    try:
        return BY_FIELD[field_name].parse(text)
    except ValueError:
        pass
    raise _refusal(name, f"its {field_name} does not parse", _ENCODE)


def _options(query: str, name: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    found = dict(pairs)
    twice = sorted({key for key, _ in pairs if [other for other, _ in pairs].count(key) > 1})
    if twice:
        raise _refusal(name, f"the option {twice[0]!r} stands in it twice", "keep one of them")
    if "#" in query:
        raise _refusal(name, "there is a # in it", _ENCODE)
    for key, value in pairs:
        if "?" in value:
            raise _refusal(name, f"the value of {key!r} holds a second '?'", "join options with '&'")
        if key.lower() in _REFUSED:
            raise _refusal(
                name, f"the option {key!r} is refused", "what it says has a place of its own in the URL or a key"
            )
    return found


def _option_fields(options: Mapping[str, str], parts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Turn options into fields where there is one for them; the rest goes to the driver."""
    words: TlsWords = read_tls_words({key: value for key, value in options.items() if is_about_tls(key)}, name)
    found: dict[str, Any] = dict(words.fields)
    rest = {key: value for key, value in options.items() if not is_about_tls(key)}
    for key in _SOCKETS & set(rest):
        path = rest.pop(key)
        if parts.get("host") not in {None, "localhost", path} or not path.startswith("/"):
            raise _refusal(name, f"the option {key!r} names another host", "name the host once")
        found["host"] = path
    charset = rest.pop("charset", "utf8mb4")
    if charset.lower() != "utf8mb4":
        raise _refusal(name, f"charset={charset!r} is refused", "dbkit connects with utf8mb4; leave it out")
    encoding = rest.pop("client_encoding", "utf8")
    if encoding.lower().replace("-", "") != "utf8":
        raise _refusal(name, f"client_encoding={encoding!r} is refused", "dbkit connects with UTF-8; leave it out")
    if "connect_timeout" in rest:
        found["connect_timeout_s"] = _read("connect_timeout_s", rest.pop("connect_timeout"), name)
    found["query"] = rest
    return found


def _refusal(name: str, reason: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"{name} is refused: {reason}", hint=hint)
