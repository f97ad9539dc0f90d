"""How configurations are written for people: where each value came from, what it overrode, what the driver is given."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbkit.cli import _findings, _output, _project

if TYPE_CHECKING:
    from dbkit.config.emission import Emission
    from dbkit.config.explain import Explained, Explanation, Plain, Protection
    from dbkit.config.model import Source

NOTHING: Final = "-"
# A longer value has its source below it.
_WIDEST: Final = 30
_INDENT: Final = "  "


def explained(found: Explanation) -> Iterator[str]:
    """Write all that is known of one service, in lines."""
    yield _output.strong(headline(found))
    used = [value for value in found.values if value.unused is None]
    given = [value for value in used if value.source.kind != "default" or value.overrode]
    defaults = [value for value in used if value not in given]
    unused = [value for value in found.values if value.unused is not None and value.source.kind != "default"]
    useless = [value.key for value in found.values if value.unused is not None and value not in unused]
    yield from _section("set", _rows((value.key, _text(value.value), _origins(value)) for value in given))
    yield from _section("not used", _rows((value.key, _text(value.value), _origins(value)) for value in unused))
    unread = _rows((name, "nothing reads it", ()) for name in found.unknown)
    yield from _section("unknown", unread)
    plain = ((value.key, _text(value.value), () if value.value is not None else (value.default,)) for value in defaults)
    yield from _section("by default", _rows(plain))
    yield from _section("of no use here", _wrapped(_INDENT, ", ".join(useless)))
    yield from _section("protected by", _pairs(_protection(found.protection)))
    if found.migration_user is not None:
        yield from _section("migrations", _pairs([("log in as", found.migration_user)]))
    for item in found.engines:
        yield from _section(f"{item.kind} engine", _pairs(_engine(item)))


def headline(found: Explanation) -> str:
    """Name service, backend, host, database and user, as `config check` and the doctor do."""
    from dbkit.checks.findings import ServiceFindings

    return _findings.headline(
        ServiceFindings(
            service=found.service or NOTHING,
            backend=found.backend,
            host=found.host,
            database=found.database,
            user=found.user,
            refused=found.refused,
        )
    )


def shown(found: Sequence[Explanation]) -> Iterator[tuple[str, str, str, str]]:
    """Give rows of service, key, value and source: first what is the same for all services, then each service's own."""
    rows = {
        entry.service or NOTHING: [
            (value.key, _text(value.value), source(value.source, value.key))
            for value in entry.values
            if value.unused is None and value.value is not None
        ]
        for entry in found
    }
    same = [
        row for row in next(iter(rows.values()), []) if len(rows) > 1 and all(row in other for other in rows.values())
    ]
    for row in same:
        yield ("all", *row)
    for service, mine in rows.items():
        for row in mine:
            if row not in same:
                yield (service, *row)


def source(found: Source, key: str) -> str:
    """Word where a value came from; the variable is named where it is not the key itself."""
    if found.kind in {"default", "argument"}:
        return found.kind
    if found.kind == "file":
        return f"{_path(found.path)}: {found.name}"
    if found.from_file:
        return f"{found.name}, {_path(found.path)}"
    place = f"{_path(found.path)}:{found.line}" if found.kind == ".env" else "environment"
    return place if found.name == key else f"{found.name}, {place}"


def _path(path: str | None) -> str:
    if path is None:
        return NOTHING
    return _project.shown(path) if Path(path).is_absolute() else path


def _text(value: Plain) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return NOTHING if value is None else _path(str(value))


def _origins(value: Explained) -> Iterator[str]:
    yield source(value.source, value.key)
    if value.detail is not None:
        yield value.detail
    if value.unused is not None:
        yield value.unused
    for item in value.overrode:
        what = "***" if value.secret and item.value is not None else _text(item.value)
        word = "not" if value.source.kind == "default" else "over"
        yield f"{word} {what} ({source(item.source, '')}): {item.why}"


def _protection(found: Protection | None) -> Iterator[tuple[str, str]]:
    if found is None:
        return
    yield "TLS", found.meaning if found.mode == "off" else f"{found.mode}: {found.meaning}"
    if found.ca_file is not None:
        yield "CA", f"{found.ca_file} ({found.ca_found})"
    if found.cert_file is not None:
        yield "certificate", found.cert_file
    if found.key_file is not None and found.key_file != found.cert_file:
        yield "key", found.key_file


def _engine(found: Emission) -> Iterator[tuple[str, str]]:
    yield "driver", found.driver
    if found.error is not None:
        yield "error", found.error.message
        yield "hint", found.error.hint or ""
        return
    yield "library", found.library or ""
    yield "URL", found.url or ""
    yield "options", _joined(found.options)
    yield "arguments", _joined(found.arguments)
    yield "pool", _joined(found.pool)
    for statement in found.session:
        yield "session", statement


def _joined(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield title
        yield from found


def _rows(rows: Iterable[tuple[str, str, Iterable[str]]]) -> Iterator[str]:
    """Align key, value and remarks; what is too wide goes on below."""
    found = [(key, value, tuple(remarks)) for key, value, remarks in rows]
    first = max((len(key) for key, _, _ in found), default=0)
    second = max((len(value) for _, value, _ in found if len(value) <= _WIDEST), default=0)
    indent = len(_INDENT) + first + 2 + second + 2
    for key, value, remarks in found:
        begin = f"{_INDENT}{key:{first}}  {value:{second}}  "
        if len(value) > second:
            yield begin.rstrip()
            begin = " " * indent
        if not remarks:
            yield begin.rstrip()
        for remark in remarks:
            yield from _wrapped(begin, remark)
            begin = " " * indent


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    found = [(name, text) for name, text in pairs if text]
    width = max((len(name) for name, _ in found), default=0)
    before = None
    for name, text in found:
        yield from _wrapped(f"{_INDENT}{'' if name == before else name:{width}}  ", text)
        before = name


def _wrapped(begin: str, text: str) -> Iterator[str]:
    """Wrap a text below where it begins; a list without blanks, such as an sql_mode, behind one of its commas."""
    width, indent = _output.columns(), " " * len(begin)
    for line in textwrap.wrap(
        text, width, initial_indent=begin, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ):
        rest = line.rstrip()
        while len(rest) > width and rest.rfind(",", len(indent), width) > 0:
            cut = rest.rfind(",", len(indent), width) + 1
            yield rest[:cut]
            rest = indent + rest[cut:]
        yield rest
