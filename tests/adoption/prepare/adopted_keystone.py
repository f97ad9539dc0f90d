"""What `keystone-manage` does before it upgrades: its revisions read its settings."""

import keystone.conf
from keystone.common.sql.core import ModelBase

keystone.conf.configure()

metadata = ModelBase.metadata


def ready(_call: object) -> None:
    """Be a hook: all is done when this module has been imported."""
