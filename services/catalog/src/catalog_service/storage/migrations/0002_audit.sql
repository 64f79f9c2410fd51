CREATE TABLE audit_entries (
    sequence         bigint      PRIMARY KEY CHECK (sequence >= 1),
    uid              uuid        NOT NULL UNIQUE,
    time             timestamptz NOT NULL,
    username         text        NOT NULL,
    authorized_party text        NOT NULL,
    action           text        NOT NULL,
    resource         text        NOT NULL,
    outcome          text        NOT NULL,
    detail           text        NOT NULL,
    policy_version   text        NOT NULL,
    trace_id         text        NOT NULL,
    hash             bytea       NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE INDEX audit_entries_resource ON audit_entries (resource, sequence DESC);
CREATE INDEX audit_entries_username ON audit_entries (username, sequence DESC);

-- The end of the log, moved on by the transaction that appends: what is cut off the log is missed here.
CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sequence bigint  NOT NULL,
    hash     bytea   NOT NULL CHECK (octet_length(hash) = 32),
    mac      bytea   NOT NULL
);
INSERT INTO audit_head (sequence, hash, mac) VALUES (0, decode(repeat('00', 32), 'hex'), '');

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever appended', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END;
$$;

CREATE FUNCTION refuse_step_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sequence <= OLD.sequence THEN
        RAISE EXCEPTION 'the end of the audit log only moves on' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_not_emptied BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_not_emptied BEFORE TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_moves_on BEFORE UPDATE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION refuse_step_back();
CREATE TRIGGER declaration_history_kept BEFORE UPDATE OR DELETE ON declaration_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER declaration_history_not_emptied BEFORE TRUNCATE ON declaration_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The owner can give itself these rights again; it is the triggers and the chain that show when somebody did.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries FROM PUBLIC, CURRENT_USER;
REVOKE DELETE, TRUNCATE ON audit_head FROM PUBLIC, CURRENT_USER;
REVOKE UPDATE, DELETE, TRUNCATE ON declaration_history FROM PUBLIC, CURRENT_USER;
