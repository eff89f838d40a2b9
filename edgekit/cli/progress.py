"""Progress bars on stderr."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console
    from rich.progress import Task, TaskID
    from rich.table import Table

    from edgekit.protocols import Progress

PATIENCE_S = 2.0  # what takes less needs no bar


@contextmanager
def bars() -> Iterator[Progress]:
    """Yield a ``Progress`` that draws one bar, with the time left, per stage over two seconds.

    On a pipe and in continuous integration it draws nothing; ``NO_COLOR`` takes the colours away.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    class SlowOnes(Bars):
        """Bars of stages that take long: redrawn by a thread, so that silent ones appear too."""

        def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
            shown = [task for task in tasks if (task.elapsed or 0.0) >= PATIENCE_S]
            return super().make_tasks_table(shown)

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with SlowOnes(*columns, console=console, disable=_quiet(console)) as drawn:
        tasks: dict[str, tuple[TaskID, int]] = {}

        def progress(stage: str, done: int, total: int) -> None:
            task, before = tasks.get(stage, (None, 0))
            if task is None:
                task = drawn.add_task(stage, total=None)
            elif done < before:  # the same stage, on something else
                drawn.reset(task)
            tasks[stage] = (task, done)
            drawn.update(task, completed=done, total=total or None)

        yield progress


def _quiet(console: Console) -> bool:
    unattended = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return unattended or not console.is_terminal or console.is_dumb_terminal
