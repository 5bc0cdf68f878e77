"""What differs between operating systems, and what the libraries read from the environment."""

import contextlib
import ctypes
import os
import select
import sys
import time
from pathlib import Path

# Read once, when OpenCV or torch is first imported or OpenCV first opens a camera.
ENVIRONMENT = {
    # Threads that spin while they wait take the core that the slowest one needs: with other
    # programs on the same two cores the definition of a Sobel took 500 ms, and so takes 30.
    "OMP_WAIT_POLICY": "PASSIVE",
    # But for 10,000 rounds, some 30 us, GNU's OpenMP may: to sleep and be woken between the many
    # short steps of a net costs half as much again as the steps.
    "GOMP_SPINCOUNT": "10000",
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
    "darwin": "is another program using it, and may {terminal} use the camera "
    "(System Settings, Privacy & Security, Camera)?",
    "win32": "is another program using it, and may desktop apps use the camera "
    "(Settings, Privacy & security, Camera)?",
}

_VIRTUAL_CAMERA_ADVICE = {
    "linux": "load the kernel module v4l2loopback (`sudo apt install v4l2loopback-dkms`, then "
    "`sudo modprobe v4l2loopback exclusive_caps=1`)",
    "darwin": "install OBS (obsproject.com), and start and stop its virtual camera there once",
    "win32": "install OBS (obsproject.com), which brings a virtual camera",
}

# What TERM_PROGRAM says, and what the list of programs in the system's settings says.
_TERMINALS = {"Apple_Terminal": "Terminal", "iTerm.app": "iTerm", "vscode": "Visual Studio Code"}

_KERNEL_VERSION = Path("/proc/version")
_DEVICES = Path("/dev")


def prepare_libraries() -> None:
    """Set what OpenCV and OpenMP read from the environment; must run before either is imported.

    For a command line that owns its process, and so for the children of that; a program that
    imports the package decides for itself.

    What the user has set stays: ``OPENCV_LOG_LEVEL=DEBUG live-edges`` still shows everything.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def camera_backend() -> int:
    """OpenCV's number for the camera interface of this operating system."""
    import cv2  # here, so that prepare_libraries can be called before

    return int(getattr(cv2, _CAMERA_BACKENDS.get(sys.platform, "CAP_ANY")))


def camera_advice() -> str:
    """What to check, as a question, when a camera is listed but does not open."""
    advice = _CAMERA_ADVICE.get(sys.platform, "is another program using it?")
    program = os.environ.get("TERM_PROGRAM")
    terminal = _TERMINALS.get(program, program) if program else "this terminal"
    return advice.format(terminal=terminal)


def virtual_camera_advice() -> str:
    """How to get a virtual camera, as the end of a sentence."""
    return _VIRTUAL_CAMERA_ADVICE.get(sys.platform, "this system has none that is known")


def no_camera_advice() -> str | None:
    """What to do where no camera is listed because the system keeps them back; None elsewhere."""
    if not has_v4l2() or any(_DEVICES.glob("video*")):
        return None
    with contextlib.suppress(OSError):
        if "microsoft" in _KERNEL_VERSION.read_text(errors="replace").lower():
            return (
                "WSL does not see the cameras of Windows: attach one with usbipd "
                "(`usbipd attach --wsl --busid ID` in Windows), or name a network stream that "
                "Windows sends"
            )
    return None


def sets_slowly() -> bool:
    """Whether a camera that is open needs seconds for each property that is set."""
    return sys.platform == "win32"


def has_v4l2() -> bool:
    """Whether cameras are Video4Linux devices."""
    return sys.platform.startswith("linux")


def config_folder() -> Path:
    """The folder for what the user has set, which need not exist."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "live-edges"


def needs_display_variable() -> bool:
    """Whether a window needs the address of an X or Wayland server in the environment."""
    return sys.platform not in ("darwin", "win32")


def screen_problem() -> str | None:
    """Say why the screen cannot be read here, or None where it may be."""
    if not needs_display_variable() or os.environ.get("DISPLAY"):
        return None
    if os.environ.get("WAYLAND_DISPLAY"):
        return (
            "Wayland lets no program read the screen; log in to an X session, or let OBS send its "
            "screen capture as a virtual camera"
        )
    return "there is no screen to read: DISPLAY is not set"


def let_qt_have_its_events() -> None:
    """Keep Xlib from taking events off Qt; must run before the first window is made.

    OpenCV's wheel brings a libX11-xcb of its own, whose idea of Xlib's memory is older than the
    system's libX11: its call that makes Qt the owner of the events writes beside the mark. Xlib
    then keeps some for itself, now and then the one that says that the window is on the screen,
    and the window stays black for good. The system's own library, loaded first, wins.
    """
    if needs_display_variable():
        with contextlib.suppress(OSError):  # where it is missing, all is as it was
            ctypes.CDLL("libX11-xcb.so.1", mode=ctypes.RTLD_GLOBAL)


def core_count() -> int:
    """Return how many cores this process may use, which a cluster or container may restrict."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_running(pid: int) -> bool:
    """Whether a process of this machine still runs; True as well where that cannot be known."""
    if sys.platform == "win32":  # os.kill would end it there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is another user's
        return True
    return True


def can_be_read(handle: int, timeout_s: float) -> bool:
    """Whether a file, pipe or socket has something to read, or is at its end, within a time.

    Args:
        handle: file descriptor.
        timeout_s: how long to wait for it.
    """
    if sys.platform == "win32":  # select knows only sockets there
        import msvcrt

        available = ctypes.c_ulong()
        peek = ctypes.windll.kernel32.PeekNamedPipe
        pipe = ctypes.c_void_p(msvcrt.get_osfhandle(handle))
        if peek(pipe, None, 0, None, ctypes.byref(available), None) and not available.value:
            time.sleep(timeout_s)
            return False
        return True  # it has something, has ended, or is no pipe
    return bool(select.select([handle], [], [], timeout_s)[0])
