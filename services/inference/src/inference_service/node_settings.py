"""`python -m inference_service.node_settings`: writes what a replica on this node reads, and ends.

The first step of a worker's pod; beside the service, the service itself writes it. The secrets stay out of Ray's environment.
"""

from inference_service.replica.settings import write_replica_settings
from inference_service.settings import NodeSettings, replica_settings
from servicekit.settings import load_settings

__all__ = ["main"]


def main() -> None:
    """Writes the file that `ray.replica_settings_path` names, from the settings of LUMBUNG_CONFIG and the environment."""
    settings = load_settings(NodeSettings)
    write_replica_settings(settings.ray.replica_settings_path, replica_settings(settings))


if __name__ == "__main__":
    main()
