"""The sample rows of "Seed sample rows" can be written as they stand there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from dbkit.config import DatabaseConfig
from dbkit.config.connect import connect
from dbkit.migrations.samples import read_rows
from dbkit.migrations.sowing import Sower

PAGE = Path(__file__).parent.parent.parent / "docs/how-to/seed-sample-rows.md"
MODELS = """
import uuid
from datetime import datetime
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
import dbkit.types as dbt

class Base(DeclarativeBase):
    type_annotation_map = {uuid.UUID: dbt.Uuid(), datetime: dbt.UtcDateTime(), str: dbt.String(50)}

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    since: Mapped[datetime]

class Article(Base):
    __tablename__ = "articles"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    title: Mapped[str]

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("customers.id"))
    article_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("articles.id"))
    at: Mapped[datetime]
    customer: Mapped[Customer] = relationship()
"""


def test_the_sample_rows_of_the_page_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (seed,) = re.findall(r"```python\n# services/shop/seed\.py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "shop_models.py").write_text(MODELS)
    (tmp_path / "shop_seed.py").write_text(seed.replace("services.shop.models", "shop_models"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    import shop_models
    import shop_seed

    config = DatabaseConfig.from_env(
        environ={"DATABASE_TYPE": "sqlite", "DATABASE_SQLITE_PATH": str(tmp_path / "shop.db")}
    )
    with connect(config) as connection:
        shop_models.Base.metadata.create_all(connection)
        connection.commit()
        sower = Sower(connection=connection, root=tmp_path, tell=lambda *_: None, pause=lambda: None)
        written = [sower.put(read_rows(shop_seed.rows(), shop_models.Base.metadata)) for _ in range(2)]
        assert written == [3, 0]
        assert (
            connection.scalar(sa.text("SELECT name FROM orders JOIN customers ON customers.id = customer_id")) == "Ada"
        )
