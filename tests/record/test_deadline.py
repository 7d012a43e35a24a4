"""Calls that may never come back: whoever waits goes on, and the next call is not behind the one that hangs."""

import gc
import os
import threading
import time

import pytest

from pipeline.record.deadline import Worker, within


def workers() -> int:
    return sum("_work" in thread.name for thread in threading.enumerate())


def test_calls_are_done_one_after_the_other_in_one_thread_that_is_kept() -> None:
    worker = Worker()
    threads = {worker.within(5, threading.get_ident) for _ in range(20)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_what_a_call_raises_is_raised_and_the_thread_goes_on() -> None:
    worker = Worker()
    first = worker.within(5, threading.get_ident)
    with pytest.raises(ZeroDivisionError):
        worker.within(5, lambda: 1 // 0)
    assert worker.within(5, threading.get_ident) == first


def test_a_call_that_hangs_is_left_to_itself_and_the_next_one_is_not_behind_it() -> None:
    worker, free = Worker(), threading.Event()
    before = worker.within(5, threading.get_ident)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        worker.within(0.05, free.wait)
    assert worker.within(5, lambda: 7) == 7
    assert time.monotonic() - began < 5
    assert worker.within(5, threading.get_ident) != before
    free.set()


def test_what_has_not_begun_when_its_time_is_over_is_not_begun() -> None:
    worker, free, begun, late = Worker(), threading.Event(), threading.Event(), list[str]()

    def hang() -> None:
        begun.set()
        free.wait()

    asker = threading.Thread(target=lambda: worker.within(5, hang))
    asker.start()
    begun.wait(5)
    with pytest.raises(TimeoutError):
        worker.within(0.05, lambda: late.append("written after all"))
    free.set()
    asker.join(5)
    assert worker.within(5, lambda: 7) == 7
    assert late == []


def test_a_worker_that_nobody_has_any_more_leaves_no_thread() -> None:
    before = workers()
    for _ in range(5):
        within(5, lambda: None)
    gc.collect()  # once: among the objects of thousands of tests it takes seconds
    until = time.monotonic() + 5
    while workers() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert workers() <= before


def test_a_process_that_was_forked_gets_a_thread_of_its_own() -> None:
    worker = Worker()
    worker.within(5, lambda: None)
    child = os.fork()
    if child == 0:
        os._exit(worker.within(2, lambda: 3))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
