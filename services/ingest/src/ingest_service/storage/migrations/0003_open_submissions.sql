-- What waits and what runs is counted every few seconds, among all submissions that ever were.
CREATE INDEX submissions_open ON submissions (create_time) WHERE state IN ('pending', 'validating', 'publishing');
