"""Deadlines: one timer for the process; it knows no database."""
