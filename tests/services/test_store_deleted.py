"""What is deleted in a transaction is gone for the rest of it, though the session has read it."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from services.errors import NotFound
from services.user.store import UserStore
from tests.services.projects import Desk


def test_what_was_deleted_inside_is_not_found_inside(migrated: sa.Engine) -> None:
    desk, store = Desk(engine=migrated), UserStore(lambda: Session(migrated))
    user, project, document = (
        store.create_user(f"{uuid.uuid4().hex}@example.org", given_name="Ada"),
        desk.project(),
        desk.document(),
    )

    with store.transaction():
        kept = store.user(user.id)
        store.delete_user(user.id, version=kept.version)
        with pytest.raises(NotFound):
            store.user(user.id)
    with desk.store.transaction():
        read = (desk.store.project(project.id), desk.store.document(document.id))
        desk.store.delete_project(project.id, version=read[0].version)
        desk.store.delete_document(document.id, version=read[1].version)
        for look in (lambda: desk.store.project(project.id), lambda: desk.store.document(document.id)):
            with pytest.raises(NotFound):
                look()
