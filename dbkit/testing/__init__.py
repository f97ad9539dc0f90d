"""What tests of services need: impostor servers, throw-away CAs, the proof of TLS, and the pytest plugin with them as fixtures."""
