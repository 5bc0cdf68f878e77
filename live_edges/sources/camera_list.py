"""Lists the cameras that are plugged in."""

from dataclasses import dataclass

from cv2_enumerate_cameras import enumerate_cameras

from live_edges.platforms import camera_backend


@dataclass(frozen=True, slots=True)
class Device:
    """A camera as the operating system lists it.

    Attributes:
        index: the number that opens it.
        name: what its maker calls it.
        path: device node on Linux, unique id elsewhere; empty if there is none.
    """

    index: int
    name: str
    path: str


def list_cameras() -> list[Device]:
    """List the devices that can capture pictures, by number, without opening any of them."""
    found: dict[int, Device] = {}
    for info in enumerate_cameras(camera_backend()):
        device = Device(info.index, info.name or f"camera {info.index}", info.path or "")
        found.setdefault(device.index, device)
    return [found[index] for index in sorted(found)]


@dataclass(frozen=True, slots=True)
class Identity:
    """Identifies a camera that was unplugged and comes back, perhaps with another number.

    Attributes:
        device: its entry in the list when it was opened.
        others: numbers of other cameras of the same name at that time.
    """

    device: Device
    others: frozenset[int]

    @classmethod
    def of(cls, where: int | str) -> "Identity | None":
        """Identify the camera with this number or path; None if it is not listed."""
        cameras = list_cameras()
        device = next((each for each in cameras if where in (each.index, each.path)), None)
        if device is None:
            return None
        named = {each.index for each in cameras if each.name == device.name}
        return cls(device, frozenset(named - {device.index}))

    def find(self) -> int | None:
        """Return its present number; None if it is not listed."""
        named = [each.index for each in list_cameras() if each.name == self.device.name]
        if self.device.index in named:
            return self.device.index
        return next((index for index in named if index not in self.others), None)


def find_camera(text: str) -> Device | None:
    """Find the camera called ``text``, or else the first whose name contains it, in any case."""
    wanted = text.strip().casefold()
    if not wanted:
        return None
    cameras = list_cameras()
    exact = (camera for camera in cameras if camera.name.casefold() == wanted)
    partial = (camera for camera in cameras if wanted in camera.name.casefold())
    return next(exact, None) or next(partial, None)
