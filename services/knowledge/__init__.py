"""The service `knowledge`: what designs are founded on, cut into pieces that can be found."""

from dbkit.service import Service

service = Service(
    name="knowledge",
    metadata="services.knowledge.models:Base.metadata",
    seed="services.knowledge.seed:rows",
    seed_after=("user", "project"),
)
