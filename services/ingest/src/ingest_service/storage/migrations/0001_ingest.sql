-- Uploads, their chunks, and the submissions that they become.

CREATE TABLE uploads (
    upload_id text PRIMARY KEY,
    dataset text NOT NULL,
    file_name text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    owner text NOT NULL,
    owner_name text NOT NULL,
    request_id text,
    state text NOT NULL CHECK (state IN ('open', 'finished', 'cancelled')),
    committed_bytes bigint NOT NULL CHECK (committed_bytes BETWEEN 0 AND size_bytes),
    crc32c bigint NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    submission_id text,
    UNIQUE (owner, request_id)
);

CREATE INDEX uploads_open ON uploads (expire_time) WHERE state = 'open';

CREATE TABLE upload_chunks (
    upload_id text NOT NULL REFERENCES uploads ON DELETE CASCADE,
    chunk_offset bigint NOT NULL,
    size_bytes bigint NOT NULL,
    crc32c bigint NOT NULL,
    object_key text NOT NULL,
    PRIMARY KEY (upload_id, chunk_offset)
);

CREATE TABLE submissions (
    submission_id text PRIMARY KEY,
    upload_id text NOT NULL UNIQUE REFERENCES uploads,
    dataset text NOT NULL,
    file_name text NOT NULL,
    size_bytes bigint NOT NULL,
    owner text NOT NULL,
    submitter text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'validating', 'publishing', 'published', 'rejected', 'failed')),
    message_en text NOT NULL,
    message_id text NOT NULL,
    sha256 text NOT NULL,
    revision bigint NOT NULL,
    rows_read bigint NOT NULL,
    rows_good bigint NOT NULL,
    rows_bad bigint NOT NULL,
    snapshot_id bigint,
    control_totals jsonb NOT NULL,
    rule_counts jsonb NOT NULL,
    findings_kept bigint NOT NULL,
    trace jsonb NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL
);

CREATE INDEX submissions_by_dataset ON submissions (dataset, submission_id DESC);
CREATE INDEX submissions_by_owner ON submissions (owner, submission_id DESC);
CREATE INDEX submissions_by_content ON submissions (dataset, sha256, revision) WHERE state = 'published';

-- Who may publish a content: two submissions of one file never both append it.
CREATE TABLE content_claims (
    dataset text NOT NULL,
    sha256 text NOT NULL,
    revision bigint NOT NULL,
    submission_id text NOT NULL REFERENCES submissions,
    PRIMARY KEY (dataset, sha256, revision)
);
