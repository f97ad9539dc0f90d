"""What the driver's errors mean, provoked for real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from dbkit.backends.protocol import Fault
from dbkit.testing.conformance.base import Conformance, Database, on_every_driver

__all__ = ["Faults"]

METADATA = sa.MetaData()
PARENTS = sa.Table("parents", METADATA, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
CHILDREN = sa.Table(
    "children",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parents.id", name="fk_children_parent_id")),
)


class Faults(Conformance):
    """Errors, each with the fault that it is."""

    @pytest.fixture(scope="class")
    @classmethod
    def family(cls, database: Database) -> Iterator[sa.Engine]:
        METADATA.create_all(database.engine)
        with database.engine.begin() as connection:
            connection.execute(PARENTS.insert(), [{"id": 1}])
            connection.execute(CHILDREN.insert(), [{"id": 1, "parent_id": 1}])
        yield database.engine
        METADATA.drop_all(database.engine)

    def fault(self, engine: sa.Engine, statement: sa.Executable) -> Fault:
        """Run a statement that fails; tell what its error means."""
        errors = self.profile.product.errors
        with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
            connection.execute(statement)
        assert errors.message(caught.value)
        assert "\n" not in errors.message(caught.value)
        assert errors.fault(caught.value.orig or caught.value) is errors.fault(caught.value)
        return errors.fault(caught.value)

    @on_every_driver
    def test_a_key_that_is_there_already(self, family: sa.Engine) -> None:
        assert self.fault(family, PARENTS.insert().values(id=1)) is Fault.DUPLICATE

    @on_every_driver
    def test_a_reference_to_a_row_that_is_not_there(self, family: sa.Engine) -> None:
        assert self.fault(family, CHILDREN.insert().values(id=2, parent_id=7)) is Fault.REFERENCE

    @on_every_driver
    def test_a_row_that_others_refer_to(self, family: sa.Engine) -> None:
        assert self.fault(family, PARENTS.delete()) is Fault.REFERENCE

    @on_every_driver
    def test_a_table_that_is_not_there(self, family: sa.Engine) -> None:
        assert self.fault(family, sa.select(sa.table("nobody", sa.column("id")))) is Fault.NO_TABLE

    @on_every_driver
    def test_a_statement_that_is_no_sql(self, family: sa.Engine) -> None:
        assert self.fault(family, sa.text("NO SUCH STATEMENT")) is Fault.OTHER

    def test_each_fault_that_the_profile_provokes(self, database: Database) -> None:
        errors = self.profile.product.errors
        for wanted, provoke in self.profile.provoke.items():
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the driver raises
                provoke(database.engine)
            assert errors.fault(caught.value) is wanted
