"""What MLflow does with an empty database: the tables of its release before the first revision."""

import sqlalchemy as sa
from mlflow.store.tracking.dbmodels.initial_models import Base


def prepare(engine: sa.Engine) -> None:
    """Make what was there before the first revision."""
    Base.metadata.create_all(engine)
