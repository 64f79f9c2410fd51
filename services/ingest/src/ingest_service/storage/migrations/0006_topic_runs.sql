-- A run of a topic lasts: who reads it now, and how many messages of each partition it has not read yet.

ALTER TABLE source_runs ADD COLUMN holder text NOT NULL DEFAULT '';
ALTER TABLE source_runs ADD COLUMN lag jsonb NOT NULL DEFAULT '{}';
