"""What differs between operating systems when OpenCV meets a camera."""

import os
import sys

# OpenCV reads these once, when it is first imported or first opens a camera.
OPENCV_ENVIRONMENT = {
    # Its own warnings go to stderr in several lines; the program says it in one sentence.
    "OPENCV_LOG_LEVEL": "FATAL",
    # Windows: with hardware transforms a camera takes up to a minute to open.
    "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS": "0",
    # Linux: seconds until a read from a silent camera returns; the default is 10.
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "3",
}

# One backend a system: a camera's number means the same here and in the list of cameras.
_CAMERA_BACKENDS = {"linux": "CAP_V4L2", "darwin": "CAP_AVFOUNDATION", "win32": "CAP_MSMF"}

_CAMERA_ADVICE = {
    "linux": "is another program using it, and may you read it (group video)?",
    "darwin": "is another program using it, and may this terminal use the camera "
    "(System Settings, Privacy & Security, Camera)?",
    "win32": "is another program using it, and may desktop apps use the camera "
    "(Settings, Privacy & security, Camera)?",
}


def prepare_opencv() -> None:
    """Set what OpenCV reads from the environment; must run before ``import cv2``.

    What the user has set stays: ``OPENCV_LOG_LEVEL=DEBUG live-edges`` still shows everything.
    """
    for name, value in OPENCV_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def camera_backend() -> int:
    """OpenCV's number for the camera interface of this operating system."""
    import cv2  # here, so that prepare_opencv can be called before

    return int(getattr(cv2, _CAMERA_BACKENDS.get(sys.platform, "CAP_ANY")))


def camera_advice() -> str:
    """What to check, as a question, when a camera is listed but does not open."""
    return _CAMERA_ADVICE.get(sys.platform, "is another program using it?")


def needs_display_variable() -> bool:
    """Whether a window needs the address of an X or Wayland server in the environment."""
    return sys.platform not in ("darwin", "win32")
