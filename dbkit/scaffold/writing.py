"""Writes files: all is looked at before the first is written, each is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dbkit.errors import ConfigurationError, DbkitError, UsageError
from dbkit.scaffold.results import Action, WrittenFile

__all__ = ["Draft", "Manner", "carry_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file to be written."""

    path: PurePosixPath
    """From the project's folder."""
    text: str
    extends: bool = False
    """The text holds all that the file held, so that none is overwritten."""

    @property
    def content(self) -> bytes:
        """Its bytes; what was no UTF-8 where it was read is again what it was."""
        return self.text.encode(errors="surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What is done where another file is in the way, and whether anything is."""

    force: bool = False
    """Overwrite it."""
    keep: bool = False
    """Leave it as it is, and write the others."""
    dry_run: bool = False
    """Write nothing, and say what would be."""


def carry_out(folder: Path, drafts: Sequence[Draft], manner: Manner) -> tuple[WrittenFile, ...]:
    """Write files into a folder, and those folders that are missing.

    Raises:
        UsageError: files are in the way, and neither to be overwritten nor to be kept. Nothing was written.
        ConfigurationError: a folder takes no files. Nothing was written.
        DbkitError: a file could not be written; the hint says which were.
    """
    actions = [_action(folder / draft.path, draft, manner) for draft in drafts]
    in_the_way = [str(draft.path) for draft, action in zip(drafts, actions, strict=True) if action is None]
    if in_the_way:
        raise UsageError(
            f"in the way in {str(folder)!r}: {', '.join(in_the_way)}; nothing was written",
            hint="--force overwrites them, --keep leaves them as they are and writes the rest",
        )
    found = [
        WrittenFile(path=str(draft.path), action=action)
        for draft, action in zip(drafts, actions, strict=True)
        if action
    ]
    todo = [
        draft for draft, one in zip(drafts, found, strict=True) if one.action not in (Action.KEPT, Action.UNCHANGED)
    ]
    for draft in todo:
        _prove_writable(folder / draft.path)
    if not manner.dry_run:
        _write_all(folder, todo)
    return tuple(found)


def _action(path: Path, draft: Draft, manner: Manner) -> Action | None:
    """Choose what becomes of a file; None where another one is in the way."""
    if not os.path.lexists(path):
        return Action.CREATED
    if path.is_file() and _read(path) == draft.content:
        return Action.UNCHANGED
    if draft.extends and path.is_file():
        return Action.CHANGED
    if manner.keep:
        return Action.KEPT
    return Action.OVERWRITTEN if manner.force and path.is_file() else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be read: {error.strerror or error}; nothing was written",
            hint="check who may read it",
        ) from None


def _prove_writable(path: Path) -> None:
    """Refuse a place that takes no file, before any is written."""
    there = next(parent for parent in path.parents if os.path.lexists(parent))
    if not there.is_dir():
        raise ConfigurationError(
            f"{str(path)!r} cannot be written: {str(there)!r} is no folder; nothing was written",
            hint="move it out of the way, or name another folder",
        )
    locked = next((one for one in (path, there) if one.exists() and not os.access(one, os.W_OK)), None)
    if locked is not None:
        raise ConfigurationError(
            f"{str(path)!r} cannot be written: this account may not write to {str(locked)!r}; nothing was written",
            hint="check who may write there",
        )


def _write_all(folder: Path, drafts: Sequence[Draft]) -> None:
    done: list[str] = []
    for draft in drafts:
        try:
            _write(folder / draft.path, draft.content)
        except OSError as error:
            written = ", ".join(done) or "nothing"
            raise DbkitError(
                f"{str(folder / draft.path)!r} cannot be written: {error.strerror or error}; written before it: {written}",
                hint="mend the cause, and run the command again with --keep",
            ) from None
        done.append(str(draft.path))


def _write(path: Path, content: bytes) -> None:
    """Write a file beside its place, and put it there when it is whole; a link stays a link."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(content)
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
