"""What the service `knowledge` does: the operations on all of its tables, as one store."""

from __future__ import annotations

from services.knowledge.chunks import Chunks, Piece
from services.knowledge.keeping import Keeping
from services.knowledge.nearest import Hit
from services.knowledge.resources import AlreadyThere, ResourceDetails, ResourceFilter, Resources
from services.knowledge.topics import Topics

__all__ = ["AlreadyThere", "Hit", "KnowledgeStore", "Piece", "ResourceDetails", "ResourceFilter"]


class KnowledgeStore(Resources, Topics, Chunks, Keeping):
    """Resources, the topics that they speak of, the chunks that they are cut into, and what readers keep of them.

    Each operation is one transaction; inside of `transaction()` several are one together. What the database would refuse
    arrives as one of `services.errors`, and nothing of the operation stays.
    """
