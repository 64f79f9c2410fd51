-- A file that was published before is not validated again: its findings are those of the submission that was.
ALTER TABLE submissions ADD COLUMN same_as text REFERENCES submissions;

UPDATE submissions AS later SET same_as = earlier.submission_id, findings_kept = earlier.findings_kept
FROM (
    SELECT DISTINCT ON (dataset, sha256, revision, snapshot_id) *
    FROM submissions
    WHERE state = 'published' AND snapshot_id IS NOT NULL
    ORDER BY dataset, sha256, revision, snapshot_id, submission_id
) AS earlier
WHERE later.state = 'published'
  AND (later.dataset, later.sha256, later.revision, later.snapshot_id)
    = (earlier.dataset, earlier.sha256, earlier.revision, earlier.snapshot_id)
  AND later.submission_id <> earlier.submission_id;
