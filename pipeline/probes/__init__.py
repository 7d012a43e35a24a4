"""One function an evidence type: it reads, and writes nothing but a key of its own."""
