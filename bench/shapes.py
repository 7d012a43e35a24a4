"""The statements that migrations are made of, by their shapes, on the tables of harbour.sql."""

from collections.abc import Iterator

VALUES = {"int": "3", "text": "''", "timestamptz": "now()", "jsonb": "'{}'", "cargo": "'dry'", "weight": "5"}
"""A type, and a default that is the same for every row."""
TYPES = {
    "port": (
        "id bigint", "code varchar(16)", "code varchar(5)", "code text", "name varchar(30)", 'name text COLLATE "C"',
        "depth bigint", "depth smallint", "depth numeric", "depth text", "opened timestamp(6)", "opened timestamp(0)",
        "opened timestamptz", "opened date", "fee numeric(10,2)", "fee numeric(10,4)", "fee numeric",
        "note varchar(80)", "note text", "load int", "depth weight",
    ),
    "ship": ("tons bigint", "built timestamp", "name varchar", "port_code text"),
    "crew": ("rank int", "name varchar(50)", "id bigint"),
}  # fmt: skip
PORT = (
    "ADD COLUMN x int NOT NULL", "ADD COLUMN x text NOT NULL", "ADD COLUMN x timestamptz DEFAULT clock_timestamp()",
    "ADD COLUMN x uuid DEFAULT gen_random_uuid()", "ADD COLUMN x uuid NOT NULL DEFAULT gen_random_uuid()",
    "ADD COLUMN x float8 DEFAULT random()", "ADD COLUMN x serial", "ADD COLUMN x bigserial",
    "ADD COLUMN x int GENERATED ALWAYS AS IDENTITY", "ADD COLUMN x int GENERATED ALWAYS AS (depth + 1) STORED",
    "ADD COLUMN x int GENERATED ALWAYS AS (depth + 1) VIRTUAL", "ADD COLUMN x int UNIQUE",
    "ADD COLUMN x int CHECK (x > 0)", "ADD COLUMN x int DEFAULT 3 CHECK (x > 0)",
    "ADD COLUMN x int REFERENCES ship (id)", "ADD COLUMN IF NOT EXISTS name text", "ADD COLUMN x varchar(20)[]",
    "ADD COLUMN x int, ADD COLUMN y text", "DROP COLUMN note", "DROP COLUMN name", "DROP COLUMN IF EXISTS nothing",
    "DROP COLUMN open CASCADE", "RENAME COLUMN depth TO fathoms", "RENAME TO harbour", "SET SCHEMA elsewhere",
    "ALTER COLUMN depth SET NOT NULL", "ALTER COLUMN note SET NOT NULL", "ALTER COLUMN opened SET NOT NULL",
    "ALTER COLUMN name DROP NOT NULL", "ALTER COLUMN depth SET DEFAULT 4", "ALTER COLUMN kind DROP DEFAULT",
    "ALTER COLUMN open DROP DEFAULT", "ALTER COLUMN name SET STATISTICS 500", "ALTER COLUMN name SET STORAGE EXTERNAL",
    "ADD CONSTRAINT a CHECK (depth > 0)", "ADD CONSTRAINT a CHECK (depth > 0) NOT VALID",
    "ADD CONSTRAINT a CHECK (depth > 0) NOT ENFORCED", "ADD CONSTRAINT a UNIQUE (depth)",
    "ADD CONSTRAINT a NOT NULL opened", "ADD CONSTRAINT a NOT NULL opened NOT VALID", "DROP CONSTRAINT port_note",
    "RENAME CONSTRAINT port_note TO port_noted", "SET (fillfactor = 70)", "SET (autovacuum_enabled = false)",
    "SET UNLOGGED", "ENABLE ROW LEVEL SECURITY", "DISABLE TRIGGER USER", "REPLICA IDENTITY FULL",
    "CLUSTER ON port_name", "SET WITHOUT CLUSTER", "OWNER TO CURRENT_USER",
)  # fmt: skip
OTHERS = """
ALTER TABLE ship ADD CONSTRAINT a FOREIGN KEY (port_code) REFERENCES port (code)
ALTER TABLE ship ADD CONSTRAINT a FOREIGN KEY (port_code) REFERENCES port (code) NOT VALID
ALTER TABLE ship VALIDATE CONSTRAINT ship_tons
ALTER TABLE ship DROP CONSTRAINT ship_port
ALTER TABLE ship DROP CONSTRAINT ship_tons
ALTER TABLE crew ADD FOREIGN KEY (ship_id) REFERENCES ship (id)
ALTER TABLE crew ADD PRIMARY KEY (id)
ALTER TABLE crew ADD CONSTRAINT crew_pk PRIMARY KEY USING INDEX crew_ready
ALTER TABLE crew ADD CONSTRAINT crew_uk UNIQUE USING INDEX crew_ready
ALTER TABLE crew DROP COLUMN rank
ALTER TABLE visit ADD COLUMN x int
ALTER TABLE visit ADD COLUMN x uuid DEFAULT gen_random_uuid()
ALTER TABLE visit ADD CONSTRAINT a CHECK (id > 0)
ALTER TABLE visit ADD FOREIGN KEY (ship_id) REFERENCES ship (id)
ALTER TABLE visit ATTACH PARTITION visit_old FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')
ALTER TABLE visit DETACH PARTITION visit_24
CREATE TABLE visit_26 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
CREATE INDEX x ON port (depth)
CREATE UNIQUE INDEX x ON port (depth)
CREATE INDEX x ON port (lower(note))
CREATE INDEX x ON port (opened) WHERE open
CREATE INDEX x ON visit (ship_id)
CREATE INDEX IF NOT EXISTS port_name ON port (name)
DROP INDEX port_name
DROP INDEX IF EXISTS nothing
ALTER INDEX port_name RENAME TO port_named
REINDEX TABLE port
REINDEX INDEX port_name
CLUSTER ship USING ship_name
CREATE TABLE fresh (id int PRIMARY KEY, name text)
CREATE TABLE fresh (id int PRIMARY KEY, port_id int REFERENCES port (id))
CREATE TABLE fresh (LIKE port INCLUDING ALL)
CREATE TABLE fresh AS SELECT * FROM port
CREATE TABLE fresh (id int); CREATE INDEX x ON fresh (id); ALTER TABLE fresh ALTER COLUMN id SET NOT NULL
DROP TABLE crew
DROP TABLE port CASCADE
DROP TABLE IF EXISTS nothing
DROP TABLE visit_24
ALTER TABLE crew RENAME TO sailors
TRUNCATE crew
TRUNCATE port CASCADE
ALTER TYPE cargo ADD VALUE 'gas'
ALTER TYPE cargo ADD VALUE IF NOT EXISTS 'dry'
ALTER TYPE cargo RENAME VALUE 'dry' TO 'solid'
ALTER TYPE cargo RENAME TO freight
DROP TYPE cargo CASCADE
ALTER DOMAIN weight ADD CONSTRAINT light CHECK (VALUE < 100000)
ALTER DOMAIN weight ADD CONSTRAINT light CHECK (VALUE < 100000) NOT VALID
DROP DOMAIN weight CASCADE
CREATE VIEW small_port AS SELECT id FROM port WHERE depth < 5
CREATE OR REPLACE VIEW open_port AS SELECT id, name, code FROM port WHERE open
DROP VIEW open_port
DROP VIEW open_port; CREATE VIEW open_port AS SELECT id, name FROM port WHERE open AND depth > 0
CREATE MATERIALIZED VIEW depths AS SELECT depth, count(*) FROM port GROUP BY depth
REFRESH MATERIALIZED VIEW tonnage
REFRESH MATERIALIZED VIEW CONCURRENTLY tonnage
DROP MATERIALIZED VIEW tonnage
CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2'
CREATE TRIGGER t BEFORE UPDATE ON port FOR EACH ROW EXECUTE FUNCTION stamp()
COMMENT ON TABLE port IS 'where ships come in'
COMMENT ON COLUMN port.name IS 'as painted on the pier'
CREATE SEQUENCE number
CREATE STATISTICS s ON depth, fee FROM port
CREATE POLICY p ON port USING (true)
GRANT SELECT ON port TO PUBLIC
LOCK TABLE port IN SHARE MODE
CREATE INDEX CONCURRENTLY x ON port (depth)
CREATE UNIQUE INDEX CONCURRENTLY x ON port (depth)
DROP INDEX CONCURRENTLY port_name
REINDEX TABLE CONCURRENTLY port
ALTER TABLE port ALTER COLUMN depth TYPE bigint, ALTER COLUMN name SET NOT NULL
ALTER TABLE port ADD CONSTRAINT a CHECK (opened IS NOT NULL) NOT VALID; ALTER TABLE port VALIDATE CONSTRAINT a
ALTER TABLE port ADD COLUMN x text; ALTER TABLE port ALTER COLUMN x SET DEFAULT ''
"""


def shapes() -> Iterator[str]:
    """Every statement, or few that belong together, as one migration each."""
    for kind, value in VALUES.items():
        yield f"ALTER TABLE port ADD COLUMN x {kind};"
        yield f"ALTER TABLE port ADD COLUMN x {kind} DEFAULT {value};"
        yield f"ALTER TABLE port ADD COLUMN x {kind} NOT NULL DEFAULT {value};"
    for table, columns in TYPES.items():
        for column in columns:
            name, _, kind = column.partition(" ")
            yield f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind};"
    yield from (f"ALTER TABLE port {change};" for change in PORT)
    yield from (f"{line};" for line in OTHERS.strip().splitlines())
