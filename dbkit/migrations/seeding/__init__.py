"""Sample rows: read off the models, put into order, and written where they are missing."""
