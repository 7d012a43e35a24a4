"""One module per service: HTTP or SQL, nothing about gates."""
