"""Configure and migrate the databases of many services."""
