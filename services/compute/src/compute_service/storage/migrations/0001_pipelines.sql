CREATE TABLE pipelines (
    pipeline text PRIMARY KEY,
    declaration text NOT NULL,
    revision bigint NOT NULL,
    update_time timestamptz NOT NULL
);

CREATE TABLE runs (
    run text PRIMARY KEY,
    pipeline text NOT NULL REFERENCES pipelines (pipeline),
    state text NOT NULL CHECK (state IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    revision bigint NOT NULL,
    declaration text NOT NULL,
    creator text NOT NULL,
    request_id text,
    decisions jsonb NOT NULL,
    trace jsonb NOT NULL,
    trace_id text NOT NULL,
    message_en text NOT NULL DEFAULT '',
    message_id text NOT NULL DEFAULT '',
    tasks_done integer NOT NULL DEFAULT 0,
    tasks_total integer NOT NULL DEFAULT 0,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_written jsonb NOT NULL DEFAULT '{}',
    snapshots jsonb NOT NULL DEFAULT '[]',
    expectations jsonb NOT NULL DEFAULT '[]',
    inputs jsonb,
    attempt integer NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    create_time timestamptz NOT NULL,
    start_time timestamptz,
    end_time timestamptz
);

-- The same request id of the same caller for the same pipeline is the same run.
CREATE UNIQUE INDEX runs_request ON runs (pipeline, creator, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX runs_newest ON runs (create_time DESC, run DESC);
CREATE INDEX runs_of_pipeline ON runs (pipeline, create_time DESC, run DESC);
CREATE INDEX runs_open ON runs (create_time) WHERE state IN ('pending', 'running');

CREATE TABLE run_log (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run text NOT NULL REFERENCES runs (run),
    time timestamptz NOT NULL,
    level text NOT NULL,
    text_en text NOT NULL,
    text_id text NOT NULL
);
CREATE INDEX run_log_of_run ON run_log (run, number);
