"""Files that try something are refused: in one line, at once, in little memory, and unrun."""

import io
import pickle
import subprocess
import sys
import time
import tracemalloc
import warnings

import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.read import read_checkpoint, read_safetensors
from tests.load.checkpoint.files import archive, checkpoint, dict_of, legacy, plain, tensor
from tests.load.checkpoint.hostile import HOSTILE, HOSTILE_SAFETENSORS, code

# Refusals take up to 0.3 s; this is room for a machine under load, and less than any bomb takes.
MOST_SECONDS = 5.0
MOST_MEMORY = 96 << 20

READ_ALL = """if True:
    import sys
    from pathlib import Path
    from edgekit.errors import ModelError
    from edgekit.load.checkpoint.read import read_checkpoint, read_safetensors
    paths = sorted(Path(sys.argv[1]).iterdir())
    refused = []
    def read_all():
        for path in paths:
            try:
                (read_safetensors if path.suffix == ".safetensors" else read_checkpoint)(path)
            except ModelError:
                refused.append(path)
    read_all()  # what Python itself imports at first use is behind us now
    modules, events = set(sys.modules), set()
    allowed = {"open", "mmap.__new__", "builtins.id", "object.__getattr__", "sys._getframe"}
    sys.addaudithook(lambda event, args: events.add(event))
    read_all()
    print(len(paths), len(refused) // 2)
    print(sorted(events - allowed), sorted(set(sys.modules) - modules))
"""


def refusal(path, read=read_checkpoint) -> str:
    with pytest.raises(ModelError) as caught:
        read(path)
    return str(caught.value)


@pytest.fixture
def written(tmp_path):
    def write(data: bytes, name: str = "a.pt"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_checkpoint_is_refused_at_once_in_one_line(written, name):
    path = written(HOSTILE[name].data)

    start = time.process_time()
    message = refusal(path)
    took = time.process_time() - start

    assert took < MOST_SECONDS
    assert message.startswith(f"Cannot load '{path}': ")
    assert HOSTILE[name].named in message
    assert "\n" not in message
    assert len(message) < 1000


@pytest.mark.parametrize("name", HOSTILE_SAFETENSORS)
def test_a_hostile_safetensors_file_is_refused_at_once_in_one_line(written, name):
    path = written(HOSTILE_SAFETENSORS[name].data, "a.safetensors")

    start = time.process_time()
    message = refusal(path, read_safetensors)

    assert time.process_time() - start < MOST_SECONDS
    assert HOSTILE_SAFETENSORS[name].named in message
    assert "\n" not in message


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_checkpoint_takes_little_memory(written, name):
    path = written(HOSTILE[name].data)

    tracemalloc.start()
    refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < MOST_MEMORY


@pytest.mark.parametrize("wrap", [lambda p: archive({"archive/data.pkl": p}), None])
def test_code_in_a_checkpoint_is_not_run(tmp_path, written, wrap):
    mark = tmp_path / "mark"
    expression = f"open({str(mark)!r}, 'w').close()"
    pickles = code(f"echo > {mark}", expression)

    for data in pickles.values():
        message = refusal(written(wrap(data) if wrap else data))

        assert not mark.exists()
        assert "\n" not in message


@pytest.mark.parametrize("name", code("", "0"))
def test_the_same_code_would_run_if_it_were_unpickled(tmp_path, name):
    """The test of the test above: these pickles are live."""
    mark = tmp_path / "mark"
    data = code(f"echo > {mark}", f"open({str(mark)!r}, 'w').close()")[name]
    failed = (ImportError, TypeError, AttributeError, ValueError, pickle.UnpicklingError)

    try:
        pickle.loads(data)
    except failed:
        # The last steps of some need torch's own reader; the code ran before them.
        assert mark.exists() or name == "attributes of a module"
        return

    assert mark.exists()


def test_python_sees_no_import_no_call_and_no_other_file(tmp_path):
    folder = tmp_path / "hostile"
    folder.mkdir()
    for number, (data, _) in enumerate(HOSTILE.values()):
        (folder / f"{number}.pt").write_bytes(data)
    for number, data in enumerate(code("echo", "0").values()):
        (folder / f"code{number}.pt").write_bytes(archive({"archive/data.pkl": data}))
    for number, (data, _) in enumerate(HOSTILE_SAFETENSORS.values()):
        (folder / f"{number}.safetensors").write_bytes(data)
    count = len(list(folder.iterdir()))

    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, folder],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )

    assert done.stdout.split("\n")[:2] == [f"{count} {count}", "[] []"]
    assert done.stderr == ""


@pytest.mark.parametrize("make", [checkpoint, legacy])
def test_a_checkpoint_cut_anywhere_is_refused(written, make):
    data = make(dict_of(a=tensor(), b=plain(list(range(20)))))

    for cut in range(len(data)):
        message = refusal(written(data[:cut]))

        assert "\n" not in message


@pytest.mark.parametrize("make", [checkpoint, legacy])
def test_a_checkpoint_with_any_byte_changed_is_read_or_refused(written, make):
    data = bytearray(make(dict_of(a=tensor(), b=plain({"x": (1, 2.5, "t", None)}))))

    for place in range(len(data)):
        for value in (0xFF, ord("R"), data[place] ^ 1):
            changed = bytearray(data)
            changed[place] = value
            try:
                read_checkpoint(written(bytes(changed)))
            except ModelError as err:
                assert "\n" not in str(err)  # noqa: PT017, most are refused and some are read


def test_torchs_archives_of_code_are_refused_for_what_they_are(written):
    torch = pytest.importorskip("torch")
    script, program = io.BytesIO(), io.BytesIO()
    layer = torch.nn.Linear(2, 2).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both ways of saving are said to be old
        torch.jit.save(torch.jit.script(layer), script)
        torch.export.save(torch.export.export(layer, (torch.ones(1, 2),)), program)

    assert "found a TorchScript archive, which is code" in refusal(written(script.getvalue()))
    assert "found an exported program (.pt2), which is code" in refusal(written(program.getvalue()))
