"""``invoke waivers``: lists them with who has signed each, or prints the line that signs one."""

import json
from collections.abc import Callable
from pathlib import Path

from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.record.journal import plain
from pipeline.render.report import waiver_text
from pipeline.session.waiving import judged, signed_waivers


def show_waivers(
    config: Config, root: Path, sign: str, key: str, target: str, out: Callable[[str], None], *, as_json: bool = False
) -> None:
    """Raises Mistake for a signature that does not count, and for a key that is nobody's."""
    name, _ = config.target(target)
    signers = root / config.policies[name].approval.signers
    if sign:
        if not key:
            raise Mistake("waivers --sign: say with --key which SSH key is yours")
        for waiver in signed_waivers(config.file.waivers, sign, Path(key).expanduser(), signers):
            out(waiver_text(plain(judged(waiver, signers))))
            out(f"add to it in deploy.yml:\n  signature: {waiver.signature}")
        return
    if as_json:
        out(json.dumps([plain(judged(waiver, signers)) for waiver in config.file.waivers], ensure_ascii=False))
        return
    for waiver in config.file.waivers:
        out(waiver_text(plain(judged(waiver, signers))))
    if not config.file.waivers:
        out("deploy.yml has no waivers")
