"""Recordings: pictures and their times in, a video file out that a failure does not spoil."""
