"""Files to files: every frame in, every frame out, with its time and its sound."""
