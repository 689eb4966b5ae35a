"""The requests that wait for the worker, and the wish to stop one, shared by two threads."""

from __future__ import annotations

import threading
from collections import deque

from model.engine.protocol import Question


class Inbox:
    """The reading thread puts and stops; the worker takes, one at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Question] = deque()
        self._current: int | None = None
        self._is_stopping = False
        self._is_closed = False

    def put(self, question: Question) -> None:
        with self._changed:
            self._waiting.append(question)
            self._changed.notify()

    def stop(self, id: int) -> bool:
        """True when the request was still waiting: it is taken out, and the caller says so. A
        running one sees `should_stop`; any other has ended already."""
        with self._changed:
            for question in self._waiting:
                if question.id == id:
                    self._waiting.remove(question)
                    return True
            self._is_stopping |= id == self._current
            return False

    def close(self) -> None:
        """No request is taken any more, and the running one is to stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def take(self) -> Question | None:
        """The next request; None once the inbox is closed."""
        with self._changed:
            self._current = None
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if self._is_closed:
                return None
            question = self._waiting.popleft()
            self._current, self._is_stopping = question.id, False
            return question

    def should_stop(self) -> bool:
        return self._is_stopping or self._is_closed
