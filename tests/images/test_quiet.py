import os

import pytest

from edgekit.images.quiet import caught_messages


def test_decoder_messages_are_caught_and_other_lines_pass(capfd):
    with caught_messages() as messages:
        os.write(2, b"libpng error: bad thing\nprogress 3/7\nCorrupt JPEG data: 2 bytes\n")

    assert messages == ["libpng error: bad thing", "Corrupt JPEG data: 2 bytes"]
    assert capfd.readouterr().err == "progress 3/7\n"


def test_standard_error_is_back_after_an_exception(capfd):
    with pytest.raises(ZeroDivisionError), caught_messages():
        raise ZeroDivisionError

    os.write(2, b"still here\n")
    assert capfd.readouterr().err == "still here\n"
