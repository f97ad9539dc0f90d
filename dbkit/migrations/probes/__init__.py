"""Looks at services' databases that are over in time: health, and waiting for what is not there yet."""
