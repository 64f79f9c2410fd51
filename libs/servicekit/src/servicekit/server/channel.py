"""Channels to other services."""

import grpc

from servicekit.settings import PeerSettings

__all__ = ["open_channel"]


def open_channel(peer: PeerSettings, max_message_bytes: int = 8 * 1024 * 1024) -> grpc.aio.Channel:
    """A channel that reconnects by itself. Inside the platform's own network; see the security notes."""
    return grpc.aio.insecure_channel(
        peer.target,
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.enable_http_proxy", 0),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2_000),
        ],
    )
