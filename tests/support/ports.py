"""Ports for throw-away servers."""

import socket

__all__ = ["free_base_port", "free_port"]


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_base_port() -> int:
    """First port of a range for another local stack, whose servers' ports are free now."""
    for base in range(23000, 31000, 200):
        try:
            for offset in (0, 2, 3, 4, 5, 6, 7, 9, 11, 13):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise AssertionError("no free range of ports")
