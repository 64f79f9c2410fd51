"""Inference: model registry and Open Inference Protocol on Ray Serve."""
