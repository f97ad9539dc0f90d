"""What projects, packages and services may be called."""

from __future__ import annotations

import keyword
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbkit.backends import backend_names, get_backend
from dbkit.errors import UsageError
from dbkit.scaffold.names import database_template, identifier, prove_package, prove_project, prove_service


@pytest.mark.parametrize("name", ["user", "order_history", "a", "v2", "x" * 40])
def test_a_name_that_works_everywhere_is_a_services(name: str) -> None:
    assert prove_service(name) == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("", "such as 'user' or 'order_history'"),
        ("order-history", "call it 'order_history'"),
        ("Order", "call it 'order'"),
        ("2fa", "call it 'n2fa'"),
        ("Größe", "call it 'groe'"),
        ("../etc", "call it 'etc'"),
        ("user\n", "call it 'user'"),
        ("数据", "such as 'user' or 'order_history'"),
        ("x" * 41, "take at most 40"),
        ("class", "such as 'class_service'"),
        ("match", "such as 'match_service'"),
        ("json", "such as 'json_service'"),
        ("email", "such as 'email_service'"),
        ("services", "such as 'services_service'"),
        ("dbkit", "such as 'dbkit_service'"),
    ],
)
def test_what_cannot_be_a_services_name_is_refused_with_one_that_can(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        prove_service(name)
    assert repr(name) in caught.value.message
    assert caught.value.hint == hint


@given(st.text() | st.text("ab1_-", max_size=44))
def test_a_service_has_a_name_that_is_a_module_a_variable_and_a_database_or_none(name: str) -> None:
    try:
        prove_service(name)
    except UsageError:
        return
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert name not in sys.stdlib_module_names
    assert re.fullmatch("[A-Z][A-Z0-9_]*", name.upper())
    database = database_template("shop", name).format(service=name)
    refusals = [get_backend(backend).ddl.refuse_name(database) for backend in backend_names()]
    assert set(refusals) == {None}


@given(st.text())
def test_an_identifier_is_one_or_nothing_and_that_of_itself(text: str) -> None:
    found = identifier(text)
    assert found == "" or re.fullmatch("[a-z][a-z0-9_]*", found)
    assert identifier(found) == found


@pytest.mark.parametrize("name", ["shop", "My.Shop", "shop-2", "7up"])
def test_a_project_is_called_as_pyproject_takes_it(name: str) -> None:
    assert prove_project(name) == name


@pytest.mark.parametrize("name", ["", "my shop", "-shop", 'shop"', "dbkit", "DBKit", "数据"])
def test_what_cannot_be_a_projects_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        prove_project(name)


def test_a_database_whose_name_would_be_too_long_is_refused() -> None:
    assert len(database_template("s" * 19, "x" * 40).format(service="x" * 40)) == 63
    with pytest.raises(UsageError, match="it has 64 characters"):
        database_template("s" * 20, "x" * 40)


@pytest.mark.parametrize("name", ["", "shop", "acme.shop"])
def test_a_package_is_what_can_be_imported(name: str) -> None:
    assert prove_package(name) == name


@pytest.mark.parametrize("name", ["my-shop", "acme..shop", "acme.class", "json", "dbkit", "json.shop", "shop/x"])
def test_a_package_that_cannot_be_imported_or_hides_another_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        prove_package(name)
