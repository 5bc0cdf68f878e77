"""Put the edges that two filters find in one picture side by side, and tell how they differ.

    python docs/examples/compare_filters.py [PICTURE [FILTER FILTER [RESULT]]]

PICTURE may be a video or a camera as well, and its first picture is taken (that of "demo", if
nothing is given). A FILTER is one of `live-edges filters` or a weights file (sobel and canny), and
RESULT the PNG file to write (compared.png).
"""

import argparse

import numpy as np
from PIL import Image

from live_edges import EdgePipeline
from live_edges.sources.open import open_source

parser = argparse.ArgumentParser()
parser.add_argument("picture", nargs="?", default="demo")
parser.add_argument("left", nargs="?", default="sobel")
parser.add_argument("right", nargs="?", default="canny")
parser.add_argument("result", nargs="?", default="compared.png")
args = parser.parse_args()

with open_source(args.picture) as source:
    frame = source.read()
left, right = (
    EdgePipeline(name, engine="torch")(frame.image)  # to compile takes longer than one picture
    for name in (args.left, args.right)
)
Image.fromarray(np.hstack((left, right))).save(args.result)

difference = np.abs(left.astype(float) - right)
only_one = (left > 25) != (right > 25)
print(f"mean brightness of 255: {args.left} {left.mean():.1f}, {args.right} {right.mean():.1f}")
print(f"mean difference of a pixel: {difference.mean():.1f}, largest {difference.max():.0f}")
print(f"pixels that only one of them shows brighter than 25: {only_one.mean():.1%}")
