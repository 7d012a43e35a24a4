"""One function an evidence type: it reads, and never writes."""
