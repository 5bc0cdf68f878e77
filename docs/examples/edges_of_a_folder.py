"""Write the edges of each image of a folder as a PNG file.

    python docs/examples/edges_of_a_folder.py [FOLDER [EDGES]]

Reads the images of FOLDER (this one, if nothing is given) and writes into the folder EDGES
("edges"). `live-edges process FOLDER -o EDGES/` does the same, for videos too.
"""

import sys
from pathlib import Path

from PIL import Image

from live_edges import EdgePipeline
from live_edges.sources.images import find_images
from live_edges.sources.pixels import read_image

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
results = Path(sys.argv[2] if len(sys.argv) > 2 else "edges")

results.mkdir(parents=True, exist_ok=True)
pipeline = EdgePipeline("sobel", gain=3.0)
for path in find_images(folder):
    image = read_image(path)
    if image is None:
        print(f"{path.name} cannot be read")
    else:
        Image.fromarray(pipeline(image)).save(results / f"{path.name}.png")
pipeline.close()
