import pytest

from edgekit.backends.tensorrt.on_device import program as module
from edgekit.backends.tensorrt.on_device.problems import Missing, Problem
from edgekit.backends.tensorrt.on_device.program import Program, ask, find, run
from tests.backends.tensorrt.boards import put_program, put_trtexec

PASSED = "echo '&&&& PASSED TensorRT.trtexec'"


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A PATH with nothing on it, and no trtexec where JetPack puts it."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(module, "PLACES", (str(tmp_path / "jetpack" / "trtexec"),))
    return tmp_path


def program(path):
    return Program(str(path), "10.3.0", "26", {})


def test_trtexec_is_found_where_it_is_given_on_path_and_where_jetpack_puts_it(alone):
    jetpack = put_program(alone / "jetpack", "trtexec", "")
    assert find(None) == str(jetpack)
    on_path = put_program(alone / "bin", "trtexec", "")
    assert find(None) == str(on_path)
    assert find(str(jetpack)) == str(jetpack)


def test_a_missing_trtexec_says_how_to_get_it(alone):
    with pytest.raises(Missing, match=r"not found on PATH .*sudo apt install tensorrt"):
        find(None)
    with pytest.raises(Missing, match="there is no program"):
        find(str(alone / "none"))


def test_trtexec_tells_its_release_and_its_gpu(tmp_path):
    asked = ask(str(put_trtexec(tmp_path, "10.3")))

    assert (asked.version, asked.build, asked.release) == ("10.3.0", "26", "10.3.0.b26")
    assert asked.device["compute_capability"] == "8.7"


def test_a_trtexec_without_a_gpu_says_what_it_said(tmp_path, monkeypatch):
    monkeypatch.setenv("STAND_IN_NO_GPU", "1")

    with pytest.raises(Missing, match=r"sees no GPU\. It said: Cuda failure: no CUDA-capable"):
        ask(str(put_trtexec(tmp_path, "8.6")))


def test_another_program_of_that_name_is_refused(tmp_path):
    with pytest.raises(Missing, match=r"does not introduce itself as trtexec\. It said: hello"):
        ask(str(put_program(tmp_path, "trtexec", "echo hello")))


def test_a_program_for_another_processor_is_refused(tmp_path):
    path = tmp_path / "trtexec"
    path.write_bytes(b"\x7fELF nothing")
    path.chmod(0o755)

    with pytest.raises(Missing, match="does not run here"):
        ask(str(path))


def test_what_it_prints_is_kept_and_returned(tmp_path):
    path = put_program(tmp_path, "trtexec", f'echo "$1"; {PASSED}')

    told = run(program(path), ["--fp16"], tmp_path / "logs" / "x.log", 10)

    assert told.startswith("--fp16\n")
    assert (tmp_path / "logs" / "x.log").read_text() == told


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo '[1] [E] Unknown option: --fp16'; exit 1", "with code 1: Unknown option: --fp16"),
        ("echo no verdict", "with code 0: no verdict"),
        ("kill -9 $$", "by signal 9.*close other programs or add swap"),
        ("echo '[1] [E] x: No space left on device'; exit 1", "Free some space first"),
    ],
)
def test_a_failure_is_told_with_its_reason_and_log(tmp_path, text, reason):
    path = put_program(tmp_path, "trtexec", text)

    with pytest.raises(Problem, match=f"{reason}.*Its log: .*x.log"):
        run(program(path), [], tmp_path / "x.log", 10)


def test_a_program_that_hangs_is_ended(tmp_path):
    path = put_program(tmp_path, "trtexec", "exec /bin/sleep 60")

    with pytest.raises(Problem, match=r"did not end within 0\.1 s"):
        run(program(path), [], tmp_path / "x.log", 0.1)
