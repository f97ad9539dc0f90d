"""What the revision files of a service say, and which of them a database has; nothing is run."""
