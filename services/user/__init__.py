"""The service `user`: who may use the platform, and what they did."""

from dbkit.service import Service

service = Service(name="user", metadata="services.user.models:Base.metadata", seed="services.user.seed:rows")
