"""Inference: model registry and Open Inference Protocol on Ray Serve."""

import servicekit  # noqa: F401 (first: it prepares the process for gRPC)
