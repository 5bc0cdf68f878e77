"""The recordings of one run, started and stopped by a key, one at a time."""

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from live_edges.errors import RecordingError
from live_edges.frame import Image
from live_edges.lifecycle import Closing
from live_edges.recording.files import dated_stem, unused_paths
from live_edges.recording.storage import check_ending

if TYPE_CHECKING:
    from live_edges.recording.encoding import Encoding
    from live_edges.recording.picture_queue import PictureQueue
    from live_edges.recording.recorder import Recorder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """The options of the command line for recordings.

    Attributes:
        path: file of the first recording, or a folder; later recordings get a number behind the
            name. None for names by date and time in the current folder.
        address: where to send every recording instead, such as ``udp://HOST:PORT``.
        with_hud: True to record the text over the picture as well.
        with_original: True to record the untouched picture beside it, into ``NAME-original``.
        waits: True if a full queue makes the loop wait, instead of leaving pictures out: for files.
        encoder, quality, preset: as `live_edges.recording.encoding.Encoding` has them.
        overwrite: True if the file may exist.
    """

    path: Path | None = None
    address: str | None = None
    with_hud: bool = False
    with_original: bool = False
    waits: bool = False
    encoder: str = "auto"
    quality: int = 20
    preset: str | None = None
    overwrite: bool = False


class RecordingSession(Closing):
    """Starts and stops recordings of what is on the screen.

    Every failure ends the recording and is logged in one line; the run goes on.

    Args:
        options: what to record, and to which file.
    """

    def __init__(self, options: RecordingOptions = RecordingOptions()) -> None:
        self._options = options
        self._recorders: list[PictureQueue] = []  # of the view, and of the original
        self._paths: list[Path] = []
        self._frames = self._dropped = 0  # of the recordings that have ended

    @property
    def is_recording(self) -> bool:
        """True while a recording is running."""
        return bool(self._recorders)

    @property
    def is_sending(self) -> bool:
        """True while a recording is sent to an address, where somebody may watch it."""
        return self.is_recording and self._options.address is not None

    @property
    def with_hud(self) -> bool:
        """True if the text over the picture is wanted in the recording."""
        return self._options.with_hud

    @property
    def frames(self) -> int:
        """Pictures of the view recorded so far, in all recordings."""
        return self._frames + sum(recorder.frames for recorder in self._recorders[:1])

    @property
    def dropped(self) -> int:
        """Pictures left out because the encoder was too slow, in all recordings and files."""
        return self._dropped + sum(recorder.dropped for recorder in self._recorders)

    @property
    def saved(self) -> list[Path]:
        """The files of the view that are complete."""
        running = {recorder.path for recorder in self._recorders}
        return [path for path in self._paths if path not in running]

    @property
    def status(self) -> str:
        """Length of the recording, and how many pictures it dropped; empty where there is none."""
        if not self._recorders:
            return ""
        minutes, seconds = divmod(int(self._recorders[0].duration_s), 60)
        lost = f"  {self.dropped} dropped" if self.dropped else ""
        return f"{minutes}:{seconds:02}{lost}"

    def start(self) -> str:
        """Begin a recording; returns what to tell the user.

        Raises:
            RecordingError: its file cannot be made, or nothing can be sent to its address.
        """
        if self._options.address is not None:
            return self._start_sending(self._options.address)
        path = self._next_path()
        check_ending(path)
        self._recorders.append(self._open(path))
        if self._options.with_original:
            try:
                self._recorders.append(self._open(path.with_stem(f"{path.stem}-original")))
            except RecordingError:
                self.stop()
                raise
        self._paths.append(path)
        return f"recording {path}"

    def _start_sending(self, address: str) -> str:
        from live_edges.recording.stream_recorder import StreamRecorder  # brings PyAV

        if self._options.with_original:
            raise RecordingError("the original is recorded beside a file only; leave it out")
        recorder = StreamRecorder(address, encoding=self._encoding())
        self._recorders.append(recorder)
        return f"recording to {recorder.name}"

    def stop(self) -> str:
        """End the recording, if there is one; returns what to tell the user."""
        told = ""
        for recorder in self._recorders:
            try:
                recorder.close()
            except RecordingError as error:
                log.warning("%s", error)
                told = str(error)
            else:
                if recorder.frames and not recorder.has_failed:
                    done, path = "saved" if recorder.path else "sent to", recorder.path
                    log.info("%s %s (%.1f s)", done, recorder.name, recorder.duration_s)
                    told = told or f"{done} {path.name if path else recorder.name}"
        self._frames, self._dropped = self.frames, self.dropped
        self._recorders.clear()
        return told

    def toggle(self) -> str:
        """Start or stop, as the key does; returns what to tell the user, even after a failure."""
        if self._recorders:
            return self.stop()
        try:
            return self.start()
        except RecordingError as error:
            log.warning("%s", error)
            return str(error)

    def write(
        self, view: Image | None, original: Image, time_s: float, *, duration_s: float = 0.0
    ) -> str:
        """Record one picture.

        Args:
            view: what is on the screen, ``(H, W, 3)`` uint8 BGR; None until it is filtered.
            original: what the source delivered, likewise.
            time_s: when it is shown, in seconds, as for `PictureQueue.write`.
            duration_s: how long it is shown if no other one follows; 0 if that is not known.

        Returns:
            Why the recording has ended; empty if it goes on, or if there is none.
        """
        try:
            for recorder, image in zip(self._recorders, (view, original), strict=False):
                if image is not None:
                    recorder.write(image, time_s, duration_s=duration_s)
        except RecordingError as error:
            log.warning("%s", error)
            self.stop()
            return str(error)
        return ""

    def close(self) -> None:
        """End the recording; safe to call twice."""
        self.stop()

    def _open(self, path: Path) -> "Recorder":
        from live_edges.recording.recorder import Recorder  # brings PyAV

        options = self._options
        return Recorder(
            path,
            encoding=self._encoding(),
            waits=options.waits,
            overwrite=options.overwrite and path not in self._paths,
        )

    def _encoding(self) -> "Encoding":
        from live_edges.recording.encoding import Encoding

        options = self._options
        return Encoding(options.encoder, options.quality, options.preset)

    def _next_path(self) -> Path:
        path = self._options.path
        if path is None or path.is_dir():
            return unused_paths(path or Path(), dated_stem(datetime.now().astimezone()), ".mp4")[0]
        return unused_paths(path.parent, path.stem, path.suffix)[0] if self._paths else path
