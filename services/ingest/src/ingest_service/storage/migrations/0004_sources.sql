-- Sources, every revision of their declarations, and the runs that read them.

CREATE TABLE sources (
    source text PRIMARY KEY,
    dataset text NOT NULL UNIQUE,
    declaration text NOT NULL,
    revision bigint NOT NULL,
    update_time timestamptz NOT NULL,
    -- A copy: what counts stands in the commits of the dataset's table.
    position text
);

CREATE TABLE source_revisions (
    source text NOT NULL REFERENCES sources,
    revision bigint NOT NULL,
    declaration text NOT NULL,
    username text NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (source, revision)
);

CREATE TABLE source_runs (
    run text PRIMARY KEY,
    source text NOT NULL REFERENCES sources,
    dataset text NOT NULL,
    revision bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    message_en text NOT NULL,
    message_id text NOT NULL,
    owner text NOT NULL,
    creator text NOT NULL,
    request_id text,
    "full" boolean NOT NULL,
    cancel_requested boolean NOT NULL DEFAULT false,
    create_time timestamptz NOT NULL,
    start_time timestamptz,
    end_time timestamptz,
    ceiling text,
    position_before text,
    position_after text,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_good bigint NOT NULL DEFAULT 0,
    rows_bad bigint NOT NULL DEFAULT 0,
    rows_deleted bigint NOT NULL DEFAULT 0,
    bytes_read bigint NOT NULL DEFAULT 0,
    commits integer NOT NULL DEFAULT 0,
    snapshot_id bigint,
    rule_counts jsonb NOT NULL DEFAULT '[]',
    error_reason text NOT NULL DEFAULT '',
    trace jsonb NOT NULL,
    UNIQUE (owner, source, request_id)
);

CREATE INDEX source_runs_by_source ON source_runs (source, run DESC);
