"""One module per service: HTTP or SQL, nothing about gates."""

from pipeline.clients import lean as lean
