"""Configuration: where each service's database is, how it is reached, and where each value came from."""

from dbkit.config.find import find_root
from dbkit.config.load import Settings, load_settings
from dbkit.config.model import DatabaseConfig, Source
from dbkit.config.redact import redact
from dbkit.config.resolve import resolve
from dbkit.config.secrets import Secret
from dbkit.config.settings import SETTINGS, Setting

__all__ = [
    "SETTINGS",
    "DatabaseConfig",
    "Secret",
    "Setting",
    "Settings",
    "Source",
    "find_root",
    "load_settings",
    "redact",
    "resolve",
]
