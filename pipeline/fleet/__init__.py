"""Many projects as one: who is deployed in which wave, by which worker, and what became of it."""
