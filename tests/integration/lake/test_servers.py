import io

import psycopg

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
    client = s3_server.client()
    bucket = s3_server.create_bucket()
    client.put_object(bucket, "a/b", data=io.BytesIO(b"abc"), length=3)
    assert [item.object_name for item in client.list_objects(bucket, recursive=True)] == ["a/b"]
