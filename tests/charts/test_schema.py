"""A wrong value is refused at install, and the message says which and why."""

import json

import pytest
import yaml

from support.helm import CHART

# Values that are wrong, and what the message has to name.
WRONG = [
    ({"catalg": {}}, ["catalg", "not allowed"]),
    ({"publicUrl": "lumbung.example"}, ["/publicUrl", "does not match"]),
    ({"publicUrl": "https://lumbung.example/"}, ["/publicUrl", "does not match"]),
    ({"fullnameOverride": "Lumbung"}, ["/fullnameOverride", "does not match"]),
    ({"image": {"pullPolicy": "Sometimes"}}, ["/image/pullPolicy", "IfNotPresent"]),
    ({"image": {"registry": "registry.example/"}}, ["/image/registry", "does not match"]),
    ({"catalog": {"image": {"digest": "sha256:abc"}}}, ["/catalog/image/digest", "does not match"]),
    (
        {"catalog": {"image": {"repository": "Lumbung/Catalog"}}},
        ["/catalog/image/repository", "does not match"],
    ),
    ({"catalog": {"replicas": 0}}, ["/catalog/replicas", "minimum"]),
    ({"catalog": {"replicas": "two"}}, ["/catalog/replicas", "want integer"]),
    ({"catalog": {"replcas": 2}}, ["/catalog", "replcas", "not allowed"]),
    ({"portal": {"replicas": 2}}, ["/portal/replicas", "must be 1"]),
    ({"catalog": {"resources": {"limits": {"memory": "1GB"}}}}, ["/catalog/resources/limits/memory"]),
    ({"catalog": {"resources": {"limits": {"memory": None}}}}, ["/catalog/resources/limits", "memory"]),
    ({"catalog": {"resources": {"requests": {"cpu": "50 m"}}}}, ["/catalog/resources/requests/cpu"]),
    ({"catalog": {"env": {"API_TOKEN": "x"}}}, ["/catalog/env/API_TOKEN", "it comes from a Secret"]),
    ({"catalog": {"env": {"DEBUG": True}}}, ["/catalog/env/DEBUG", "want string"]),
    ({"catalog": {"config": {"listen": {"port": 70000}}}}, ["/catalog/config/listen/port", "maximum"]),
    ({"catalog": {"config": {"listen": {"prt": 1}}}}, ["/catalog/config/listen", "prt", "not allowed"]),
    (
        {"catalog": {"config": {"telemetry": {"log_level": "LOUD"}}}},
        ["/catalog/config/telemetry/log_level", "DEBUG"],
    ),
    (
        {"catalog": {"config": {"postgres": {"password": "x"}}}},
        ["/catalog/config/postgres/password", "it comes from a Secret"],
    ),
    (
        {"ingest": {"config": {"lake": {"s3": {"secret_key": "x"}}}}},
        ["/ingest/config/lake/s3/secret_key", "it comes from a Secret"],
    ),
    ({"ingest": {"config": {"uploads": {"max_file_bytes": -1}}}}, ["/ingest/config/uploads/max_file_bytes"]),
    ({"ingest": {"workSize": "big"}}, ["/ingest/workSize", "does not match"]),
    ({"compute": {"config": {"query": {"threads": 100}}}}, ["/compute/config/query/threads", "maximum"]),
    (
        {"compute": {"config": {"query": {"memory_bytes": 1024}}}},
        ["/compute/config/query/memory_bytes", "minimum"],
    ),
    ({"kafka": {"replicas": 3}}, ["/kafka", "replicas", "not allowed"]),
    ({"kafka": {"external": {"bootstrapServers": "kafka"}}}, ["/kafka/external/bootstrapServers"]),
    ({"kafka": {"settings": {"log.retention.hours": 1.5}}}, ["/kafka/settings/log.retention.hours"]),
    ({"inference": {"ray": {"token": "x"}}}, ["/inference/ray", "token", "not allowed"]),
    (
        {"gateway": {"config": {"limits": {"header_kib": 200}}}},
        ["/gateway/config/limits/header_kib", "maximum"],
    ),
    ({"gateway": {"service": {"nodePorts": {"http": 80}}}}, ["/gateway/service/nodePorts/http", "minimum"]),
    ({"gateway": {"service": {"type": "Ingress"}}}, ["/gateway/service/type", "LoadBalancer"]),
    ({"gateway": {"tls": {"existingSecret": "My Secret"}}}, ["/gateway/tls/existingSecret"]),
    ({"dask": {"worker": {"memoryBytes": 1}}}, ["/dask/worker/memoryBytes", "minimum"]),
    ({"dask": {"mode": "sometimes"}}, ["/dask/mode", "per_run"]),
    (
        {"compute": {"config": {"dask": {"run_cluster": {"workers": 0}}}}},
        ["/compute/config/dask/run_cluster", "minimum"],
    ),
    ({"networkPolicy": {"apiServer": {"ports": []}}}, ["/networkPolicy/apiServer/ports", "minItems"]),
    ({"dask": {"enabled": False}}, ["/dask/external/scheduler", "minLength"]),
    ({"postgres": {"enabled": False}}, ["/postgres/external/host", "minLength"]),
    ({"postgres": {"persistence": {"size": "8 Gi"}}}, ["/postgres/persistence/size"]),
    ({"postgres": {"settings": {"shared buffers": "1GB"}}}, ["shared buffers", "does not match"]),
    ({"objectstore": {"enabled": False}}, ["/objectstore/external/endpoint", "minLength"]),
    ({"objectstore": {"kind": "ceph"}}, ["/objectstore/kind", "seaweedfs"]),
    ({"objectstore": {"minio": {"image": "minio"}}}, ["/objectstore/minio/image", "object"]),
    ({"objectstore": {"bucket": "Lake"}}, ["/objectstore/bucket", "does not match"]),
    ({"keycloak": {"enabled": False}}, ["/keycloak/external/issuer", "minLength"]),
    ({"keycloak": {"publicUrl": "masuk.example"}}, ["/keycloak/publicUrl", "does not match"]),
    ({"secrets": {"databases": "mine"}}, ["/secrets/databases", "want object"]),
    ({"secrets": {"password": "x"}}, ["/secrets", "password", "not allowed"]),
    ({"telemetry": {"sampleRatio": 5}}, ["/telemetry/sampleRatio", "maximum"]),
    ({"telemetry": {"otlpEndpoint": "collector:4317"}}, ["/telemetry/otlpEndpoint", "does not match"]),
    ({"networkPolicy": {"outsideCidrs": ["everywhere"]}}, ["/networkPolicy/outsideCidrs/0"]),
    (
        {"setup": {"realm": {"config": {"realm": {"admin_secret": "x"}}}}},
        ["admin_secret", "it comes from a Secret"],
    ),
]


@pytest.mark.parametrize(("values", "words"), WRONG, ids=[json.dumps(values)[:70] for values, _ in WRONG])
def test_refused(helm, tmp_path, values, words):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    done = helm.run("template", "lumbung", str(CHART), "--values", str(path))
    assert done.returncode != 0, "accepted"
    for word in words:
        assert word in done.stderr
