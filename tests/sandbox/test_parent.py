"""A child ends with its parent, whatever other processes do to the pipe that they share."""

import os
import subprocess
import sys

import pytest

CHILD = """
import subprocess, sys, threading
from gt_secure.sandbox import parent

ended = threading.Event()
parent.on_end(ended.set, name="parent")
read = subprocess.run([sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))"], stdout=subprocess.PIPE)
print(read.stdout.decode().strip(), flush=True)
print(ended.wait(0.3), flush=True)
print(ended.wait(60), flush=True)
"""


@pytest.fixture
def child():
    started = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield started
    started.kill()
    started.communicate()


def test_it_ends_with_the_pipe_and_its_children_do_not_read_from_it(child):
    assert child.stdout.readline() == "''\n"
    assert child.stdout.readline() == "False\n"
    child.stdin.write("what is written does not end it\n")
    assert child.communicate(timeout=300) == ("True\n", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no non-blocking pipes")
def test_a_pipe_made_non_blocking_is_waited_for_without_a_traceback():
    read, write = os.pipe()
    os.set_blocking(read, False)  # what Node does to the standard input that it inherits
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=read,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(read)
    try:
        assert [child.stdout.readline() for _ in range(2)] == ["''\n", "False\n"]
        os.close(write)
        assert child.communicate(timeout=300) == ("True\n", "")
    finally:
        child.kill()
        child.communicate()
