"""What all stores do with what is too large for a row somewhere, and with tasks that outlive a transaction."""

from __future__ import annotations

import contextvars
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import dbkit.types as dbt
import services.knowledge.models
import services.project.models
import services.user.models
from services.errors import Invalid
from services.user.store import UserStore
from services.values import accepted


@pytest.mark.parametrize(
    ("model", "field"),
    [
        pytest.param(mapper.class_, attribute.key, id=f"{mapper.class_.__name__}.{attribute.key}")
        for base in (services.user.models.Base, services.project.models.Base, services.knowledge.models.Base)
        for mapper in sorted(base.registry.mappers, key=lambda mapper: mapper.class_.__name__)
        for attribute in mapper.column_attrs
        if isinstance(attribute.columns[0].type, dbt.Text | dbt.Json | dbt.Array)
    ],
)
def test_what_has_no_length_of_its_own_is_refused_where_it_would_be_too_large_for_a_row(
    model: type[Any], field: str
) -> None:
    kind = model.__table__.c[field].type
    large: Any = "ü" * 2**19
    if isinstance(kind, dbt.Json):
        large = {"a": large}
        with pytest.raises(Invalid, match=f"^{field}: a list is no object$"):
            accepted(model, {field: ["a"]})
    elif isinstance(kind, dbt.Array):
        large = [large] if isinstance(kind.item, dbt.Text) else [1] * 2**19

    with pytest.raises(Invalid, match=rf"^{field}: it has [0-9]{{6,7}} bytes, and (65536|524288) is the most$"):
        accepted(model, {field: large})


def test_the_largest_profile_is_kept_everywhere(migrated: sa.Engine) -> None:
    store = UserStore(lambda: Session(migrated))
    most = {"about": "x" * 65_536, "avatar": b"\xff" * 1_048_576, "settings": {"a": "x" * 65_528}}
    larger = {"about": "x" * 65_537, "avatar": b"\xff" * 1_048_577, "settings": {"a": "x" * 65_529}}
    user = store.create_user(f"{uuid.uuid4().hex}@example.org", given_name="Ada")

    store.update_profile(user.id, **most, skills=["x" * 65_532], version=1)
    for field in most:
        with pytest.raises(Invalid, match=f"^{field}: it has [0-9]+ bytes, and [0-9]+ is the most$"):
            store.update_profile(user.id, **{field: larger[field]}, version=2)

    kept = store.user(user.id).profile
    assert kept is not None
    assert {field: getattr(kept, field) for field in most} == most
    assert kept.skills == ["x" * 65_532]


def test_a_task_that_outlives_the_transaction_it_was_begun_in_has_one_of_its_own(migrated: sa.Engine) -> None:
    email, session = f"{uuid.uuid4().hex}@example.org", Session(migrated)
    store = UserStore(lambda: session)

    with store.transaction():
        inside = contextvars.copy_context()
        assert store.users(name_contains=email).items == ()
    inside.run(store.create_user, email, given_name="Ada")
    session.rollback()

    assert store.user_by_email(email).email == email
    session.close()
