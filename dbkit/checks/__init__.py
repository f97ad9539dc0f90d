"""What reports findings: on one Finding type and one set of reporters."""
