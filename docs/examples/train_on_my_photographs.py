"""Learn a kernel that finds edges in noisy pictures, from a folder of photographs.

    python docs/examples/train_on_my_photographs.py [FOLDER [WEIGHTS [OPTION ...]]]

Learns from the images of FOLDER ("photos", if nothing is given), two at least; they get noise as in
a dim room. Writes WEIGHTS (dim-room.safetensors) and a picture of the result beside it, and prints
how well the kernel does. The options are those of `live-edges train`.
"""

import sys

from live_edges.cli import main

folder = sys.argv[1] if len(sys.argv) > 1 else "photos"
weights = sys.argv[2] if len(sys.argv) > 2 else "dim-room.safetensors"
options = sys.argv[3:]

# "signed" compares the responses themselves, in which noise averages out; a length has no sign.
trained = main(["train", folder, "--noise", "15", "--loss", "signed", "--out", weights, *options])
if trained != 0:
    sys.exit(trained)
sys.exit(main(["train", folder, "--evaluate", weights]))
