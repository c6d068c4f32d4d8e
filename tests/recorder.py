"""A callback of fsspec that remembers what it was told."""

from fsspec.callbacks import Callback


class Recorder(Callback):
    """Keeps every total and every count, in order."""

    def __init__(self, seen=None):
        super().__init__()
        self.sizes = []
        self.counts = []
        self._seen = seen

    def set_size(self, size):
        super().set_size(size)
        self.sizes.append(size)

    def relative_update(self, inc=1):
        super().relative_update(inc)
        self.counts.append(self.value)
        if self._seen is not None:
            self._seen(self.value)

    @property
    def is_complete(self):
        """Whether counts only grew, and ended at the last total."""
        return self.counts == sorted(set(self.counts)) and self.value == self.size == self.counts[-1]


class Breaking(Callback):
    """Raises whenever it is told something."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    def set_size(self, size):
        self.relative_update(size)

    def relative_update(self, inc=1):  # noqa: ARG002
        self.asked += 1
        raise RuntimeError("the display is gone")
