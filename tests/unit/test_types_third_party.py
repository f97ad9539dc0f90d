"""A type that a third party adds: a kind with codecs of its own, and a portable type, without touching dbkit."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

import pytest
import sqlalchemy as sa

import dbkit.types as dbt
from dbkit.backends import get_backend
from dbkit.backends.kinds import Kind
from dbkit.backends.protocol import Codec
from dbkit.errors import TypeRefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressKind(Kind):
    """An IPv4 address."""

    name = "address"

    def codec_for(self, backend: str) -> Codec | None:
        if backend == "mssql":
            return None
        return Codec(column=sa.BigInteger(), bind=int, result=IPv4Address, check="{column} >= 0")


class Address(dbt.PortableType[IPv4Address]):
    impl = sa.BigInteger
    cache_ok = True
    checked = True

    def __init__(self) -> None:
        super().__init__()
        self.kind = AddressKind()

    def accept(self, value: Any) -> IPv4Address:
        if isinstance(value, IPv4Address):
            return value
        raise self.refused(value, "it is no address", hint="pass ipaddress.IPv4Address(...)")

    def frozen_repr(self) -> str:
        return "acme.v1.Address()"


def test_it_is_kept_as_its_kind_says() -> None:
    engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("a", Address()))
    address = IPv4Address("192.0.2.1")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), {"a": address})
        assert connection.scalar(sa.select(table.c.a).where(table.c.a == address)) == address
        with pytest.raises(sa.exc.IntegrityError, match="ck_t_a"):
            connection.exec_driver_sql("INSERT INTO t VALUES (-1)")
    engine.dispose()


def test_a_backend_that_knows_no_codec_refuses_the_type_with_what_to_do() -> None:
    with pytest.raises(TypeRefusedError, match="'address'") as caught:
        sa.schema.CreateTable(sa.Table("t", sa.MetaData(), sa.Column("a", Address()))).compile(
            dialect=get_backend("mssql").ddl.offline_dialect(None)
        )
    assert caught.value.hint == "give AddressKind a codec_for('mssql')"
