"""`invoke rollback`: stands alone, imports little."""
