"""`live-edges bench`: the pipeline against named alternatives, in turn, on the same picture."""
