"""Where the pages are that a report links to."""

from pathlib import Path

from pipeline.config import Config
from pipeline.environment import variable
from pipeline.record.place import place_of
from pipeline.render.links import Places


def places_of(config: Config, target: str, root: Path) -> Places:
    """The places of one target, as deploy.yml and the job's own variables name them."""
    return Places(
        server=variable("GITHUB_SERVER_URL", "https://github.com"),
        repository=variable("GITHUB_REPOSITORY") or config.policies[target].source.repository,
        sentry=config.file.targets[target].services.sentry,
        organization=config.policies[target].errors.organization,
        kept=place_of(config.file.state, root).shared,
    )
