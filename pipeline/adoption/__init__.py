"""The first hour of an app: what its folder shows, its first ``deploy.yml``, and whether every token and tool works."""
