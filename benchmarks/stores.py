"""What the operations of a store cost beside the same statements on plain SQLAlchemy, on the same URL with the same TLS.

Plain means what somebody writes who has no dbkit and no store: an engine with the same pool, a session, the statements. Both sides
send the same statements to the same tables, which is proved before anything is timed, and take turns as in `benchmarks.engines`.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload, sessionmaker

from benchmarks.engines import PLAIN, Side, interleaved, plain_engine, report
from benchmarks.processes import ROOT
from dbkit import migrations
from dbkit.project import Project
from services.user.models import AccountStatus, Profile, Session, User
from services.user.store import UserStore
from tests.servers import SERVERS, find_server, throw_away_database

TURN = 5  # operations of one turn, after one that is not timed: no side shall pay for the other's having been in the caches
ROUNDS = range(30, 201)
SECONDS = 3.0  # of one operation on one side, within these rounds
WARM_UP = 5
USERS = 200
PAGE = 50
GOAL = "at most 1.05"
PARAMETER = re.compile(r"%\(\w+\)s")
"""A parameter by its name, which no server is sent."""
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What both sides read and change."""

    user_id: uuid.UUID
    token: str


@dataclass(kw_only=True)
class Stored:
    """The store's operations."""

    store: UserStore
    known: Known
    mine: User
    """The user that this side changes, as it is now."""

    def fetch_by_id(self) -> object:
        """Fetch a user."""
        return self.store.user(self.known.user_id)

    def log_in_by_token(self) -> object:
        """Find who is signed in."""
        return self.store.session_of(self.known.token)

    def list_a_page(self) -> object:
        """Read the first page."""
        return self.store.users(limit=PAGE)

    def update_guarded(self) -> object:
        """Change a user at a version."""
        self.mine = self.store.update_user(self.mine.id, is_staff=not self.mine.is_staff, version=self.mine.version)
        return self.mine

    def create(self) -> object:
        """Open an account."""
        return self.store.create_user(
            f"{uuid.uuid4().hex}@example.org", given_name="Ada", family_name="Lovelace", password_hash=HASH
        )


@dataclass(kw_only=True)
class Written:
    """The same statements in sessions of plain SQLAlchemy."""

    engine: sa.Engine
    known: Known
    mine: User

    def __post_init__(self) -> None:
        """Make the factory of sessions once."""
        self.sessions = sessionmaker(self.engine, expire_on_commit=False)

    def fetch_by_id(self) -> object:
        """Fetch a user."""
        query = sa.select(User).where(User.id == self.known.user_id).options(joinedload(User.profile))
        with self.sessions() as session, session.begin():
            return session.scalar(query)

    def log_in_by_token(self) -> object:
        """Find who is signed in."""
        token_hash = hashlib.sha256(self.known.token.encode()).digest()
        query = sa.select(Session).join(Session.user).options(contains_eager(Session.user))
        query = query.where(
            Session.token_hash == token_hash,
            Session.revoked_at.is_(None),
            Session.expires_at > NOW,
            User.status == AccountStatus.ACTIVE,
        )
        with self.sessions() as session, session.begin():
            return session.scalar(query)

    def list_a_page(self) -> object:
        """Read the first page."""
        query = sa.select(User).outerjoin(User.profile).options(contains_eager(User.profile))
        query = query.order_by(User.created_at.asc(), User.id.asc()).limit(PAGE + 1)
        with self.sessions() as session, session.begin():
            return list(session.scalars(query))

    def update_guarded(self) -> object:
        """Change a user at a version."""
        key, version = self.mine.id, self.mine.version
        values = {"is_staff": not self.mine.is_staff, "version": version + 1, "updated_at": NOW}
        changed = sa.update(User).where(User.id == key, User.version == version).values(values)
        with self.sessions() as session, session.begin():
            session.execute(changed.execution_options(synchronize_session=False))
            self.mine = session.get_one(User, key, populate_existing=True)
            session.refresh(self.mine, ["profile"])
        return self.mine

    def create(self) -> object:
        """Open an account."""
        user = User(
            email=f"{uuid.uuid4().hex}@example.org",
            password_hash=HASH,
            status=AccountStatus.INVITED,
            is_staff=False,
            created_at=NOW,
            updated_at=NOW,
        )
        user.profile = Profile(given_name="Ada", family_name="Lovelace", created_at=NOW, updated_at=NOW)
        with self.sessions() as session, session.begin():
            session.add(user)
        return user


OPERATIONS: dict[str, Callable[[Stored | Written], object]] = {
    "fetch by id": lambda side: side.fetch_by_id(),
    "log in by token": lambda side: side.log_in_by_token(),
    "list a page": lambda side: side.list_a_page(),
    "guarded update": lambda side: side.update_guarded(),
    "create": lambda side: side.create(),
}


def populate(store: UserStore) -> Known:
    """Open accounts, and sign one of them in."""
    for _ in range(USERS):
        user = new(store)
    return Known(user_id=user.id, token=store.sign_in(user.id, lifetime=timedelta(days=1)).token)


def new(store: UserStore) -> User:
    """Open an active account."""
    return store.create_user(
        f"{uuid.uuid4().hex}@example.org",
        given_name="Grace",
        family_name="Hopper",
        password_hash=HASH,
        status=AccountStatus.ACTIVE,
    )


@contextmanager
def sides(project: Project, routed: Project) -> Iterator[dict[str, Stored | Written]]:
    """Give plain SQLAlchemy twice, whose difference is noise, the store, and where a service may fall back the store in such a one."""
    with ExitStack() as stack:

        def stored(found: Project) -> UserStore:
            engine = found.engine("user")
            stack.callback(engine.dispose)
            return UserStore(found.session("user"), clock=lambda: NOW)

        store = stored(project)
        known, config = populate(store), project.config("user")
        made: dict[str, Stored | Written] = {}
        for name in (PLAIN, "plain again"):
            engine = plain_engine(config)
            stack.callback(engine.dispose)
            made[name] = Written(engine=engine, known=known, mine=new(store))
        made["the store"] = Stored(store=store, known=known, mine=new(store))
        if routed.config("user").fallback_path is not None:
            made["with a fallback"] = Stored(store=stored(routed), known=known, mine=new(store))
        yield made


@contextmanager
def recording() -> Iterator[list[str]]:
    """Give the statements that are sent by whatever engine."""
    sent: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(PARAMETER.sub("%s", statement))

    sa.event.listen(sa.Engine, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", record)


def prove_same(name: str, made: dict[str, Stored | Written]) -> None:
    """End the run where a side sends other statements than plain SQLAlchemy."""
    seen = {}
    for side, worker in made.items():
        with recording() as sent:
            OPERATIONS[name](worker)
        seen[side] = list(sent)
    for side, sent in seen.items():
        if sent != seen[PLAIN]:
            raise SystemExit(f"{name}: {side} sends\n{sent}\nand plain SQLAlchemy\n{seen[PLAIN]}")


def turn(name: str, operation: Callable[[Stored | Written], object], worker: Stored | Written) -> Side:
    """Have a side do an operation as often as it does when it is its turn."""

    def block() -> None:
        for _ in range(TURN):
            operation(worker)

    return Side(name=name, block=block, before=lambda: operation(worker))


def compare(backend: str, project: Project, routed: Project) -> None:
    """Print what each operation costs on one backend."""
    with sides(project, routed) as made:
        for name, operation in OPERATIONS.items():
            prove_same(name, made)
            timed = [turn(side, operation, worker) for side, worker in made.items()]
            each_s = interleaved(timed, WARM_UP)[PLAIN].seconds
            rounds = min(max(ROUNDS), max(min(ROUNDS), int(SECONDS / each_s)))
            report(f"{name}, {backend}", interleaved(timed, rounds), per=TURN, goal=GOAL)


def comparing(names: Sequence[str] = ("sqlite", *SERVERS)) -> None:
    """Compare on every backend that is there."""
    for backend in names:
        if backend != "sqlite" and find_server(backend) is None:
            print(f"{backend}: no server, so nothing is compared")
            continue
        with tempfile.TemporaryDirectory() as folder, throw_away_database(backend, Path(folder)) as database:
            os.environ.update(database.environ)
            if backend != "sqlite":
                os.environ["DATABASE_SQLITE_PATH"] = f"{folder}/{{service}}.db"
            project = Project.find(ROOT)
            found = migrations.migrate(project, ["user"])
            if not found.ok:
                raise SystemExit(f"{backend}: {found['user'].error}")
            compare(backend, project, Project.find(ROOT, fallback="dev"))
            for variable in (*database.environ, "DATABASE_SQLITE_PATH"):
                os.environ.pop(variable, None)


if __name__ == "__main__":
    for setting in list(os.environ):
        if "DATABASE_" in setting:
            del os.environ[setting]
    comparing(sys.argv[1:] or ("sqlite", *SERVERS))
