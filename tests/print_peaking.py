"""Print the tables of docs/peaking.md, and draw its picture; a minute on two cores.

Run it from the repository's root::

    python tests/print_peaking.py
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from rack import marked_well, rack

from live_edges.pipeline import peaking
from live_edges.pipeline.views import overlay
from live_edges.settings import LINE_COLORS

CONTRASTS, NOISES = (10, 20, 40, 80, 120), (0, 2, 5, 10)  # gray levels
RACKS = ((2, 10), (2, 11), (1, 12), (2.5, 13))  # focus and seed; none that anything was tuned on
POSITIONS = (0, 1, 2, 3, 4, 6)  # diameters of the circle of confusion in pixels
PICTURE = Path(__file__).parents[1] / "docs" / "peaking.jpg"


def gradient(image):
    """Length of the gradient by Sobel in gray levels."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.hypot(*(cv2.Sobel(gray, cv2.CV_32F, *way) / 4 for way in ((1, 0), (0, 1))))


def mean_over(frames, marks):
    """Precision and recall, the mean over frames."""
    return np.mean([marked_well(marks(frame.image), frame) for frame in frames], axis=0)


def best_sobel(frames):
    """Precision and recall of Sobel at the threshold with the best F1 for these very frames."""
    strengths = [gradient(frame.image) for frame in frames]
    found = [
        np.mean([marked_well(s > level, f) for s, f in zip(strengths, frames, strict=True)], axis=0)
        for level in range(1, 130)
    ]
    return max(found, key=lambda pair: 2 * pair[0] * pair[1] / max(sum(pair), 1e-9))


def table(cells):
    """Lines of Markdown, a row for each contrast, a column for each noise."""
    yield "| contrast | " + " | ".join(f"noise {noise}" for noise in NOISES) + " |"
    yield "|---|" + "---|" * len(NOISES)
    for contrast in CONTRASTS:
        pairs = [cells[contrast, noise] for noise in NOISES]
        shown = (f"{precision:.2f} / {recall:.2f}" for precision, recall in pairs)
        yield f"| {contrast} | " + " | ".join(shown) + " |"


def numbers():
    """Lines of Markdown: the focus number over the circle of confusion and the noise."""
    yield "| circle, pixels | " + " | ".join(f"noise {noise}" for noise in NOISES) + " |"
    yield "|---|" + "---|" * len(NOISES)
    for circle in POSITIONS:
        found = [
            peaking.focus_number(rack(circle / 4, noise=n, seed=5, layers=1, others=(80,)).image)
            for n in NOISES
        ]
        yield f"| {circle} | " + " | ".join(f"{number:.0f}" for number in found) + " |"


def draw():
    """Save a rack, the same with marks, and Sobel at a threshold that finds the weak edges."""
    image = rack(2, contrast=50, noise=3, seed=1).image
    green, sobel = LINE_COLORS["green"], np.where(gradient(image) > 18, 255, 0).astype(np.uint8)
    shown = image, overlay(image, peaking.opacity(image), green), overlay(image, sobel, green)
    cv2.imwrite(str(PICTURE), np.hstack(shown), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    racks = {
        (contrast, noise): [
            rack(focus, contrast=contrast, noise=noise, seed=seed) for focus, seed in RACKS
        ]
        for contrast in CONTRASTS
        for noise in NOISES
    }
    ours = {key: mean_over(f, lambda i: peaking.opacity(i) > 127) for key, f in racks.items()}
    theirs = {key: best_sobel(frames) for key, frames in racks.items()}
    lines = [*table(ours), "", *table(theirs), "", *numbers()]
    sys.stdout.write("\n".join(lines) + "\n")
    draw()
