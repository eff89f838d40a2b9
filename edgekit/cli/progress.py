"""Progress bars on stderr."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgekit.protocols import Progress


@contextmanager
def bars() -> Iterator[Progress]:
    """Yield a ``Progress`` that draws one bar per stage; on a pipe it draws nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Bars(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as b:
        tasks: dict[str, int] = {}

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = b.add_task(stage, total=total or None)
            b.update(tasks[stage], completed=done, total=total or None)  # type: ignore[arg-type]

        yield progress
