"""What the stores of all services have in common: transactions composed, and errors worded, on every backend."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from dbkit.config import DatabaseConfig
from dbkit.project import Project
from services.errors import Conflict, Invalid, NotFound, StoreError, Unavailable, VersionConflict
from services.store import Store
from services.user.models import AccountStatus, Outcome, Role, User, UserRole
from services.user.store import UserStore
from tests.servers import SERVERS, Database
from tests.services.clocks import NOON, Clock
from tests.services.projects import Desk

CLOSED_PORT = "1"
IMPATIENT = {
    "sqlite": "PRAGMA busy_timeout = 50",
    "postgresql": "SET LOCAL lock_timeout = '50ms'",
    "mssql": "SET LOCK_TIMEOUT 50",
}
"""How a transaction is told not to wait for a lock; the MySQL family knows whole seconds."""
READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
"""TiDB has none that one session can ask for, and SQL Server none at all."""
WHO = {"postgresql": "SELECT pg_backend_pid()", "mssql": "SELECT @@SPID"}
KILL = {"postgresql": "SELECT pg_terminate_backend({})", "mssql": "KILL {}"}


def on(*backends: str) -> pytest.MarkDecorator:
    """Give a test the database on these backends."""
    found = [pytest.param(name, id=name, marks=getattr(pytest.mark, name)) for name in backends]
    return pytest.mark.parametrize("database", found, indirect=True)


@pytest.fixture
def store(migrated: sa.Engine) -> UserStore:
    """Give a store."""
    return UserStore(lambda: Session(migrated))


@pytest.fixture
def desk(migrated: sa.Engine) -> Desk:
    """Give another store, with what is done with it in few words."""
    return Desk(engine=migrated)


def address() -> str:
    """Make an address that nobody else has."""
    return f"{uuid.uuid4().hex}@example.org"


def a_user(store: UserStore, email: str = "") -> User:
    """Open an account."""
    return store.create_user(email or address(), given_name="Ada")


def is_there(store: UserStore, email: str) -> bool:
    """Tell whether somebody has the address."""
    try:
        store.user_by_email(email)
    except NotFound:
        return False
    return True


def refused(kind: type[Exception], store: UserStore, work: Callable[[], object]) -> Exception:
    """Give the error that ends a transaction in which this is done."""
    with pytest.raises(kind) as caught, store.transaction():
        work()
    return caught.value


# --- transactions ---------------------------------------------------------------------------------------------------------


def test_operations_inside_are_one_transaction(store: UserStore) -> None:
    first, second = address(), address()

    with store.transaction():
        a_user(store, first)
        with store.transaction():
            a_user(store, second)
        assert is_there(store, first)
        with ThreadPoolExecutor(1) as other:  # a thread of its own has a transaction of its own
            assert other.submit(is_there, store, first).result() is False

    assert (is_there(store, first), is_there(store, second)) == (True, True)


def test_an_exception_inside_takes_all_of_it_back(store: UserStore) -> None:
    email = address()

    def work() -> None:
        a_user(store, email)
        raise ZeroDivisionError

    refused(ZeroDivisionError, store, work)

    assert not is_there(store, email)


def test_what_the_store_itself_refuses_can_be_caught_inside(store: UserStore) -> None:
    email = address()

    with store.transaction():
        assert not is_there(store, email)
        with pytest.raises(Invalid):
            store.create_user(email, given_name="")
        user = a_user(store, email)
        with pytest.raises(VersionConflict):
            store.update_user(user.id, is_staff=True, version=7)
        role = store.create_role(uuid.uuid4().hex)
        store.grant(user.id, role.id)
        with pytest.raises(Conflict):
            store.grant(user.id, role.id)
        with pytest.raises(NotFound):
            store.grant(user.id, uuid.uuid4())

    assert is_there(store, email)
    assert [grant.role_id for grant in store.grants(user.id)] == [role.id]


def test_of_what_is_refused_inside_nothing_stays(store: UserStore, desk: Desk) -> None:
    user = a_user(store)
    project = desk.project(starts_on=date(2026, 5, 5))
    phase = desk.phase(project)
    too_long = {"given_name": "x" * 150, "family_name": "y" * 150}
    ended = date(2026, 5, 4)
    refusals: list[tuple[Store, Callable[[], object]]] = [
        (store, lambda: store.update_profile(user.id, **too_long, version=1)),
        (desk.store, lambda: desk.store.update_project(project.id, version=1, due_on=ended)),
        (desk.store, lambda: desk.store.edit_phase(phase.id, starts_on=date(2026, 5, 5), ends_on=ended)),
        (desk.store, lambda: desk.store.reorder_phases(project.id, [], version=1)),
    ]

    for one, act in refusals:
        with one.transaction(), pytest.raises(Invalid):
            act()

    kept, there = store.user(user.id), desk.store.project(project.id)
    assert kept.profile is not None
    assert (kept.version, kept.profile.full_name) == (1, "Ada")
    assert (there.version, there.due_on) == (1, None)
    assert desk.store.phases(project.id)[0].ends_on is None


def test_what_the_database_refuses_ends_all_of_it_though_it_is_caught(store: UserStore) -> None:
    taken, mine = address(), address()
    a_user(store, taken)
    said = f"^the address '{taken}' is taken$"

    def work() -> None:
        a_user(store, mine)
        with pytest.raises(Conflict, match=said):
            a_user(store, taken)
        with pytest.raises(Conflict, match=said):
            store.user_by_email(taken)

    assert str(refused(Conflict, store, work)) == f"the address '{taken}' is taken"
    assert not is_there(store, mine)
    a_user(store, mine)


def test_what_is_given_can_be_read_when_the_transaction_is_over(store: UserStore) -> None:
    with store.transaction():
        user = a_user(store)
        role = store.create_role(uuid.uuid4().hex, permissions=["read"])

    assert sa.inspect(user).detached
    assert (user.version, user.email, role.permissions) == (1, user.email, ["read"])
    assert user.profile is not None
    assert user.profile.full_name == "Ada"


def test_one_session_given_again_and_again_can_go_on_after_an_error(migrated: sa.Engine) -> None:
    with Session(migrated) as session:
        store = UserStore(lambda: session)
        user = a_user(store)
        with pytest.raises(Conflict):
            a_user(store, user.email)

        assert store.user(user.id).email == user.email


# --- errors ---------------------------------------------------------------------------------------------------------------


def test_a_duplicate_is_a_conflict(store: UserStore) -> None:
    name = uuid.uuid4().hex

    with pytest.raises(Conflict) as caught, store.transaction() as session:
        session.add_all([Role(name=name), Role(name=name)])

    assert type(caught.value) is Conflict
    assert "\n" not in str(caught.value)


def test_a_reference_to_nothing_is_a_conflict(store: UserStore) -> None:
    with pytest.raises(Conflict), store.transaction() as session:
        session.add(UserRole(user_id=uuid.uuid4(), role_id=uuid.uuid4()))


def test_a_value_that_no_check_has_seen_is_invalid(store: UserStore) -> None:
    said = r"^value: .* cannot be kept as dbt.v1.String\(60\): it has 61 characters$"
    with pytest.raises(Invalid, match=said), store.transaction() as session:
        session.add(Role(name="x" * 61))
    with pytest.raises(Invalid, match=r"^value: "), store.transaction() as session:
        session.scalars(sa.select(User).where(User.created_at > "yesterday"))


def test_a_mistake_in_the_code_is_not_worded_away(store: UserStore) -> None:
    with pytest.raises(sa.exc.DBAPIError), store.transaction() as session:
        session.execute(sa.text("SELECT nonsense FROM users"))


def test_a_row_that_somebody_holds_is_unavailable(store: UserStore, migrated: sa.Engine, database: Database) -> None:
    user = a_user(store)
    impatient = IMPATIENT.get(database.backend, "SET SESSION innodb_lock_wait_timeout = 1")
    holder = UserStore(lambda: Session(migrated))

    def work() -> None:
        with store.transaction() as session:
            session.execute(sa.text(impatient))
            store.update_user(user.id, is_staff=False, version=1)

    with holder.transaction():
        holder.update_user(user.id, is_staff=True, version=1)
        error = refused(Unavailable, store, work)

    assert "\n" not in str(error)
    assert store.user(user.id).is_staff is True
    migrated.dispose()  # no other test is to be impatient


@on("postgresql", "mariadb", "mysql", "tidb", "mssql")
def test_of_two_who_wait_for_each_other_one_is_unavailable(store: UserStore) -> None:
    users, both = [a_user(store), a_user(store)], threading.Barrier(2)

    def cross(first: int) -> StoreError | None:
        try:
            with store.transaction():
                store.update_user(users[first].id, is_staff=True, version=1)
                both.wait(10)
                store.update_user(users[1 - first].id, is_staff=True, version=1)
        except StoreError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(cross, range(2)))

    assert sorted(type(one).__name__ for one in found) == ["NoneType", "Unavailable"]
    assert [store.user(user.id).version for user in users] == [2, 2]


@on("sqlite")
def test_who_has_read_what_another_then_changes_is_unavailable(store: UserStore, migrated: sa.Engine) -> None:
    user, other = a_user(store), UserStore(lambda: Session(migrated))

    def work() -> None:
        store.user(user.id)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(other.update_user, user.id, version=1, is_staff=True).result()
        store.update_user(user.id, is_staff=False, version=1)

    assert str(refused(Unavailable, store, work)) == "database is locked"
    assert (store.user(user.id).version, store.user(user.id).is_staff) == (2, True)


@on(*READ_ONLY)
def test_where_nothing_can_be_written_reading_goes_on(
    store: UserStore, migrated: sa.Engine, database: Database
) -> None:
    clock = Clock()
    store = UserStore(store._sessions, clock=clock)
    user = store.create_user(address(), given_name="Ada", status=AccountStatus.ACTIVE)
    begun = store.sign_in(user.id, lifetime=timedelta(days=1))
    clock.go(minutes=2)
    make_read_only = _read_only(database.backend)
    sa.event.listen(migrated, "begin", make_read_only)
    try:
        assert store.user(user.id).email == user.email
        # when it was last seen cannot be noted, and that keeps nobody from being known
        assert store.session_of(begun.token).last_seen_at == NOON
        with pytest.raises(Unavailable) as caught:
            store.update_user(user.id, is_staff=True, version=1)
    finally:
        sa.event.remove(migrated, "begin", make_read_only)
        migrated.dispose()

    assert "\n" not in str(caught.value)
    assert store.user(user.id).version == 1
    assert store.session_of(begun.token).last_seen_at == clock.now


def _read_only(backend: str) -> Callable[[sa.Connection], None]:
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(READ_ONLY[backend])

    return begin


@on(*SERVERS)
def test_a_connection_that_is_killed_is_unavailable_and_the_next_is_not(store: UserStore, database: Database) -> None:
    user, email = a_user(store), address()
    backend = database.backend

    def work() -> None:
        a_user(store, email)
        with store.transaction() as session:
            number = session.scalar(sa.text(WHO.get(backend, "SELECT CONNECTION_ID()")))
        assert database.server is not None
        database.server.execute(KILL.get(backend, "KILL {}").format(number))
        for _ in range(20):  # TiDB ends it a moment later
            store.user(user.id)
            threading.Event().wait(0.1)

    assert "\n" not in str(refused(Unavailable, store, work))
    assert store.user(user.id).email == user.email
    assert not is_there(store, email)


def test_a_server_that_is_not_there_is_unavailable(database: Database, tmp_path: Path) -> None:
    missing = {"DATABASE_SQLITE_PATH": str(tmp_path / "missing" / "user.db"), "DATABASE_PORT": CLOSED_PORT}
    changed = {name: value for name, value in missing.items() if name in database.environ}
    engine = DatabaseConfig.from_env(environ={**database.environ, **changed}).create_engine()
    store = UserStore(lambda: Session(engine))

    for act in (lambda: store.user(uuid.uuid4()), lambda: a_user(store), lambda: store.record("x", Outcome.FAILED)):
        with pytest.raises(Unavailable) as caught:
            act()
        assert "\n" not in str(caught.value)


def test_a_pool_without_a_free_connection_is_unavailable(project: Project, migrated: sa.Engine) -> None:
    del migrated
    config = project.config("user")
    engine = config.create_engine(pool_size=1, max_overflow=0, pool_timeout=0.05)
    store = UserStore(lambda: Session(engine))

    with store.transaction(), ThreadPoolExecutor(1) as other:
        error = other.submit(a_user, store).exception()

    assert type(error) is Unavailable
    assert str(error).startswith("no connection of the pool became free within 0.05 s")
    engine.dispose()


@on("sqlite")
def test_a_file_that_is_full_keeps_nothing_of_what_did_not_fit(store: UserStore, migrated: sa.Engine) -> None:
    email = address()
    # pages that other tests have freed would be filled first
    with migrated.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")

    def work() -> None:
        a_user(store, email)
        with store.transaction() as session:
            session.execute(sa.text("PRAGMA max_page_count = 1"))
        for _ in range(9):
            store.record("big", Outcome.FAILED, details={"text": "x" * 60_000})

    assert str(refused(Unavailable, store, work)) == "database or disk is full"
    migrated.dispose()
    assert not is_there(store, email)
    a_user(store, email)


@on("sqlite")
def test_a_database_without_the_tables_is_unavailable(database: Database, tmp_path: Path) -> None:
    environ = {**database.environ, "DATABASE_SQLITE_PATH": str(tmp_path / "empty.db")}
    engine = DatabaseConfig.from_env(environ=environ).create_engine()

    with pytest.raises(Unavailable, match=r"^no such table: users$"):
        UserStore(lambda: Session(engine)).user(uuid.uuid4())


@on("sqlite")
def test_a_file_that_is_no_database_is_unavailable(database: Database, tmp_path: Path) -> None:
    (tmp_path / "damaged.db").write_bytes(b"no database" * 1000)
    environ = {**database.environ, "DATABASE_SQLITE_PATH": str(tmp_path / "damaged.db")}
    engine = DatabaseConfig.from_env(environ=environ).create_engine()

    with pytest.raises(Unavailable, match=r"^file is not a database$"):
        UserStore(lambda: Session(engine)).user(uuid.uuid4())
