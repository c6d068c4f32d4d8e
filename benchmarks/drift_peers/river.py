"""River: ADWIN over the values of the first feature, one by one."""

from river.drift import ADWIN

from benchmarks.drift_peers._peer import run


def check(_reference: list[float], current: list[float]) -> int:
    """Return 1 if there was a change."""
    detector, changes = ADWIN(), 0
    for value in current:
        detector.update(value)
        changes += detector.drift_detected
    return int(changes > 0)


if __name__ == "__main__":
    run(lambda columns: columns[0].tolist(), lambda reference: reference, check)
