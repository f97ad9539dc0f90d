"""The service `project`: what is being designed, by whom and how far it is."""

from dbkit.service import Service

service = Service(
    name="project",
    metadata="services.project.models:Base.metadata",
    seed="services.project.seed:rows",
    seed_after=("user",),
)
