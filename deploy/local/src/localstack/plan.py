"""Which parts there are, in the order in which they are shown."""

from localstack.part import Part
from localstack.parts.collector import collector_part
from localstack.parts.dask import dask_parts
from localstack.parts.gateway import gateway_part
from localstack.parts.kafka import kafka_part
from localstack.parts.keycloak import keycloak_part
from localstack.parts.objectstore import s3_part
from localstack.parts.postgres import postgres_part
from localstack.parts.ray import ray_part
from localstack.parts.services import service_parts
from localstack.parts.watch import guardian_part
from localstack.settings import StackSettings


def plan_parts(settings: StackSettings) -> dict[str, Part]:
    """Every part by its name; those of OPTIONAL_PARTS where the settings ask for them."""
    optional = {"kafka": kafka_part}
    parts = (
        postgres_part(settings),
        s3_part(settings),
        keycloak_part(settings),
        collector_part(settings),
        *dask_parts(settings),
        ray_part(settings),
        *service_parts(settings),
        gateway_part(settings),
        *(optional[name](settings) for name in settings.with_parts),
        guardian_part(settings),
    )
    return {part.name: part for part in parts}
