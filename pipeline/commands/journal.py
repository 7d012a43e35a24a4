"""``invoke journal.…``: whether the record is what it was, copies of it, and what is let go of after a time."""

import asyncio
import datetime
import json
from collections.abc import Callable
from pathlib import Path

from pipeline.clients.sshsign import Unproved, key_of, sign, signer_of
from pipeline.clock import SystemClock
from pipeline.config import Config
from pipeline.errors import Mistake
from pipeline.record import copies
from pipeline.record.journal import Journal, new_run_id
from pipeline.record.ledger import check, differences, entries, trim, trimmable
from pipeline.record.place import place_of
from pipeline.record.private import RUNS
from pipeline.record.spill import left_over
from pipeline.record.store import open_store
from pipeline.redact import of_this_process
from pipeline.session.news import tell_what_is_owed
from pipeline.session.runs import github_of, store_of
from pipeline.session.session import open_session, whoami

Out = Callable[[str], None]
SHORTEST = 30  # days that are always kept: the watch, the drills and the reviews look back that far


def verify(config: Config, root: Path, out: Out, *, against: str = "", as_json: bool = False) -> bool:
    """Compute the chain of the record anew, and compare it with a copy; say what is wrong. True when nothing is."""
    store, place = store_of(config, root), place_of(config.file.state, root)
    found = check(store)
    faults = list(found.faults)
    waiting = len(left_over(root / RUNS))
    if waiting:
        faults.append(f"{waiting} files of events that runs could not write still wait in {root / RUNS}")
    compared: dict[str, int] = {}
    if against:
        compared = dict(zip(("both", "record", "copy"), _compared(config, root, against), strict=True))
        if compared["copy"]:
            faults.append(f"{against} has {compared['copy']} events that the record does not have")
    if as_json:
        said = {"record": str(place), "events": found.events, "trimmed": found.trimmed, "head": found.head}
        out(json.dumps({**said, **({"against": compared} if against else {}), "faults": faults}, indent=2))
        return not faults
    gone = f", and {found.trimmed} before them that were let go of" if found.trimmed else ""
    out(f"{'WHOLE' if not faults else 'NOT WHAT IT WAS'}: {found.events} events{gone}; the last one's hash is")
    out(f"  {found.head or 'none: there is no event yet'}")
    out(f"  record   {place}")
    if against:
        out(f"  copy     {against}: {compared['both']} events in both, {compared['record']} only in the record")
    for fault in faults:
        out(f"  fault    {fault}")
    if not faults and found.events:
        out("  keep     that hash or a copy (journal.export) elsewhere: who may write here could write all anew")
    return not faults


def _compared(config: Config, root: Path, against: str) -> tuple[int, int, int]:
    """Events in both, only in the record, only in the copy: a file, or another record that a variable names."""
    if Path(against).is_file():
        return copies.of_both(store_of(config, root), Path(against))
    place = place_of(against, root)
    if not place.shared:
        raise Mistake(f"--against {against}: is neither a file nor a variable that holds a Postgres URL")
    return differences(entries(store_of(config, root)), entries(open_store(place.address, root)))


def verify_file(path: Path, out: Out, *, signers: Path | None = None, as_json: bool = False) -> bool:
    """Check a copy with nothing but the file: its hashes, and its signature. True when nothing is wrong."""
    found = copies.read(path)
    faults = list(found.faults)
    signature, fault = _signature(found, signers)
    faults += [fault] if fault else []
    what = f"run {found.run}" if found.run else "the whole record"
    if as_json:
        out(
            json.dumps(
                {
                    "file": str(path),
                    "run": found.run,
                    "events": found.events,
                    "readings": found.readings,
                    "head": found.head,
                    "digest": found.digest,
                    "signed": found.signed.by if found.signed else "",
                    "faults": faults,
                },
                indent=2,
            )
        )
        return not faults
    out(f"{'WHOLE' if not faults else 'NOT WHAT IT WAS'}: {what}, {found.events} events, {found.readings} readings")
    out(f"  head     {found.head}")
    out(f"  signed   {signature}")
    for fault in faults:
        out(f"  fault    {fault}")
    return not faults


def _signature(found: copies.Copy, signers: Path | None) -> tuple[str, str]:
    """Whose key has signed a copy, in words; and what is wrong with that, if anything."""
    one = found.signed
    if one is None:
        return "nobody signed it", "nobody signed it" if signers else ""
    text = one.said(found.digest)
    try:
        if signers is None:
            key = key_of(text, one.signature, copies.NAMESPACE)
            if not key:
                return "not of this file", f"the signature in the name of {one.by} is not of this file"
            return f"{key}, as {one.by}, {one.at}; --signers FILE says whether that key is theirs", ""
        signer = signer_of(text, one.signature, signers, copies.NAMESPACE)
    except Unproved as unproved:
        return f"not proved to be by {one.by}", f"{one.by} is not proved to have signed it: {unproved}"
    if one.by not in signer.names:
        return f"{signer.key}, not theirs", f"{signers} has the key {signer.key} for others than {one.by}"
    return f"{one.by}, {one.at}, with a key that {signers} has for them ({signer.key})", ""


def export(
    config: Config,
    root: Path,
    path: Path,
    out: Out,
    *,
    run: str = "",
    key: str = "",
    by: str = "",
    as_json: bool = False,
) -> None:
    """Write a copy of the record, or of one run, signed when a ``key`` is named."""
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    who = by or whoami()

    def signing(digest: str) -> copies.Signed:
        unsigned = copies.Signed(who, moment, "")
        return copies.Signed(who, moment, sign(Path(key).expanduser(), unsigned.said(digest), copies.NAMESPACE))

    found = copies.write(store_of(config, root), path, moment, run, signing if key else None)
    if as_json:
        said = {"file": str(path), "run": run, "events": found.events, "readings": found.readings}
        out(json.dumps({**said, "head": found.head, "signed": who if key else ""}))
        return
    out(f"{path}: {found.events} events and {found.readings} readings{' of run ' + run if run else ''}")
    out(f"  head     {found.head}")
    out(f"  signed   {f'by {who}' if key else 'by nobody; --key FILE signs it'}")
    out(f"  check    ./inv journal.verify --file {path}   needs nothing but the file")


def take_in(config: Config, root: Path, path: Path, out: Out, *, as_json: bool = False) -> None:
    """Write what a copy has into the record, as far as it is not there, and that it was."""
    store, clock = store_of(config, root), SystemClock()
    found, new = copies.take_in(store, path)
    if new:
        journal = Journal(store, new_run_id(clock.now()), clock.now, of_this_process())
        journal.append("journal imported", file=path.name, events=new, digest=found.digest, by=whoami())
    if as_json:
        place = str(place_of(config.file.state, root))
        out(json.dumps({"file": str(path), "events": found.events, "new": new, "record": place}))
        return
    out(f"{path}: {found.events} events, {new} of them new here")
    out(f"  record   {place_of(config.file.state, root)}")


def let_go(config: Config, root: Path, days: int, path: Path, out: Out, *, as_json: bool = False) -> None:
    """Let go of what is older than ``days``, after a copy of everything was written to ``path``."""
    if days < SHORTEST:
        raise Mistake(f"--days {days}: is less than {SHORTEST}; checks look back that far")
    if path.exists():
        raise Mistake(f"--to {path}: is there already; name a new file, so that no copy is lost")
    store = store_of(config, root)
    now = store.now() or datetime.datetime.now(datetime.UTC)
    before = now - datetime.timedelta(days=days)
    last = trimmable(store, before)
    say: Out = (lambda text: None) if as_json else out

    def as_document(gone: int, copy: str) -> None:
        if as_json:
            out(json.dumps({"before": before.isoformat(), "gone": gone, "copy": copy}))

    if last is None or last.row[1] >= before.isoformat():
        as_document(0, "")
        say(f"nothing is older than {before:%Y-%m-%d}, or a run or incident without an end keeps it; nothing was done")
        return
    export(config, root, path, say)
    gone = trim(store, last, before, now)
    as_document(gone, str(path))
    say(f"{gone} events up to {last} were let go of; the chain goes on from their hash")


def tell(config: Config, root: Path, out: Out, target: str = "", *, as_json: bool = False) -> bool:
    """Tell GitHub what runs on ``target`` could not tell it; True when it knows all now."""
    with open_session(config, target, root, ("GITHUB_TOKEN",)) as session:

        async def go() -> tuple[int, int]:
            async with github_of(session) as github:
                return await tell_what_is_owed(session, github, (lambda line: None) if as_json else out)

        told, left = asyncio.run(go())
        if as_json:
            out(json.dumps({"target": session.settings.name, "told": told, "left": left}))
        elif not told and not left:
            out(f"GitHub knows of every run on {session.settings.name}")
    return not left
