"""Revisions on servers whose DDL commits by itself: planned as statements first, then carried out with a journal, and resumable."""
