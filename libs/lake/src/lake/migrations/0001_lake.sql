-- The Iceberg catalog: for each table the address of its newest metadata file. The layout is pyiceberg's (v1).
CREATE TABLE iceberg_tables (
    catalog_name               varchar(255) NOT NULL,
    table_namespace            varchar(255) NOT NULL,
    table_name                 varchar(255) NOT NULL,
    metadata_location          varchar(1000),
    previous_metadata_location varchar(1000),
    iceberg_type               varchar(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
);
CREATE TABLE iceberg_namespace_properties (
    catalog_name   varchar(255)  NOT NULL,
    namespace      varchar(255)  NOT NULL,
    property_key   varchar(255)  NOT NULL,
    property_value varchar(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key)
);
INSERT INTO iceberg_namespace_properties
VALUES ('lumbung', 'lake', 'exists', 'true'), ('lumbung', 'quarantine', 'exists', 'true');

-- One row per commit of a run to a table: the memory that makes every write idempotent.
CREATE TABLE lake_commits (
    table_uid    uuid        NOT NULL,
    run_id       text        NOT NULL,
    table_name   text        NOT NULL,
    snapshot_id  bigint      NOT NULL,
    sequence     bigint      NOT NULL,
    mode         text        NOT NULL,
    rows_added   bigint      NOT NULL,
    rows_total   bigint      NOT NULL,
    bytes_added  bigint      NOT NULL,
    controls     jsonb       NOT NULL,
    properties   jsonb       NOT NULL,
    commit_time  timestamptz NOT NULL,
    PRIMARY KEY (table_uid, run_id)
);
CREATE INDEX lake_commits_by_time ON lake_commits (table_name, commit_time);

-- Keys that the platform makes for itself at the first start, such as the one of the hash mask.
CREATE TABLE lake_keys (
    name  text  PRIMARY KEY,
    value bytea NOT NULL
);
INSERT INTO lake_keys
VALUES ('mask', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
