"""Imported before anything counts: a replica's numbers go to files of the node's folder, where the node has one.

Replicas come, go, and may be two on a node at once; the node shows their sums on one port (`ray_metrics`).
"""

import os

from inference_service.ray_process import METRICS_FOLDER

if METRICS_FOLDER in os.environ:
    # prometheus_client looks at it when it is imported, and only then.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ[METRICS_FOLDER]
