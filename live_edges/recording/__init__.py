"""Recordings: pictures and their times in, a video file out that survives what may happen.

Empty, so that the command line can ask `arguments` for its options without loading PyAV.
"""
