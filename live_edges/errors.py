"""The errors a user can act on: each is one sentence, shown without a traceback, exit code 1."""


class LiveEdgesError(Exception):
    """Something outside the program is not as expected; the message says what to do about it."""


def first_line(error: Exception) -> str:
    """What an error says in its first line: a library may add a page; its name where it is mute."""
    text = str(error).strip()
    return text.splitlines()[0] if text else repr(error)


class SourceError(LiveEdgesError):
    """A camera, file or stream could not be opened, or failed while it was read."""


class WeightsError(LiveEdgesError, ValueError):
    """A weights file is missing, damaged, or does not hold one bank of kernels."""


class DeviceError(LiveEdgesError, ValueError):
    """The compute device that was asked for is not on this machine."""


class RecordingError(LiveEdgesError):
    """A recording cannot be started, or ended before it was asked to."""


class TrainingError(LiveEdgesError, ValueError):
    """Training cannot start or go on with what it was given."""
