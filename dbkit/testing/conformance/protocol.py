"""The protocol: complete, callable as it says, and answering offline."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from dbkit.backends import backend_names, backend_of, get_backend, optional, protocol
from dbkit.backends.protocol import Default, Fault, GrantPlace, Role
from dbkit.config.url import parse_url
from dbkit.errors import ConfigurationError
from dbkit.testing.conformance.base import Conformance
from dbkit.testing.conformance.columns import columns_of
from dbkit.testing.conformance.samples import ALL, kinds_of

__all__ = ["Protocols"]

PARTS: Final = {
    "codecs": protocol.Codecs,
    "errors": protocol.Errors,
    "ddl": protocol.Ddl,
    "locker": protocol.Locker,
    "grants": protocol.Grants,
    "examiner": protocol.Examiner,
}
OPTIONAL: Final = [getattr(optional, name) for name in optional.__all__ if inspect.isclass(getattr(optional, name))]


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Give the members of a protocol, with what they are there."""
    for name, member in vars(kind).items():
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            yield name, member


def parameters(function: Any) -> list[tuple[str, str]]:
    """List the parameters of a function that a caller may name, with their kinds."""
    return [
        (one.name, one.kind.description)
        for one in inspect.signature(function).parameters.values()
        if one.name != "self"
    ]


def breaches(part: object, kind: type) -> dict[str, str]:
    """Find what of a protocol an object lacks, or is called otherwise."""
    found = {}
    for name, member in methods(kind):
        own = inspect.getattr_static(part, name, None)
        if own is None:
            found[name] = "is missing"
        elif not isinstance(member, property) and parameters(getattr(part, name)) != parameters(member):
            found[name] = f"takes {parameters(getattr(part, name))}, not {parameters(member)}"
    return found


def bare_url(
    connector: protocol.Connector, endpoint: protocol.Endpoint
) -> tuple[sa.URL | None, ConfigurationError | None]:
    """Give the URL for a bare `create_engine`, or why there is none."""
    try:
        return connector.url(endpoint), None
    except ConfigurationError as error:
        return None, error


class Protocols(Conformance):
    """What a backend says of itself, without a server."""

    def test_it_is_found_by_its_entry_point(self) -> None:
        assert self.profile.backend in backend_names()
        assert get_backend(self.profile.backend).name == self.profile.backend
        assert self.profile.product.api_version == protocol.API_VERSION

    @pytest.mark.parametrize("part", PARTS)
    def test_each_part_is_whole_and_called_as_the_protocol_says(self, part: str) -> None:
        assert breaches(getattr(self.profile.product, part), PARTS[part]) == {}

    def test_each_driver_has_a_connector_that_is_whole(self) -> None:
        traits = self.profile.product.traits
        connectors = [self.profile.product.connector(driver.name) for driver in traits.drivers]
        assert connectors
        assert [found for one in connectors if (found := breaches(one, protocol.Connector))] == []

    @pytest.mark.parametrize("kind", OPTIONAL, ids=lambda kind: kind.__name__)
    def test_what_is_offered_beyond_the_protocol_is_whole_too(self, kind: Any) -> None:
        product = self.profile.product
        parts = [product.ddl, *(product.connector(driver.name) for driver in product.traits.drivers)]
        assert [found for one in parts if isinstance(one, kind) and (found := breaches(one, kind))] == []

    def test_the_traits_are_whole(self) -> None:
        traits = self.profile.product.traits
        assert traits.title
        assert traits.scheme
        assert traits.driver_of("sync")
        assert all(driver.kinds for driver in traits.drivers)
        assert traits.name_limit > 0
        assert traits.file_based == (traits.port is None)

    def test_a_database_that_is_a_file_knows_what_belongs_to_it(self) -> None:
        assert isinstance(self.profile.product.ddl, optional.Filed) == self.profile.product.traits.file_based

    def test_sqlalchemy_finds_the_dialect_of_each_scheme_and_driver(self) -> None:
        traits = self.profile.product.traits
        for driver in traits.drivers:
            found = sa.make_url(f"{traits.scheme}+{driver.name}://").get_dialect()
            assert found.driver == driver.name

    def test_a_url_with_its_scheme_means_it(self) -> None:
        traits = self.profile.product.traits
        place = "/here.db" if traits.file_based else "someone@host.example/here"
        parts = parse_url(f"{traits.scheme}://{place}", "DATABASE_URL")
        assert (
            parts.fields["sqlite_path" if traits.file_based else "database"]
            == "here.db"[: None if traits.file_based else 4]
        )

    def test_the_offline_dialect_is_its_own_and_compiles_every_type(self) -> None:
        dialect = self.profile.product.ddl.offline_dialect(None)
        assert backend_of(dialect) is self.profile.product
        assert dialect.name == self.profile.product.traits.dialect
        table = sa.Table("many", sa.MetaData(), *columns_of(self.profile.refuses))
        text = str(CreateTable(table).compile(dialect=dialect))
        assert [column.name for column in table.columns if column.name not in text] == []

    def test_every_default_is_worded(self) -> None:
        codecs = self.profile.product.codecs
        fitting = {"utc_datetime": Default.NOW, "json": Default.EMPTY_OBJECT, "array": Default.EMPTY_ARRAY}
        kinds = [case.type.kind for case in ALL if not kinds_of(case.type) & self.profile.refuses]
        assert [kind for kind in kinds if kind.name in fitting and not codecs.default(fitting[kind.name], kind)] == []

    def test_an_error_of_somebody_elses_is_classified_as_other(self) -> None:
        errors = self.profile.product.errors
        assert errors.fault(ValueError("of the program\nitself")) is Fault.OTHER
        assert "\n" not in errors.message(ValueError("of the program\nitself"))

    def test_names_that_no_database_may_have_are_refused_with_the_reason(self) -> None:
        ddl, limit = self.profile.product.ddl, self.profile.product.traits.name_limit
        assert ddl.refuse_name("a\0b")
        if self.profile.on_server:
            names = ("", "x" * (limit + 1), 'a"b', "a`b", "a]b", "a'b", "a;b", "a b", "a/b", "-a", "ä")
            assert [name for name in names if not ddl.refuse_name(name)] == []

    @pytest.mark.parametrize("name", ["a", "Users_2", "a-b", "a$b", "select", "0a"])
    def test_any_other_name_is_quoted(self, name: str) -> None:
        ddl = self.profile.product.ddl
        assert ddl.refuse_name(name) is None
        assert name in ddl.create_database(name, None)
        assert name in ddl.drop_database(name)

    @pytest.mark.parametrize("role", Role)
    def test_the_rights_of_an_account_are_worded(self, role: Role) -> None:
        place = GrantPlace(database="shop", service_account="shop", migration_account="shop_admin")
        script = self.profile.product.grants.script(place, role)
        assert bool(script) == self.profile.on_server
        assert [one for one in script if not one.purpose or one.sql.rstrip().endswith(";")] == []

    def test_a_password_is_in_no_argument_beside_the_url(self) -> None:
        product, password = self.profile.product, "Secret-4711"
        for driver in product.traits.drivers:
            endpoint = protocol.Endpoint(
                driver=driver.name, host="h", port=1, user="u", password=password, database="d"
            )
            assert password not in repr(product.connector(driver.name).connect_args(endpoint))

    def test_a_bare_url_names_the_driver_or_says_what_to_use_instead(self) -> None:
        product = self.profile.product
        for driver in product.traits.drivers:
            endpoint = protocol.Endpoint(driver=driver.name, host="h", port=1, user="u", database="d")
            url, refusal = bare_url(product.connector(driver.name), endpoint)
            assert url is None or url.drivername == f"{product.traits.scheme}+{driver.name}"
            assert refusal is None or "create_" in f"{refusal} {refusal.hint}"
