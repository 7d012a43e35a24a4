"""What a migration does, read with Postgres' own parser: statements, and the change that each one makes."""
