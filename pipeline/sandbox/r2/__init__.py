"""Emulates Cloudflare R2: the S3 API over one bucket, with real signatures."""
