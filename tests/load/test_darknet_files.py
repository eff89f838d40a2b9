import pytest

from edgekit.errors import ModelError
from edgekit.load.darknet_files import DarknetFiles, find_darknet, find_names


@pytest.fixture
def folder(tmp_path):
    """Return ``folder(*names)``: a folder of such files, each empty."""

    def make(*names):
        for name in names:
            (tmp_path / name).write_text("")
        return tmp_path

    return make


@pytest.mark.parametrize("given", ["net.cfg", "net.weights"])
def test_either_file_names_the_other_of_its_name(folder, given):
    at = folder("net.cfg", "net.weights", "other.cfg", "other.weights")

    assert find_darknet(at / given) == DarknetFiles(at / "net.cfg", at / "net.weights")


@pytest.mark.parametrize("given", ["net.cfg", "net_best.weights"])
def test_weights_are_named_after_the_configuration_they_were_trained_with(folder, given):
    at = folder("net.cfg", "net_best.weights", "other.cfg", "other.weights")

    assert find_darknet(at / given) == DarknetFiles(at / "net.cfg", at / "net_best.weights")


@pytest.mark.parametrize("given", ["a.CFG", "b.weights"])
def test_the_only_one_is_taken_whatever_it_is_called(folder, given):
    at = folder("a.CFG", "b.weights", "notes.txt")

    assert find_darknet(at / given) == DarknetFiles(at / "a.CFG", at / "b.weights")


@pytest.mark.parametrize(
    ("names", "given", "said"),
    [
        (["a.cfg"], "a.cfg", r"expected a\.weights beside it, .* found none\. Put the \.weights"),
        (["a.weights"], "a.weights", r"expected a\.cfg beside it, .* found none"),
        (
            ["a.cfg", "b.weights", "c.weights"],
            "a.cfg",
            r"single \.weights file, found 2: b\.weights, c\.weights",
        ),
        (
            ["a.cfg", "a_best.weights", "a_last.weights"],
            "a.cfg",
            r"found 2: a_best\.weights, a_last\.weights",
        ),
        ([], "a.cfg", "expected a file, found none"),
    ],
)
def test_what_cannot_be_told_is_asked_for(folder, names, given, said):
    with pytest.raises(ModelError, match=rf"Cannot load '.*{given}': .*{said}"):
        find_darknet(folder(*names) / given)


def named(folder, **texts):
    files = DarknetFiles(folder / "net.cfg", folder / "net_best.weights")
    for stem, text in texts.items():
        (folder / f"{stem}.names").write_text(text)
    return files


def test_names_are_the_lines_of_the_file_of_the_same_name(tmp_path):
    files = named(tmp_path, net="cat\n dog \n\nowl\n", coco="a\nb\nc\n")

    assert find_names(files, 3) == (("cat", "dog", "owl"), None)


@pytest.mark.parametrize("stem", ["net_best", "coco"])
def test_names_may_be_called_like_the_weights_or_coco(tmp_path, stem):
    files = named(tmp_path, **{stem: "cat\ndog\n", "net": "one\n"})

    assert find_names(files, 2) == (("cat", "dog"), None)


def test_names_of_another_number_are_no_names_and_said(tmp_path):
    names, note = find_names(named(tmp_path, coco="a\nb\n"), 3)

    assert names == ()
    assert note == (
        "Its 3 classes have numbers instead of names: expected as many lines in net.names or "
        "coco.names beside net.cfg, found coco.names with 2 names."
    )


def test_no_file_is_said(tmp_path):
    assert find_names(named(tmp_path), 3)[1].endswith("found none.")


def test_what_is_no_list_of_names_is_not_read(tmp_path):
    names, _ = find_names(named(tmp_path, net="x\n" * (1 << 20)), 1 << 20)

    assert names == ()
