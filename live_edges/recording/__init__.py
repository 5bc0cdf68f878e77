"""Recordings: pictures and their times in, a video file out that survives what may happen."""

from live_edges.recording.encoding import Encoding
from live_edges.recording.recorder import Recorder
from live_edges.recording.storage import check_ending, unused_path

__all__ = ["Encoding", "Recorder", "check_ending", "unused_path"]
