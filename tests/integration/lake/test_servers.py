import io

import psycopg
from minio import Minio

from support.servers import PostgresServer, S3Server


def test_fresh_database_is_owned_by_its_own_role(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.create_database(), postgres_server.create_database()
    with psycopg.connect(first.dsn) as connection:
        connection.execute("CREATE TABLE t (a int)")
        row = connection.execute(
            "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (first.user, False)
    assert first.database != second.database
    postgres_server.drop_database(first)
    postgres_server.drop_database(second)


def test_fresh_bucket_takes_an_object(s3_server: S3Server) -> None:
    client = Minio(
        s3_server.endpoint,
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
        region=s3_server.region,
        secure=False,
    )
    bucket = s3_server.create_bucket()
    client.put_object(bucket, "a/b", data=io.BytesIO(b"abc"), length=3)
    assert [item.object_name for item in client.list_objects(bucket, recursive=True)] == ["a/b"]
