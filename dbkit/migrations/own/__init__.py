"""A project's own env.py, run with dbkit's connection, lock and transactions; and what is lent to it and to revisions."""
