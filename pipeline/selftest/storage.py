"""How the gates of ``checks.storage`` are made to stop."""

from dataclasses import replace

from checks import storage
from checks.policy import StoragePolicy
from pipeline.sandbox.state import State
from pipeline.sandbox.storestate import Stored
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import patch, require
from pipeline.selftest.lab import Lab

ROLLED = {"access_key_id": "a" * 32, "secret_access_key": "b" * 64}


def _new_token(lab: Lab) -> None:
    """Set the storage token here to the one that was set on Vercel."""
    said = {"R2_ACCESS_KEY_ID": ROLLED["access_key_id"], "R2_SECRET_ACCESS_KEY": ROLLED["secret_access_key"]}
    lab.settings = replace(lab.settings, secrets={**lab.settings.secrets, **said})


def _a_huge_upload(lab: Lab) -> None:
    def grow(state: State) -> None:
        small = next(iter(state.r2.objects.values()))
        state.r2.objects["exports/all.zip"] = Stored(small.sha, 200_000_000_000, small.etag, small.modified)

    lab.state(grow)


def _deleted(lab: Lab) -> None:
    lab.state(lambda state: state.r2.objects.pop("exports/all.zip"))


def _right_bucket(lab: Lab) -> None:
    lab.settings = replace(lab.settings, secrets={**lab.settings.secrets, "R2_BUCKET": "uploads-2"})


def _no_rules(lab: Lab) -> None:
    lab.kept["cors"] = lab.state(lambda state: state.r2.cors)
    lab.state(lambda state: setattr(state.r2, "cors", None))


def _the_rules_of_before(lab: Lab) -> None:
    lab.state(lambda state: setattr(state.r2, "cors", lab.kept["cors"]))


BREAKAGES = (
    Breakage(
        storage.bucket_answers, "state", "somebody rolls the R2 token", patch(r2=ROLLED),
        "make a new R2 token and set `R2_ACCESS_KEY_ID` and `R2_SECRET_ACCESS_KEY`", _new_token,
    ),
    Breakage(
        storage.files_come_back, "state", "the R2 token may only read", patch(r2={"read_only": True}),
        "the token needs *Object Read & Write*", patch(r2={"read_only": False}),
    ),
    Breakage(
        storage.bucket_has_room, "state", "an export of 200 GB lies in the bucket", _a_huge_upload,
        "look for uploads that nobody refers to and delete them", _deleted,
    ),
    Breakage(
        storage.browsers_may_upload, "state", "the new bucket has no CORS policy", _no_rules,
        "Add the origin and `PUT` to the bucket's CORS policy", _the_rules_of_before,
        rests=require(StoragePolicy, browser_uploads=True),
    ),
    Breakage(
        storage.bucket_answers, "state", "somebody renames the bucket", patch(r2={"bucket": "uploads-2"}),
        "`NoSuchBucket`: `R2_BUCKET`", _right_bucket,
    ),
)  # fmt: skip
