"""Show live what an `nn.Conv2d` answers whose weights were set by hand.

    python docs/examples/own_conv2d.py [SOURCE] [OPTION ...]

SOURCE and the options are those of `live-edges run`: a camera number, a file, or the demo, which is
shown where nothing is given. The weights are kept in diagonal.safetensors.
"""

import sys

import torch
from safetensors.torch import save_file
from torch import nn

from live_edges.cli import main

conv = nn.Conv2d(in_channels=1, out_channels=1, kernel_size=3, bias=False)  # 3 would read colours
conv.weight.data[0, 0] = torch.tensor(
    [
        [-2.0, -1.0, 0.0],  # bottom right minus top left: Sobel's kernel, turned by 45 degrees
        [-1.0, 0.0, 1.0],
        [0.0, 1.0, 2.0],
    ]
)
save_file(conv.state_dict(), "diagonal.safetensors")

arguments = sys.argv[1:] or ["demo"]
sys.exit(main(["run", *arguments, "--weights", "diagonal.safetensors"]))
