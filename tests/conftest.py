"""Fixtures for every test; servers start only when a test asks for them."""

pytest_plugins = ["support.servers", "support.mariadb", "support.kafka", "support.lakes", "support.loaded"]
