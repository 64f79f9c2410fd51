-- Every change of a declaration takes its change_id under one advisory lock, so that a reader of
-- "change_id > last" sees changes in order and misses none.
CREATE SEQUENCE catalog_changes;

CREATE TABLE declarations (
    kind        text        NOT NULL CHECK (kind IN ('dataset', 'policy', 'term')),
    name        text        NOT NULL,
    declaration text        NOT NULL,
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 32),
    revision    bigint      NOT NULL CHECK (revision >= 1),
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    change_id   bigint      NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE UNIQUE INDEX declarations_change ON declarations (change_id);

CREATE TABLE declaration_history (
    kind        text        NOT NULL,
    name        text        NOT NULL,
    revision    bigint      NOT NULL,
    declaration text        NOT NULL,
    username    text        NOT NULL,
    change_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, name, revision)
);

-- The columns that a table really has, as the newest snapshot says: masks hold for them too.
CREATE TABLE table_columns (
    dataset   text   PRIMARY KEY,
    columns   text[] NOT NULL,
    change_id bigint NOT NULL
);
CREATE UNIQUE INDEX table_columns_change ON table_columns (change_id);

CREATE TABLE snapshots (
    sequence       bigint      GENERATED ALWAYS AS IDENTITY,
    dataset        text        NOT NULL,
    snapshot       text        NOT NULL,
    rows           bigint      NOT NULL CHECK (rows >= 0),
    origin         text        NOT NULL,
    control_totals jsonb       NOT NULL,
    create_time    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset, snapshot)
);
CREATE UNIQUE INDEX snapshots_newest ON snapshots (dataset, sequence DESC);

CREATE TABLE lineage_edges (
    source       text        NOT NULL,
    target       text        NOT NULL,
    process      text        NOT NULL,
    source_label text        NOT NULL DEFAULT '',
    create_time  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, target, process)
);
CREATE INDEX lineage_edges_target ON lineage_edges (target);
