"""The tables of the record, by version, in SQLite and in Postgres.

A version only adds: a tool that knows an older one goes on reading and writing beside a newer one.
"""

VERSION = 4

FIRST = """
create table if not exists deploy_events (
    seq {serial}, run text not null, at text not null, kind text not null, subject text not null, body text not null);
create table if not exists deploy_locks (
    target text primary key, holder text not null, reason text not null, host text not null, pid integer not null,
    since text not null, expires text not null, by_hand integer not null, fence integer not null);
create table if not exists deploy_samples (
    seq {serial}, at text not null, target text not null, run text not null, release text not null,
    metric text not null, value double precision not null);
create index if not exists deploy_samples_by_metric on deploy_samples (target, metric, at);
create index if not exists deploy_events_by_kind on deploy_events (kind, run);
create index if not exists deploy_events_by_run on deploy_events (run, seq)
"""
"""Events, locks and readings."""

ANCHORS = """
create table if not exists deploy_anchors (
    seq bigint not null, hash text not null, events bigint not null, at text not null, reason text not null,
    primary key (seq, reason))
"""
"""Hashes that stand for all events up to ``seq``: those of before the chain, and those that were trimmed away."""

INDEXES = """
drop index if exists deploy_samples_by_metric;
create index if not exists deploy_samples_of_metric on deploy_samples (target, metric, at, value);
create index if not exists deploy_samples_of_run on deploy_samples (run, metric, target, value)
"""
"""What is asked of a million readings is answered from these alone."""

AT = "create index if not exists deploy_events_at on deploy_events (run, at)"
"""Postgres looks before each event whether it is there."""

SQLITE_FIRST = """
create trigger if not exists deploy_events_kept before update on deploy_events
    begin select raise(abort, 'the journal is append-only'); end;
create trigger if not exists deploy_events_stay before delete on deploy_events
    begin select raise(abort, 'the journal is append-only'); end
"""

SQLITE_SECOND = f"""
alter table deploy_events add column hash text;
{ANCHORS};
{INDEXES};
drop trigger deploy_events_stay;
create trigger deploy_events_stay before delete on deploy_events
    when not exists (select 1 from deploy_anchors where reason = 'trimmed' and seq >= old.seq)
    begin select raise(abort, 'the journal is append-only'); end;
create trigger deploy_anchors_kept before update on deploy_anchors
    begin select raise(abort, 'the journal is append-only'); end;
create trigger deploy_anchors_stay before delete on deploy_anchors
    begin select raise(abort, 'the journal is append-only'); end
"""

SQLITE_FOURTH = "drop index if exists deploy_events_at"
"""Only what is taken in from elsewhere is looked for, among the events of its run; each event wrote a page of it."""

CHAINING = 7_305_422
"""The lock under which an event is linked to the one before it: two cannot follow the same one."""


def _linked(*row: str) -> str:
    """SQL for the hash of an event that follows ``before``, as ``link`` of ``chain.py`` computes it."""
    parts = ", ".join(f"chr(10), length({part}), ':', {part}" for part in row)
    return f"encode(sha256(convert_to(concat(before, {parts}), 'UTF8')), 'hex')"


POSTGRES_SECOND = f"""
create table if not exists deploy_schema (version integer not null);
alter table deploy_events add column if not exists hash text;
{ANCHORS};
{INDEXES};
{AT};
create or replace function deploy_events_link() returns trigger language plpgsql as $$
declare before text;
begin
    perform pg_advisory_xact_lock({CHAINING});
    select hash into before from (
        (select seq, hash from deploy_events where hash is not null order by seq desc limit 1)
        union all (select seq, hash from deploy_anchors order by seq desc limit 1)) known
        order by seq desc limit 1;
    new.seq := nextval(pg_get_serial_sequence('deploy_events', 'seq'));
    new.hash := {_linked("new.run", "new.at", "new.kind", "new.subject", "new.body")};
    return new;
end $$;
create or replace function deploy_record_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and tg_table_name = 'deploy_events' then
        if exists (select 1 from deploy_anchors where reason = 'trimmed' and seq >= old.seq) then return old; end if;
    end if;
    raise exception 'the journal is append-only';
end $$;
create or replace trigger deploy_events_stay before update or delete on deploy_events
    for each row execute function deploy_record_stays();
create or replace trigger deploy_events_whole before truncate on deploy_events
    for each statement execute function deploy_record_stays();
create or replace trigger deploy_anchors_stay before update or delete on deploy_anchors
    for each row execute function deploy_record_stays()
"""
"""The database itself links what is written, so that an older tool that writes beside us is in the chain, too."""

POSTGRES_THIRD = f"""
create or replace trigger deploy_events_link before insert on deploy_events
    for each row when (new.hash is null) execute function deploy_events_link();
create or replace function deploy_append(a_run text, an_at text, a_kind text, a_subject text, a_body text) returns void
language plpgsql set lock_timeout = '4s' set enable_seqscan = off as $$
declare before text;
begin
    lock table deploy_events in row exclusive mode;
    perform pg_advisory_xact_lock({CHAINING});
    select hash into before from deploy_events where hash is not null order by seq desc limit 1;
    if not found then
        select hash into before from deploy_anchors order by seq desc limit 1;
    end if;
    insert into deploy_events (run, at, kind, subject, body, hash)
        select a_run, an_at, a_kind, a_subject, a_body, {_linked("a_run", "an_at", "a_kind", "a_subject", "a_body")}
        where not exists (select 1 from deploy_events where run = a_run and at = an_at
                          and kind || '' = a_kind and subject = a_subject and body = a_body);
end $$
"""
"""``deploy_append`` is planned once a connection; a statement would be planned each time: nothing is prepared through a
pooler. It waits for others for less than the deadline of a statement, and locks as whoever makes the tables does: the
table, then the chain. A plan that was made while the table was short is kept while it grows, so it is left no way but
the index by run and time: a kind that is put together is found by no index.
"""
