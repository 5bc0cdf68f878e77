"""The errors a user can act on: each is one sentence, shown without a traceback, exit code 1."""


class LiveEdgesError(Exception):
    """Something outside the program is not as expected; the message says what to do about it."""


def first_line(error: Exception) -> str:
    r"""What an error says first, in one line: a library may add a page; its name if it is mute.

    Example:
        >>> first_line(RuntimeError("the backend raised:\nno compiler\n\nSet VERBOSE=1"))
        'the backend raised: no compiler'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return repr(error)
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def reason(error: Exception) -> str:
    """Say in a few words, without paths and numbers, why the system or FFmpeg failed."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[0].lower() + text[1:]


class SourceError(LiveEdgesError):
    """A camera, file or stream could not be opened, or failed while it was read."""


class WeightsError(LiveEdgesError, ValueError):
    """A weights file is missing, damaged, or does not hold one bank of kernels."""


class DeviceError(LiveEdgesError, ValueError):
    """The compute device that was asked for is not on this machine."""


class RecordingError(LiveEdgesError):
    """A recording cannot be started, or ended before it was asked to."""


class VirtualCameraError(LiveEdgesError):
    """A virtual camera cannot be opened, or failed while it was sent to."""


class TrainingError(LiveEdgesError, ValueError):
    """Training cannot start or go on with what it was given."""
