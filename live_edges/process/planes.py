"""Converts planes of video frames to arrays and back, without a copy where possible."""

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
    """Return the luma of a decoded picture, upright, and True if it has the full range.

    Args:
        frame: in any pixel format. The plane of eight-bit video is not copied; more bits are
            rounded to eight, RGB is converted.

    Returns:
        ``(H, W)`` uint8, from 0 black to 255 white in full range, else from 16 to 235.
    """
    kind = frame.format
    if kind.is_rgb or kind.has_palette:
        return np.asarray(cv2.cvtColor(to_image(frame), cv2.COLOR_BGR2GRAY), np.uint8), True
    is_gray = len(kind.components) <= 2  # the second one is alpha
    # Gray has the full range, whatever the file says, because FFmpeg converts it so.
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
    """Stretch luma from 16..235 to 0..255; values outside are clipped."""
    # Both saturate. OpenCV accepts a number for a picture, though its type information denies it.
    above_black = cv2.subtract(luma, BLACK)  # type: ignore[call-overload]
    return np.asarray(cv2.convertScaleAbs(above_black, alpha=STRETCH), np.uint8)


def gray_frame(image: Image) -> av.VideoFrame:
    """Make a video frame whose luma is the gray picture, unchanged, without colour."""
    height, width = image.shape
    frame = av.VideoFrame(width, height, "yuv420p")
    _rows(frame.planes[0])[:height, :width] = image
    for plane in frame.planes[1:]:
        _rows(plane)[:] = NEUTRAL
    return frame


def _rows(plane: VideoPlane) -> Image:
    """Return the memory of a plane as rows, with the padding at their ends."""
    # PyAV's planes are buffers, though its type information does not say so.
    pixels = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    return np.asarray(pixels.reshape(-1, plane.line_size), np.uint8)
