-- Certification, corrections and reverts. Tables of their own: the version before reads every column of the others.
ALTER TABLE submissions DROP CONSTRAINT submissions_state_check;
ALTER TABLE submissions ADD CONSTRAINT submissions_state_check CHECK (state IN (
    'pending', 'validating', 'publishing', 'published', 'rejected', 'failed',
    'validated', 'certified', 'reverting', 'reverted', 'withdrawn'
));

-- Which submission's bad rows an upload mends.
CREATE TABLE upload_corrections (
    upload_id text PRIMARY KEY REFERENCES uploads ON DELETE CASCADE,
    correction_of text NOT NULL REFERENCES submissions
);

CREATE INDEX upload_corrections_by_submission ON upload_corrections (correction_of);

-- What waits to be published, and how it entered the table.
CREATE TABLE submission_publications (
    submission_id text PRIMARY KEY REFERENCES submissions ON DELETE CASCADE,
    content_digest text NOT NULL DEFAULT '',
    staged text NOT NULL DEFAULT '',
    certifier text NOT NULL DEFAULT '',
    mode text NOT NULL DEFAULT '',
    replaced jsonb NOT NULL DEFAULT '[]',
    sequence bigint,
    superseded_by text REFERENCES submissions,
    revert_snapshot_id bigint
);

CREATE INDEX submission_publications_superseded ON submission_publications (superseded_by)
WHERE superseded_by IS NOT NULL;

-- Who did what, and when: written in the transaction that does it.
CREATE TABLE submission_steps (
    step_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    submission_id text NOT NULL REFERENCES submissions ON DELETE CASCADE,
    action text NOT NULL,
    state text NOT NULL,
    actor text NOT NULL,
    actor_name text NOT NULL,
    reason text NOT NULL,
    content_digest text NOT NULL,
    request_id text,
    create_time timestamptz NOT NULL DEFAULT now(),
    UNIQUE (submission_id, request_id)
);

-- Rows of a submission that a correction mends: each at most once.
CREATE TABLE corrected_rows (
    submission_id text NOT NULL REFERENCES submissions ON DELETE CASCADE,
    source_row bigint NOT NULL,
    correction text NOT NULL REFERENCES submissions ON DELETE CASCADE,
    PRIMARY KEY (submission_id, source_row)
);

CREATE INDEX corrected_rows_by_correction ON corrected_rows (correction);

-- What is at work now, counted every few seconds.
CREATE INDEX submissions_at_work ON submissions (create_time)
WHERE state IN ('pending', 'validating', 'publishing', 'certified', 'reverting');
