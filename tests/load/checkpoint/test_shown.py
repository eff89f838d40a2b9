import pytest

from edgekit.load.checkpoint.shown import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "'a b'"),
        ("two\nlines\x1b[31m\u202e", "'two?lines?[31m?'"),
        ("x" * 81, f"'{'x' * 80}...'"),
        (b"secret", "a bytes"),
        ([[[]]], "a list"),
    ],
)
def test_text_of_a_file_is_short_quoted_and_on_one_line(value, text):
    assert shown(value) == text
