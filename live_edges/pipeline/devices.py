"""Devices: which of them there are, which one to take, and how many CPU threads to compute with.

This is the choice at the start. `live_edges.pipeline.engine` falls back to the CPU where the device
fails later.
"""

import os

import cv2
import torch

from live_edges.errors import DeviceError

AS_ASKED = "as asked"


def choose_device(name: str = "auto") -> tuple[torch.device, str]:
    """Return the device to compute on and why it was chosen.

    Args:
        name: ``auto`` takes the first there is of CUDA, MPS, XPU, CPU.

    Raises:
        DeviceError: that device is not there, or is no device at all.
    """
    if name == "auto":
        found = [kind for kind in ("cuda", "mps", "xpu") if _device_count(kind)]
        if not found:
            return torch.device("cpu"), "no GPU that torch can use was found"
        return torch.device(found[0]), f"the first of {', '.join([*found, 'cpu'])}"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise DeviceError(f"'{name}' is no device; choose one of: {_known_devices()}") from error
    if device.type not in ("cpu", "cuda", "mps", "xpu") or (
        not 0 <= (device.index or 0) < _device_count(device.type)
    ):
        raise DeviceError(
            f"device {name} is not on this machine; choose one of: {_known_devices()}"
        )
    return device, AS_ASKED


def _device_count(kind: str) -> int:
    if kind == "cpu":
        return 1
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module = getattr(torch, kind)
    return int(module.device_count()) if module.is_available() else 0


def device_names() -> list[str]:
    """Every device that torch can use here."""
    names = [f"{kind}:{i}" for kind in ("cuda", "xpu") for i in range(_device_count(kind))]
    return ["cpu", *(["mps"] if _device_count("mps") else []), *names]


def _known_devices() -> str:
    return ", ".join(["auto", *device_names()])


def share_cores(threads: int | None = None) -> None:
    """Set how many CPU threads torch and OpenCV compute with, in the whole process.

    Half of the cores draw, decode and encode. The loops, which `Bands` shares out among no more
    threads than either has, are done in a millisecond: with a second thread on two cores 60 clips
    took a fifth longer. A net takes two thirds of the time with two, even on two cores.

    Args:
        threads: None takes half of the cores, but two of two for torch, unless ``OMP_NUM_THREADS``
            says how many.
    """
    if threads is not None:
        for_torch = for_loops = threads
    elif "OMP_NUM_THREADS" in os.environ:
        return
    else:
        cores = os.cpu_count() or 1
        for_loops = max(1, cores // 2)
        for_torch = max(for_loops, min(2, cores))
    torch.set_num_threads(for_torch)
    cv2.setNumThreads(for_loops)
