"""Edges of lineage on the wire."""

from catalog_service.converters.times import time_to_proto
from catalog_service.domain.lineage import Edge
from lumbung.catalog.v1 import lineage_service_pb2 as pb

__all__ = ["edge_from_proto", "edge_to_proto"]


def edge_from_proto(message: pb.LineageEdge) -> Edge:
    """An edge to keep."""
    return Edge(message.source, message.target, message.process, message.source_label)


def edge_to_proto(edge: Edge) -> pb.LineageEdge:
    """A kept edge."""
    return pb.LineageEdge(
        source=edge.source,
        target=edge.target,
        process=edge.process,
        source_label=edge.source_label,
        create_time=time_to_proto(edge.create_time),
    )
