"""The reference services: each one owns its tables and its history, and knows nothing of the others."""
