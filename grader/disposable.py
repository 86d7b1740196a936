"""What must be let go of, on every way out."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Disposable(ABC):
    """A thing that is closed when its context is left, whatever the reason."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
