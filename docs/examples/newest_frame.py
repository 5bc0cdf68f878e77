"""A robot's loop: take the newest frame, find its edges, look to where most of them are.

    python docs/examples/newest_frame.py [SOURCE [FRAMES]]

SOURCE is what `live-edges run` takes, such as the camera number 0 ("demo", if nothing is given);
after FRAMES frames (100) the robot stops.
"""

import sys
import time
from contextlib import closing

import numpy as np

from live_edges import EdgePipeline
from live_edges.sources.capture import Capture
from live_edges.sources.open import open_source

source = sys.argv[1] if len(sys.argv) > 1 else "demo"
frames = int(sys.argv[2]) if len(sys.argv) > 2 else 100

with Capture(open_source(source)) as capture, closing(EdgePipeline("sobel")) as pipeline:
    mode = capture.source.mode
    pipeline.prepare(np.zeros((mode.height, mode.width, 3), np.uint8))  # compile, then move
    done = 0
    while done < frames and not capture.ended:
        frame = capture.read(timeout=0.5)  # never an old one: a camera's newest frame is kept
        if frame is None:
            print("no picture: stand still")
            continue
        edges = pipeline(frame.image)
        thirds = [third.mean() for third in np.array_split(edges, 3, axis=1)]
        direction = ("left", "ahead", "right")[int(np.argmax(thirds))]
        age_ms = 1000 * (time.monotonic() - frame.timestamp)
        print(f"frame {frame.index}, {age_ms:.0f} ms old: look {direction}")
        done += 1
    print(f"{done} frames used; {capture.dropped} dropped, because newer ones were there")
