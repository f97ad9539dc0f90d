"""How an account on PostgreSQL sees whether it has a right: queries of the catalogue that everybody may ask.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS-TABLE. What comes by membership in another
role, or to a superuser, counts. Where a schema, table or role is not there, nothing is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from dbkit.backends.rights import OWN_TABLES

_CREATEDB: Final = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
_DATABASE: Final = "SELECT has_database_privilege(current_user, current_database(), :right)"
_SCHEMA: Final = "SELECT has_schema_privilege(current_user, oid, :right) FROM pg_namespace WHERE nspname = :schema"
_RELATIONS: Final = """SELECT bool_and({asks}(current_user, c.oid, :right))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = :schema AND c.relkind::text = ANY(:kinds)
  AND (:right = 'SELECT' OR c.relname <> :version AND NOT starts_with(c.relname, :own))"""
_DEFAULT: Final = """SELECT pg_has_role(current_user, maker.oid, 'USAGE') OR EXISTS (
  SELECT FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) given
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace LEFT JOIN pg_roles taker ON taker.oid = given.grantee
  WHERE d.defaclrole = maker.oid AND d.defaclobjtype = :kind AND given.privilege_type = :right
  AND coalesce(n.nspname, :schema) = :schema
  AND (given.grantee = 0 OR pg_has_role(current_user, taker.oid, 'USAGE')))
  FROM pg_roles maker WHERE maker.rolname = :maker"""


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question that is answered true, false, or not at all."""

    sql: str
    values: Mapping[str, object] = field(default_factory=dict)

    def holds(self, connection: sa.Connection) -> bool:
        """Ask it; what cannot be seen counts as there."""
        return connection.scalar(sa.text(self.sql), self.values) is not False


def createdb() -> Query:
    """Ask whether it may create databases."""
    return Query(sql=_CREATEDB)


def on_database(right: str) -> Query:
    """Ask for a right on the database that it is connected to."""
    return Query(sql=_DATABASE, values={"right": right})


def on_schema(right: str, schema: str) -> Query:
    """Ask for a right on a schema."""
    return Query(sql=_SCHEMA, values={"right": right, "schema": schema})


def on_tables(right: str, schema: str, version_table: str | None) -> Query:
    """Ask for a right on all tables of a schema; the version table and dbkit's own are for reading alone."""
    values = {"right": right, "schema": schema, "kinds": ["r", "p"], "version": version_table or "", "own": OWN_TABLES}
    return Query(sql=_RELATIONS.format(asks="has_table_privilege"), values=values)


def on_sequences(schema: str) -> Query:
    """Ask for USAGE on all sequences of a schema."""
    values = {"right": "USAGE", "schema": schema, "kinds": ["S"], "version": "", "own": OWN_TABLES}
    return Query(sql=_RELATIONS.format(asks="has_sequence_privilege"), values=values)


def by_default(right: str, schema: str, maker: str) -> Query:
    """Ask for a right on what another account is still to make in a schema: tables, or for USAGE sequences."""
    values = {"right": right, "schema": schema, "maker": maker, "kind": "S" if right == "USAGE" else "r"}
    return Query(sql=_DEFAULT, values=values)
