"""What SHOW GRANTS of the MySQL family says, how names are escaped, and what is not given where one account does both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dbkit.backends import get_backend
from dbkit.backends.mysql.grants import _held, escaped
from dbkit.backends.protocol import GrantPlace, Role

MIGRATED = GrantPlace(database="shop", service_account="app", migration_account="ci", version_table="versions")
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE")
ALONE = GrantPlace(database="shop", service_account="app", migration_account="app", version_table="versions")


@pytest.mark.parametrize(
    ("line", "held"),
    [
        (r"GRANT SELECT, INSERT ON `a\_b`.* TO `app`@`%`", {"SELECT", "INSERT"}),
        (r"GRANT SELECT,INSERT ON `a\_b`.* TO 'app'@'%'", {"SELECT", "INSERT"}),
        ("GRANT ALL PRIVILEGES ON `a_b`.* TO `app`@`%` WITH GRANT OPTION", {"ALL PRIVILEGES"}),
        ("GRANT PROCESS ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*2F' REQUIRE SSL", {"PROCESS"}),
        ("GRANT CREATE TEMPORARY TABLES ON `a%`.* TO `app`@`%`", {"CREATE TEMPORARY TABLES"}),
        ("GRANT SELECT ON `A_B`.* TO `app`@`%`", {"SELECT"}),
        ('GRANT SELECT ON "a_b".* TO "app"@"%"', {"SELECT"}),
        (r"GRANT SELECT ON `axb`.* TO `app`@`%`", set()),
        (r"GRANT SELECT ON `a\_`.* TO `app`@`%`", set()),
        ("GRANT SELECT ON `a_b`.`one` TO `app`@`%`", set()),
        ("GRANT `role`@`%` TO `app`@`%`", set()),
        ("REVOKE INSERT ON `a_b`.* FROM `app`@`%`", set()),
        ("GRANT USAGE ON *.* TO `x ON ``a_b``.* TO y`@`%`", {"USAGE"}),
    ],
)
def test_the_rights_on_a_database_are_read_from_a_line_of_show_grants(line: str, held: set[str]) -> None:
    assert set(_held(line, "a_b")) == held


@pytest.mark.parametrize(
    ("name", "text"), [("shop", "shop"), ("a_b", r"a\_b"), ("a%", r"a\%"), ("a\\b", r"a\\b"), ("a-b$", "a-b$")]
)
def test_wildcards_in_a_databases_name_are_escaped(name: str, text: str) -> None:
    assert escaped(name) == text


@pytest.mark.parametrize("backend", ["postgresql", "mssql"])
def test_an_account_that_does_both_keeps_writing_the_version_table(backend: str) -> None:
    def words(place: GrantPlace) -> str:
        return " ".join(grant.sql for grant in get_backend(backend).grants.script(place, Role.SERVICE))

    assert "versions" in words(MIGRATED)
    assert "versions" not in words(ALONE)


def test_a_version_tables_name_cannot_end_the_block_that_it_stands_in() -> None:
    place = GrantPlace(database="shop", service_account="a'b", migration_account="ci", version_table="v$dbkit$ '")
    block = get_backend("postgresql").grants.script(place, Role.SERVICE)[-1].sql
    assert block.startswith("DO $dbkit_$ ")
    assert block.endswith("END $dbkit_$")
    assert "'v$dbkit$ '''" in block
    assert "'a''b'" in block


@pytest.mark.parametrize(
    ("backend", "schema", "service", "migration"),
    [
        (
            "postgresql",
            '"audit"',
            {"GRANT USAGE ON SCHEMA", "GRANT SELECT ON ALL TABLES IN SCHEMA", "ALTER DEFAULT PRIVILEGES FOR ROLE"},
            {"GRANT USAGE ON SCHEMA", "GRANT CREATE ON SCHEMA"},
        ),
        *(
            (name, "`audit`.*", {"GRANT SELECT ON"}, {f"GRANT {right} ON" for right in RIGHTS})
            for name in ("mysql", "mariadb", "tidb")
        ),
        ("mssql", "SCHEMA::[audit]", {"GRANT SELECT ON"}, {"GRANT SELECT ON", "GRANT INSERT ON", "GRANT ALTER ON"}),
    ],
)
def test_a_version_table_in_a_schema_of_its_own_is_read_by_one_account_and_written_by_the_other(
    backend: str, schema: str, service: set[str], migration: set[str]
) -> None:
    for role, wanted in ((Role.SERVICE, service), (Role.MIGRATION, migration)):
        place = replace(MIGRATED, version_schema="audit")
        plain = {grant.sql for grant in get_backend(backend).grants.script(MIGRATED, role)}
        added = {grant.sql for grant in get_backend(backend).grants.script(place, role)} - plain
        found = {sql.partition(schema)[0].rstrip() for sql in added if schema in sql and "CREATE SCHEMA" not in sql}
        assert {sql.partition(' "ci"')[0] for sql in found} >= wanted, added
        assert role is Role.MIGRATION or not any(
            word in sql for sql in found for word in ("INSERT", "UPDATE", "DELETE")
        )
