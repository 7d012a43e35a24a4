"""Says what every policy is."""

from typing import ClassVar


class Policy:
    """A section of ``deploy.yml``. Unknown keys are mistakes, not extras."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}
