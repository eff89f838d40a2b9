"""The parent's end of a timing worker: start, ask, stop, and say why one died."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from edgekit.errors import EdgekitError, StageError
from edgekit.measure.throughput import StreamsJob

if TYPE_CHECKING:
    from types import TracebackType

    from edgekit.measure.throughput import Throughput
    from edgekit.measure.timing_worker import Block, Job, Ready

_ENTRY = "from edgekit.measure.timing_worker import main; main()"
_STDERR_TAIL = 2000
_PATIENCE_S = 5.0


class WorkerProcess:
    """One candidate opened in a process of its own. A context manager: leaving it ends the process.

    Not ``multiprocessing``: that would import the user's main script again, and its stderr could
    not be caught from the start. The process is out of reach of the terminal's interrupt, so that
    a stopped measurement ends workers in one place, here.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._name = job.candidate.name
        self._up = False

    def started(self) -> None:
        """Wait until the process is up, and takes no time from others that are measured.

        Raises:
            StageError: It died.
        """
        if not self._up:
            self._answer()
            self._up = True

    def warm_up(self) -> Ready:
        """Return what opening and warming up the candidate took.

        Raises:
            EdgekitError: The worker could not open or run it, or died.
        """
        ready: Ready = self._ask(self._job)
        return ready

    def time(self, runs: int) -> Block:
        """Return the times of ``runs`` runs.

        Raises:
            EdgekitError: The worker could not run the candidate, or died.
        """
        block: Block = self._ask(runs)
        return block

    def run_streams(self, streams: int, seconds: float) -> Throughput | None:
        """Return the images per second of so many streams; ``None`` where the runtime has none.

        Raises:
            EdgekitError: The worker could not run the candidate, or died.
        """
        rate: Throughput | None = self._ask(StreamsJob(streams, seconds))
        return rate

    @property
    def name(self) -> str:
        """The candidate's."""
        return self._name

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def _ask(self, question: object) -> Any:
        self.started()
        assert self._process.stdin is not None
        try:
            pickle.dump(question, self._process.stdin)
            self._process.stdin.flush()
        except OSError as err:
            raise self._death() from err
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        try:
            answer = pickle.load(self._process.stdout)  # noqa: S301 our own worker wrote it
        except (EOFError, OSError, pickle.UnpicklingError) as err:
            raise self._death() from err
        if isinstance(answer, EdgekitError):
            raise answer
        return answer

    def _death(self) -> StageError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_S)
        code = self._process.poll()
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip()[-_STDERR_TAIL:]
        return StageError(
            f"Timing '{self._name}' ({self._job.candidate.model}): its process ended with code "
            f"{code} instead of an answer. It said: {said or 'nothing'}. Run "
            "'edgekit doctor' to check the runtime, or leave this model out."
        )

    def __enter__(self) -> Self:
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-X", "faulthandler", "-c", _ENTRY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._stderr.close()
