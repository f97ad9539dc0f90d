"""The command line: parses, calls one function of the library, and renders what comes back."""
