CREATE TABLE model_versions (
    position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    model text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    description text NOT NULL,
    signature jsonb NOT NULL,
    training_snapshots text[] NOT NULL,
    metrics jsonb NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    object_key text NOT NULL,
    creator text NOT NULL,
    create_time timestamptz NOT NULL,
    request_id text,
    PRIMARY KEY (model, version),
    UNIQUE (model, sha256),
    UNIQUE (model, request_id)
);

CREATE TABLE deployments (
    model text PRIMARY KEY,
    version integer NOT NULL,
    deployer text NOT NULL,
    create_time timestamptz NOT NULL,
    FOREIGN KEY (model, version) REFERENCES model_versions (model, version)
);

-- A version is immutable, whoever holds the connection.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'model versions are immutable';
END
$$;

CREATE TRIGGER model_versions_immutable BEFORE UPDATE OR DELETE ON model_versions
FOR EACH ROW EXECUTE FUNCTION refuse_change();
