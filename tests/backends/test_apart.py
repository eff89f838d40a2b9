import pytest

from edgekit.backends.apart import ask_apart
from edgekit.errors import MissingError

PATIENCE_S = 60


def test_the_last_line_printed_is_the_answer():
    code = "print('a library that greets'); print('''{\"name\": \"X\", \"of\": [1, 2]}''')"

    assert ask_apart(code, "the GPU", PATIENCE_S) == {"name": "X", "of": [1, 2]}


def test_what_this_process_may_import_may_be_asked(monkeypatch, tmp_path):
    (tmp_path / "only_here.py").write_text("ANSWER = 42\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    code = "import json, only_here; print(json.dumps({'n': only_here.ANSWER}))"

    assert ask_apart(code, "it", PATIENCE_S) == {"n": 42}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os, sys; sys.stderr.write('bad driver'); os._exit(7)", "code 7: bad driver"),
        ("import os; os.abort()", "ended with code -6"),
        ("pass", "asking for the NPU ended with code 0: nothing"),
    ],
)
def test_a_process_that_dies_says_how_and_what_it_said(code, told):
    with pytest.raises(MissingError, match=told):
        ask_apart(code, "the NPU", PATIENCE_S)


def test_a_driver_that_hangs_is_not_waited_for():
    with pytest.raises(MissingError, match=r"the NPU did not answer within 0\.2 s"):
        ask_apart("import time; time.sleep(60)", "the NPU", 0.2)
