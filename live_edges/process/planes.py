"""The planes of video frames as arrays, and back, without a copy where there need be none."""

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane

from live_edges.frame import Image
from live_edges.sources.decoding import to_image
from live_edges.sources.orientation import upright

BLACK, WHITE = 16, 235  # luma in limited range, ITU-R BT.601
STRETCH = 255 / (WHITE - BLACK)
FULL_RANGE = 2  # AVCOL_RANGE_JPEG
NEUTRAL = 128  # chroma of gray


def luma_of(frame: av.VideoFrame) -> tuple[Image, bool]:
    """Brightness of a decoded picture, turned upright, and whether it has the full range.

    Args:
        frame: in any pixel format. Eight-bit video hands out its own plane; more bits are rounded
            to eight, RGB is converted.

    Returns:
        ``(H, W)`` uint8, from 0 black to 255 white in full range, else from 16 to 235.
    """
    kind = frame.format
    if kind.is_rgb or kind.has_palette:
        return np.asarray(cv2.cvtColor(to_image(frame), cv2.COLOR_BGR2GRAY), np.uint8), True
    is_gray = len(kind.components) <= 2  # the second one is alpha
    # Gray has the full range, whatever the file says: so FFmpeg reads it when it makes colours.
    is_full = is_gray or frame.color_range == FULL_RANGE or kind.name.startswith("yuvj")
    plane = frame.planes[0]
    is_byte_plane = kind.components[0].bits == 8 and (kind.is_planar or kind.name == "gray")
    if is_gray and kind.name != "gray":
        plane = frame.reformat(format="gray").planes[0]
    elif not is_byte_plane or plane.line_size < frame.width:
        plane = frame.reformat(format="yuvj420p" if is_full else "yuv420p").planes[0]
    luma = _rows(plane)[: frame.height, : frame.width]
    return upright(luma, frame), is_full


def stretched(luma: Image) -> Image:
    """Stretch brightness from 16..235 to 0..255; what lies outside is cut off."""
    # Both saturate. OpenCV takes a number for a picture, which its type information denies.
    above_black = cv2.subtract(luma, BLACK)  # type: ignore[call-overload]
    return np.asarray(cv2.convertScaleAbs(above_black, alpha=STRETCH), np.uint8)


def gray_frame(image: Image) -> av.VideoFrame:
    """Make a video frame whose luma is the gray picture, as it is, without colour."""
    height, width = image.shape
    frame = av.VideoFrame(width, height, "yuv420p")
    _rows(frame.planes[0])[:height, :width] = image
    for plane in frame.planes[1:]:
        _rows(plane)[:] = NEUTRAL
    return frame


def _rows(plane: VideoPlane) -> Image:
    """Return the memory of a plane as rows, with the padding at their ends."""
    # PyAV's planes are buffers, which its type information does not say.
    pixels = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    return np.asarray(pixels.reshape(-1, plane.line_size), np.uint8)
