"""How a picture is shown: in a window, or as a line in the terminal where there is none."""
