"""The live program: frames in, pictures out, keys in between."""
