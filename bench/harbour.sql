-- A harbour's books: every statement of bench/shapes.py is run against these tables, each with 500 rows.
CREATE TYPE cargo AS ENUM ('dry', 'wet');
CREATE DOMAIN weight AS int CHECK (VALUE > 0);
CREATE TABLE port (
    id int PRIMARY KEY, code varchar(8) NOT NULL UNIQUE, name text NOT NULL, depth int, opened timestamp(3),
    fee numeric(8,2), note varchar(40), kind cargo NOT NULL DEFAULT 'dry', open boolean DEFAULT true, load weight,
    CONSTRAINT port_note CHECK (note IS NOT NULL)
);
CREATE INDEX port_name ON port (name);
CREATE TABLE ship (
    id int PRIMARY KEY, name text NOT NULL, tons int, built date, port_code varchar(8),
    port_id int CONSTRAINT ship_port REFERENCES port (id), CONSTRAINT ship_tons CHECK (tons > 0) NOT VALID
);
CREATE INDEX ship_name ON ship (name);
CREATE TABLE crew (id int NOT NULL, ship_id int, name text, rank smallint);
CREATE UNIQUE INDEX crew_ready ON crew (id);
CREATE TABLE visit (id int NOT NULL, at date NOT NULL, ship_id int) PARTITION BY RANGE (at);
CREATE TABLE visit_24 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE visit_rest PARTITION OF visit DEFAULT;
CREATE TABLE visit_old (id int NOT NULL, at date NOT NULL, ship_id int);
CREATE VIEW open_port AS SELECT id, name FROM port WHERE open;
CREATE MATERIALIZED VIEW tonnage AS SELECT port_id, sum(tons) AS tons FROM ship GROUP BY port_id;
CREATE UNIQUE INDEX tonnage_port ON tonnage (port_id);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
INSERT INTO port SELECT n, 'c' || n, 'port ' || n, n, '2020-01-01', n, 'note', 'dry', true, n FROM generate_series(1, 500) n;
INSERT INTO ship SELECT n, 'ship ' || n, n, '2001-02-03', 'c' || n, n FROM generate_series(1, 500) n;
INSERT INTO crew SELECT n, n, 'crew ' || n, 3 FROM generate_series(1, 500) n;
INSERT INTO visit SELECT n, date '2024-01-01' + n, n FROM generate_series(1, 500) n;
INSERT INTO visit_old SELECT n, date '2023-01-01', n FROM generate_series(1, 500) n;
REFRESH MATERIALIZED VIEW tonnage;
ANALYZE;
