"""The guardian as a part: the supervisor keeps it alive and it keeps the supervisor alive."""

import sys

from localstack.environment import base_environment, stack_environment
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.settings import StackSettings


def guardian_part(settings: StackSettings) -> Part:
    """A process that starts the supervisor again when that was killed."""
    layout = Layout(settings.data_dir)

    def launch() -> Launch:
        env = base_environment(layout) | stack_environment(settings)
        return Launch((sys.executable, "-m", "localstack.guardian"), env, layout.root)

    return Part(
        name="guardian",
        title="Guardian of the supervisor",
        launch=launch,
        probe=lambda: None,
        stop_seconds=3.0,
    )
