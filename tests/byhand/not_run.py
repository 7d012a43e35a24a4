"""Commands that are not typed here, each with the reason. There may be few of them."""

NOT_RUN: dict[str, str] = {}
