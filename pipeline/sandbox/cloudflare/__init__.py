"""Emulates Cloudflare's own API, as far as it tells about R2: tokens, buckets, metrics, and GraphQL analytics."""
