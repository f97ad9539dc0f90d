"""What becomes of what an env.py says and does, where it is run and where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from dbkit.scaffold.adopted import Finding
from dbkit.scaffold.env_source import Argument, Deed, EnvSource, Kind
from dbkit.scaffold.tracing import COMPUTED

__all__ = ["Verdict", "judge"]

_FUNCTIONS: Final = (
    *("include_object", "include_name", "render_item", "process_revision_directives"),
    *("compare_type", "compare_server_default"),
)
_COMPARED: Final = ("compare_type", "compare_server_default")
_OURS: Final = frozenset(
    {
        *("connection", "url", "dialect_name", "dialect_opts", "literal_binds", "as_sql", "starting_rev", "tag"),
        *("output_buffer", "output_encoding", "transactional_ddl", "transaction_per_migration"),
        *("target_metadata", "version_table", "version_table_schema"),
    }
)
"""Arguments that dbkit gives itself, or that are spoken of elsewhere."""
_COVERED: Final = {"makes": "dbkit's connection, by DATABASE_*", "sets": "nothing: dbkit reports"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of an env.py."""

    further: dict[str, object] = field(default_factory=dict)
    """The service's table `alembic`."""
    findings: tuple[Finding, ...] = ()

    @property
    def lost(self) -> tuple[Finding, ...]:
        """What nobody does any more."""
        return tuple(one for one in self.findings if not one.taken)


def judge(source: EnvSource, *, own: bool, placed: bool = False) -> Verdict:
    """Judge an env.py.

    Args:
        source: the env.py.
        own: it is going to be run.
        placed: its folders of revisions are named.
    """
    further: dict[str, object] = {}
    findings: list[Finding] = []
    for argument in source.arguments.values():
        if own and argument.name not in _OURS:
            findings.append(_of(argument, "kept"))
        elif not own:
            findings += _argued(argument, further)
    findings += [_done(deed, further, own=own, placed=placed) for deed in source.deeds]
    return Verdict(further=further, findings=tuple(sorted(findings, key=lambda one: (one.line, one.what))))


def _of(argument: Argument, here: str, *, taken: bool = True) -> Finding:
    what = "further arguments" if argument.name == "**" else argument.name
    return Finding(line=argument.line, what=what, here=here, taken=taken)


def _argued(argument: Argument, further: dict[str, object]) -> Iterator[Finding]:
    """Say what becomes of an argument where env.py is not run."""
    name, origin = argument.name, argument.origin
    literal = origin.literal
    if name in _OURS or literal is None:
        return
    if name in _FUNCTIONS and origin.reference is not None and not origin.called:
        further[name] = origin.reference
        yield _of(argument, f'{name} = "{origin.reference}"')
    elif (name in _COMPARED and literal is True) or (name == "render_as_batch" and literal is not False):
        yield _of(argument, "dbkit does so")
    elif name in ("render_as_batch", "include_schemas") and literal is not COMPUTED:
        if (literal is True) == (name == "include_schemas"):
            further[name] = literal
        yield _of(argument, f"{name} = {str(literal).lower()}")
    else:
        why = origin.why or ("is what only it knows" if literal is COMPUTED else f"is {literal!r}")
        yield _of(argument, f"not taken over: it {why}", taken=False)


def _done(deed: Deed, further: dict[str, object], *, own: bool, placed: bool) -> Finding:
    """Say what becomes of a deed."""
    here, taken = "not taken over", False
    if deed.kind is Kind.COVERED:
        here, taken = _COVERED[deed.what.partition(" ")[0]], True
    elif deed.kind is Kind.AUTOCOMMIT:
        further["autocommit"] = True
        here, taken = "autocommit = true", True
    elif deed.kind is Kind.APPLICATION:
        here, taken = "that which FLASK_APP names" if own else "not needed: it is not run", True
    elif deed.kind is Kind.PLACES:
        here, taken = (
            ("version_locations", True) if placed else ("not taken over: name them as version_locations", False)
        )
    elif deed.kind is Kind.SEVERAL:
        here = "not taken over: a service has one database"
    elif own:
        here, taken = "kept", True
    return Finding(line=deed.line, what=deed.what, here=here, taken=taken)
