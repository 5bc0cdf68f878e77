"""How a frame becomes the picture that the settings ask for, on this machine."""
