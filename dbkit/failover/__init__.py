"""Work on a file while a server cannot be reached: what is decided, how it is found out, and what is done about it."""
