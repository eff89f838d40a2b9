"""Files that try something: every one is made here, and every one has to be refused.

``HOSTILE`` has, by name, the file and what the refusal has to name. Where a file would run code,
that code leaves a mark: ``mark(path)`` of ``CODE`` makes the same with a command of its own.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from typing import NamedTuple

from tests.load.checkpoint.files import (
    FLOATS,
    archive,
    call,
    checkpoint,
    dict_of,
    legacy,
    list_of,
    name,
    pickled,
    plain,
    storage,
    tensor,
    tensors_file,
    tuple_of,
)


class Hostile(NamedTuple):
    """A file and what its refusal names."""

    data: bytes
    named: str


class Reduces:
    """An object that Python's own pickle writes as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


# Functions of the standard library and of torch that have run code from pickles.
_NAMES = (
    "os.system posix.system nt.system os.popen os.execv subprocess.Popen subprocess.call pty.spawn "
    "builtins.eval builtins.exec builtins.compile builtins.open builtins.__import__ "
    "builtins.breakpoint builtins.map builtins.input __builtin__.eval __builtin__.apply "
    "importlib.import_module runpy.run_path runpy._run_code timeit.timeit cProfile.run pdb.run "
    "bdb.Bdb.run code.InteractiveInterpreter ctypes.CDLL webbrowser.open shutil.rmtree "
    "socket.create_connection pip.main marshal.loads pickle.loads _pickle.loads types.CodeType "
    "types.FunctionType functools.partial operator.attrgetter operator.methodcaller "
    "copyreg._reconstructor copyreg.__newobj__ copyreg.add_extension codecs.open _codecs.decode "
    "logging.config.listen multiprocessing.util.spawnv_passfds tempfile.NamedTemporaryFile "
    "zipimport.zipimporter site.addsitedir pathlib.Path numpy.load numpy.ndarray "
    "numpy.testing._private.utils.runstring numpy.f2py.crackfortran.getlincoef "
    "numpy.core.records.fromfile cloudpickle.cloudpickle._make_function "
    "dill._dill._create_function joblib.load "
    "torch.load torch.storage._load_from_bytes torch.jit.load torch.hub.load "
    "torch.utils.cpp_extension.load_inline torch.utils.bottleneck.__main__.run_cprofile "
    "torch._inductor.codecache.compile_file torch.fx._symbolic_trace.symbolic_trace "
    "torch.utils.collect_env.run torch.distributed.rpc.rpc_sync torch.tensor torch.FloatTensor "
    "torch._utils._rebuild_qtensor torch._utils._rebuild_sparse_tensor "
    "unknown_package.Model __main__.Model my.own.yolo.Detector"
)
GADGETS = _NAMES.split()


def code(command: str, expression: str) -> dict[str, bytes]:
    """Return pickles that run a command of the shell or an expression when Python reads them."""
    system, run = name("os.system"), name("builtins.eval")
    calls = {
        f"reduce {protocol}": pickle.dumps(Reduces(eval, expression), protocol)
        for protocol in range(6)
    }
    bodies = {
        "os.system": call("os.system", plain(command)),
        "posix.system": call("posix.system", plain(command)),
        "eval": call("builtins.eval", plain(expression)),
        "python 2's eval": call("__builtin__.eval", plain(expression)),
        "exec": call("builtins.exec", plain(expression)),
        "INST": b"(" + plain(command) + b"ios\nsystem\n",
        "OBJ": b"(" + system + plain(command) + b"o",
        "STACK_GLOBAL": plain("os") + plain("system") + b"\x93" + plain((command,)) + b"R",
        "in a list, thrown away": call("os.system", plain(command)) + b"0" + plain([]),
        "as a key": b"}" + call("os.system", plain(command)) + plain(1) + b"s",
        "as an argument": call(
            "collections.OrderedDict", list_of(call("os.system", plain(command)))
        ),
        "as a state": call("collections.OrderedDict") + call("os.system", plain(command)) + b"b",
        "looked up": call(
            "builtins.getattr", call("builtins.__import__", plain("os")), plain("system")
        )
        + plain((command,))
        + b"R",
        "mapped": call("builtins.list", call("builtins.map", run, plain([expression]))),
        "in a pickle in a pickle": call(
            "pickle.loads", plain(pickle.dumps(Reduces(eval, expression), 2))
        ),
        "attributes of a module": call("models.common.Conv")
        + b"0"
        + system
        + plain((command,))
        + b"R",
    }
    return calls | {key: pickled(body) for key, body in bodies.items()}


def _called() -> dict[str, Hostile]:
    made = {gadget: call(gadget, plain("x")) for gadget in GADGETS}
    found = {key: Hostile(checkpoint(body), f"'{key}'") for key, body in made.items()}
    found["old format"] = Hostile(legacy(call("os.system", plain("x"))), "'os.system'")
    return found


def _steps() -> dict[str, Hostile]:
    system = name("os.system")
    bodies = {
        "extension": (b"\x82\x01", "EXT1"),
        "extension 4": (b"\x84\x01\x00\x00\x00", "EXT4"),
        "buffer": (b"\x97", "NEXT_BUFFER"),
        "named arguments": (
            name("argparse.Namespace") + plain(()) + plain({"a": 1}) + b"\x92",
            "named arguments",
        ),
        "result called": (
            call("builtins.getattr", name("models.A"), plain("run")) + plain(()) + b"R",
            "what 'builtins.getattr' returns",
        ),
        "state of a function": (system + plain({"x": 1}) + b"b", "sets the state of 'os.system'"),
        "dotted name": (
            plain("models.common") + plain("os.system") + b"\x93" + plain(("x",)) + b"R",
            "'models.common.os.system'",
        ),
        "text called": (plain("os.system") + plain(("x",)) + b"R", "calls 'os.system'"),
        "reference by text": (b"Pos.system\n", "PERSID"),
        "reference of another kind": (plain(("file", "/etc/passwd")) + b"Q", "outside"),
        "module called": (
            tuple_of(plain("module"), system, plain("x.py"), plain("import os")) + b"Q"
            + plain(("x",)) + b"R",
            "'os.system'",
        ),
        "array of objects": (
            call(
                "numpy.core.multiarray.scalar",
                call("numpy.dtype", plain("O8"), plain(0), plain(1)),
                plain(pickle.dumps(Reduces(eval, "1"), 2)),
            ),
            "'O8'",
        ),
    }  # fmt: skip
    return {key: Hostile(checkpoint(body), named) for key, (body, named) in bodies.items()}


def _bombs() -> dict[str, Hostile]:
    ten = b"h\x00" * 10
    text = plain("x" * (1 << 20)) + b"q\x05"
    hashes = 2**61 - 1
    bodies = {
        "lists of lists": (b"(NNt" + b"q\x00" + (b"0(" + ten + b"tq\x00") * 60, "unfold"),
        "dicts of dicts": (
            plain({"a": 1}) + b"q\x00" + (b"0}(" + b"".join(
                b"K%ch\x00" % i for i in range(10)) + b"uq\x00") * 60,
            "unfold",
        ),
        "duplicates": (b"N" + b"2\x86" * 90, "unfold"),
        "deep lists": (b"]" * 100_000 + b"a" * 99_999, "deep"),
        "deep tuples": (b"N" + b"\x85" * 100_000, "deep"),
        "deep calls": (
            name("collections.OrderedDict") + b"q\x000N" + b"\x85q\x010h\x00h\x01R" * 40_000,
            "deep",
        ),
        "itself": (b"]q\x00h\x00a", "contains itself"),
        "itself as a state": (call("models.A") + b"q\x00h\x00b", "contains itself"),
        "one text copied": (
            list_of(text, *[call("_codecs.encode", b"h\x05", plain("latin1"))] * 100), "copy"
        ),
        "one list copied": (
            list_of(plain(["x"] * 10_000) + b"q\x05",
                    *[call("collections.deque", b"h\x05")] * 200), "unfold"
        ),
        "objects": (b"](" + b"}" * 300_000 + b"e", "150000 objects"),
        "names": (b"](" + b"ca\nb\n" * 300_000 + b"e", "150000 objects"),
        "steps": (b"N0" * 500_000 + b"N", "600000 steps"),
        "marks": (b"(" * 400_000, "leave one object"),
        "long text declared": (b"\x8d" + struct.pack("<Q", 1 << 62), "damaged"),
        "long bytes declared": (b"\x96" + struct.pack("<Q", (1 << 63) - 1), "damaged"),
        "long number declared": (b"\x8b\xff\xff\xff\x7f", "damaged"),
        "long number": (b"\x8b" + struct.pack("<i", 2 << 20) + b"\x7f" * (2 << 20), "longer than"),
        "long decimal": (b"L" + b"9" * 1_000_000 + b"L\n", "damaged"),
        "long frame": (b"\x95" + struct.pack("<Q", (1 << 64) - 1), "leave one object"),
        "memo of equal hashes": (
            b"N" + b"".join(b"p%d\n" % (i * hashes) for i in range(2, 50_000)), "damaged"
        ),
        "keys of equal hashes": (
            b"}(" + b"".join(b"L%dL\nN" % (i * hashes) for i in range(2, 50_000)) + b"u", "as a key"
        ),
        "tuples as keys": (
            b"}(" + b"".join(b"J%s\x85N" % struct.pack("<i", i) for i in range(100_000)) + b"u",
            "keys that are tuples",
        ),
    }  # fmt: skip
    return {key: Hostile(checkpoint(body), named) for key, (body, named) in bodies.items()}


def _tensors() -> dict[str, Hostile]:
    huge = storage(numel=1 << 47)
    bodies = {
        "huge shape": (tensor((1 << 40,)), "shape (1099511627776,)"),
        "huge shape, no steps": (tensor((1 << 40,), (0,)), "far more elements"),
        "huge sides": (tensor((1 << 40, 1 << 40), (0, 0)), "inside their storages"),
        "huge empty shape": (tensor((0, 1 << 40, 1 << 40), (0, 0, 0)), "inside their storages"),
        "many wide views": (list_of(*[tensor((1 << 20,), (0,))] * 100), "far more elements"),
        "huge storage": (tensor(kept=huge), "in storage '0'"),
        "missing storage": (tensor(kept=storage(key="7")), "in storage '7'"),
        "storage outside": (tensor(kept=storage(key="../../x")), "'../../x'"),
        "negative size": (tensor(kept=storage(numel=-4)), "another reference"),
        "negative offset": (tensor(offset=-1), "_rebuild_tensor_v2"),
        "negative stride": (tensor((4,), (-1,), 3), "_rebuild_tensor_v2"),
        "negative side": (tensor((-4,)), "_rebuild_tensor_v2"),
        "offset outside": (tensor((1,), (1,), 4), "inside their storages"),
        "stride outside": (tensor((2,), (4,)), "inside their storages"),
        "sides that overflow": (tensor((1 << 63, 2), (1, 1)), "_rebuild_tensor_v2"),
        "stride that overflows": (tensor((2,), ((1 << 64) - 1,)), "_rebuild_tensor_v2"),
        "33 dimensions": (tensor((1,) * 33, (1,) * 33), "_rebuild_tensor_v2"),
        "text as a storage": (tensor(kept=plain("x" * 64)), "_rebuild_tensor_v2"),
        "view as a storage": (tensor((2,), (1,), kept=tensor((2,), (2,))), "_rebuild_tensor_v2"),
        "quantized": (tensor(kept=storage("QUInt8Storage")), "'torch.QUInt8Storage'"),
        "nan": (dict_of(model=dict_of(w=tensor())), "'model.w' that are NaN"),
    }
    nan = (struct.pack("<4f", 1, float("nan"), 3, 4),)
    return {
        f"tensor: {key}": Hostile(checkpoint(body, nan if key == "nan" else (FLOATS,)), named)
        for key, (body, named) in bodies.items()
    }


def _archives() -> dict[str, Hostile]:
    whole = {"archive/data.pkl": pickled(tensor()), "archive/data/0": FLOATS}
    zeros = {"archive/data.pkl": pickled(tensor()), "archive/data/0": b"\0" * (16 << 20)}
    shared = bytearray(
        archive({"archive/data.pkl": pickled(tensor()), "archive/data/0": FLOATS * 99})
    )
    second = shared.index(b"PK\x01\x02", shared.index(b"PK\x01\x02") + 1)
    struct.pack_into("<I", shared, shared.index(b"PK\x01\x02") + 20, 300)
    struct.pack_into("<I", shared, shared.index(b"PK\x01\x02") + 24, 300)
    struct.pack_into("<I", shared, second + 16, 0)
    many = {f"a/{i}": b"" for i in range(50_001)}
    made = {
        **{
            f"name {bad}": (archive(whole | {bad: b"x"}), "which leaves it")
            for bad in ("../../x", "/etc/cron.d/x", "C:/x", "archive/../../x", "a\\..\\..\\x")
        },
        "zip bomb": (archive(zeros, zipfile.ZIP_DEFLATED), "compressed"),
        "overlap": (bytes(shared), "damaged"),
        "very many files": (archive(many), "50000 files"),
        "checksum": (archive(whole).replace(FLOATS, FLOATS[::-1]), "'archive/data/0' damaged"),
        "two pickles": (archive(whole | {"b/data.pkl": pickled(b"N")}), "found 2"),
        "script": (archive(whole | {"archive/code/__torch__.py": b"x"}), "TorchScript"),
        "exported program": (archive(whole | {"archive/models/model.json": b"{}"}), ".pt2"),
        "no pickle": (archive({"archive/data/0": FLOATS}), "found 0"),
    }
    return {f"archive: {key}": Hostile(data, named) for key, (data, named) in made.items()}


def _safetensors() -> dict[str, Hostile]:
    one = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    tables = {
        "huge shape": ({"a": one | {"shape": [1 << 62]}}, "impossible shape"),
        "negative place": ({"a": one | {"data_offsets": [-16, 0]}}, "'a'"),
        "overlap": ({"a": one, "b": one}, "overlap"),
        "deep": (b'{"a":' + b"[" * 1_000_000, "no JSON"),
        "long number": (b'{"a":' + b"9" * 1_000_000 + b"}", "no JSON"),
    }
    made = {key: (tensors_file(table), named) for key, (table, named) in tables.items()}
    made["huge table"] = (struct.pack("<Q", (1 << 64) - 1) + FLOATS, "no table")
    return {key: Hostile(data, named) for key, (data, named) in made.items()}


HOSTILE = _called() | _steps() | _bombs() | _tensors() | _archives()
HOSTILE_SAFETENSORS = _safetensors()
