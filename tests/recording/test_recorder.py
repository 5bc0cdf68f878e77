import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from live_edges.errors import RecordingError
from live_edges.recording.encoding import Encoding, choose_encoder
from live_edges.recording.files import dated_stem, unused_paths
from live_edges.recording.fit import fit
from live_edges.recording.recorder import Recorder
from live_edges.recording.storage import Storage, check_ending

UNEVEN_S = (0.0, *np.cumsum([0.033, 0.1, 0.05, 0.0625, 0.04, 0.1, 0.033, 0.09, 0.05] * 3))
FAST = Encoding(preset="ultrafast")


def picture(level: int = 90, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    image = np.full((size[1], size[0], 3), level, np.uint8)
    image[:, : size[0] // 3] = 255
    image.flags.writeable = False
    return image


def write_noise(recorder: Recorder, times_s: Iterable[float]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 96, 128, 3), dtype=np.uint8)
    for index, seconds in enumerate(times_s):
        recorder.write(noise[index % 8], seconds)


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def first_image(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="bgr24")


class SlowWriter:
    """An encoder that waits until it is released."""

    encoder = "slow"

    def __init__(self, *_args):
        self.go = threading.Event()
        self.began = threading.Event()
        self.written = []

    def __call__(self, *_args):
        return self

    def write(self, image, ticks, *, duration):
        self.began.set()
        self.go.wait()
        self.written.append(ticks)

    def close(self):
        pass


@pytest.mark.parametrize(
    ("ending", "tolerance_s"), [("mp4", 1e-5), ("mov", 1e-5), ("mkv", 6e-4), ("webm", 6e-4)]
)
def test_a_recording_keeps_the_uneven_times_of_its_pictures(tmp_path, ending, tolerance_s):
    path = tmp_path / f"clip.{ending}"

    with Recorder(path, waits=True) as recorder:
        for seconds in UNEVEN_S:
            recorder.write(picture(), 1000.0 + seconds)

    assert times_of(path) == pytest.approx(UNEVEN_S, abs=tolerance_s)
    assert recorder.frames == len(UNEVEN_S)
    assert recorder.dropped == 0


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffprobe is not installed")
def test_ffprobe_finds_the_duration_that_was_filmed(tmp_path):
    path = tmp_path / "clip.mp4"
    with Recorder(path, encoding=FAST, waits=True) as recorder:
        for seconds in UNEVEN_S:
            recorder.write(picture(), seconds)

    command = ["ffprobe", "-v", "error", "-show_format", "-of", "json", str(path)]
    report = subprocess.run(command, capture_output=True, check=True)

    duration_s = float(json.loads(report.stdout)["format"]["duration"])
    longest_s = max(after - before for before, after in pairwise(UNEVEN_S))
    assert UNEVEN_S[-1] <= duration_s <= UNEVEN_S[-1] + longest_s


def test_time_that_does_not_increase_is_moved_on(tmp_path):
    path = tmp_path / "clip.mp4"

    with Recorder(path, encoding=FAST) as recorder:
        for seconds in (5.0, 5.1, 5.1, 5.05, 5.2):
            recorder.write(picture(), seconds)

    assert times_of(path) == pytest.approx([0, 0.1, 0.1, 0.1, 0.2], abs=1e-4)


def test_a_keyframe_comes_every_second(tmp_path):
    path = tmp_path / "clip.mp4"
    with Recorder(path, encoding=FAST, waits=True) as recorder:
        for index in range(35):
            recorder.write(picture(index), index / 10)

    with av.open(str(path)) as container:
        keys = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.is_keyframe]

    assert keys == pytest.approx([0, 1, 2, 3])


@pytest.mark.parametrize("size", [(53, 37), (1, 1), (64, 47)])
def test_odd_sizes_become_even_by_repeating_the_edge(tmp_path, size):
    path = tmp_path / "clip.mp4"

    with Recorder(path, encoding=Encoding(quality=5)) as recorder:
        recorder.write(picture(200, size), 0)

    shown = first_image(path)
    assert shown.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert np.abs(shown[-1, -1].astype(int) - shown[size[1] - 1, size[0] - 1]).max() < 10


def test_a_picture_of_another_shape_gets_black_bars():
    fitted = fit(picture(200, (80, 40)), (64, 64))

    assert fitted.shape == (64, 64, 3)
    assert not fitted[:16].any()
    assert not fitted[48:].any()
    assert fitted[16:48].all()


def test_a_size_that_changes_does_not_break_the_recording(tmp_path):
    path = tmp_path / "clip.mp4"

    with Recorder(path, encoding=FAST) as recorder:
        for index, size in enumerate([(64, 48), (128, 48), (37, 53), (64, 48)]):
            recorder.write(picture(90, size), index / 10)

    assert len(times_of(path)) == 4
    assert first_image(path).shape == (48, 64, 3)


def test_colours_survive_and_are_labelled(tmp_path):
    path = tmp_path / "clip.mp4"
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = (30, 200, 60)
    with Recorder(path, encoding=Encoding(quality=5)) as recorder:
        recorder.write(image, 0)

    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_range, context.colorspace) == (1, 6)
    np.testing.assert_allclose(first_image(path)[24, 16], (30, 200, 60), atol=4)


def test_a_slow_encoder_drops_what_does_not_fit_and_blocks_nothing(tmp_path):
    slow = SlowWriter()
    recorder = Recorder(tmp_path / "clip.mp4", open_writer=slow)
    recorder.write(picture(), 0.0)
    assert slow.began.wait(10)

    kept = [recorder.write(picture(), index / 30) for index in range(1, 50)]
    slow.go.set()
    recorder.close()

    assert kept == [True] * 30 + [False] * 19
    assert recorder.dropped == 19
    assert recorder.frames == 31
    assert slow.written == [index * 3000 for index in range(31)]


def test_a_waiting_recorder_loses_nothing(tmp_path):
    slow = SlowWriter()
    with Recorder(tmp_path / "clip.mp4", waits=True, open_writer=slow) as recorder:
        recorder.write(picture(), 0.0)
        timer = threading.Timer(0.05, slow.go.set)
        timer.start()
        for index in range(1, 50):
            recorder.write(picture(), index / 30)
    timer.join()

    assert recorder.dropped == 0
    assert len(slow.written) == 50


def test_an_error_of_the_encoder_comes_with_the_next_write(tmp_path):
    class Broken(SlowWriter):
        def write(self, image, ticks, *, duration):
            raise OSError(errno.EIO, "Input/output error")

    recorder = Recorder(tmp_path / "clip.mp4", open_writer=Broken())
    recorder.write(picture(), 0.0)
    recorder._thread.join(10)

    with pytest.raises(RecordingError, match=r"clip.mp4 stopped \(input/output error\)"):
        recorder.write(picture(), 0.1)
    recorder.close()


def test_an_error_nobody_saw_comes_with_close(tmp_path):
    recorder = Recorder(tmp_path / "clip.mkv", encoding=Encoding(encoder="no-such-encoder"))
    recorder.write(picture(), 0.0)

    with pytest.raises(RecordingError, match=r"no-such-encoder does not work here.*encoder auto"):
        recorder.close()
    recorder.close()
    assert not (tmp_path / "clip.mkv").exists()


def test_a_closed_recorder_takes_nothing_more(tmp_path):
    recorder = Recorder(tmp_path / "clip.mp4")
    recorder.close()

    with pytest.raises(ValueError, match="closed"):
        recorder.write(picture(), 0.0)


def test_a_recording_without_pictures_leaves_no_file(tmp_path):
    with Recorder(tmp_path / "clip.mp4"):
        pass

    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_refused_unless_overwritten(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"precious")

    with pytest.raises(RecordingError, match="exists already"):
        Recorder(path)
    assert path.read_bytes() == b"precious"

    with Recorder(path, overwrite=True, encoding=FAST) as recorder:
        recorder.write(picture(), 0)
    assert len(times_of(path)) == 1


def test_a_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(RecordingError, match=r"cannot be written \(No such file"):
        Recorder(tmp_path / "gone" / "clip.mp4")


@pytest.mark.parametrize("name", ["clip.avi", "clip", "clip.jpg"])
def test_an_ending_without_a_container_is_reported(tmp_path, name):
    with pytest.raises(RecordingError, match=r"ends in .mp4, .m4v, .mov, .mkv, .webm"):
        check_ending(tmp_path / name)


def test_default_names_never_overwrite(tmp_path):
    at = datetime(2026, 11, 23, 14, 15, 2)

    names = []
    for _ in range(3):
        [path] = unused_paths(tmp_path, dated_stem(at), ".mp4")
        path.touch()
        names.append(path.name)

    stem = "live-edges-2026-11-23-141502"
    assert names == [f"{stem}.mp4", f"{stem}-2.mp4", f"{stem}-3.mp4"]


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(RecordingError, match="choose one of: ultrafast, superfast"):
        choose_encoder("mp4", (64, 48), Encoding("libx264", preset="warp"))
    with pytest.raises(RecordingError, match="choose 0"):
        choose_encoder("webm", (64, 48), Encoding(preset="fast"))


def test_auto_always_finds_an_encoder_that_works():
    assert choose_encoder("mp4", (64, 48), Encoding()).startswith(("libx264", "h264"))
    assert choose_encoder("webm", (64, 48), Encoding()) == "libvpx-vp9"


def test_a_deleted_file_stops_the_recording(tmp_path):
    path = tmp_path / "clip.mp4"
    recorder = Recorder(path, encoding=FAST, waits=True)
    recorder.write(picture(), 0.0)
    recorder.write(picture(), 0.5)
    path.unlink()

    with pytest.raises(RecordingError, match=r"the file was deleted\); nothing is kept"):
        write_noise(recorder, range(1, 200))
    recorder.close()
    assert recorder.frames == 0


def test_a_failing_write_cuts_back_to_what_was_complete(tmp_path, monkeypatch):
    storage = Storage(tmp_path / "clip.mp4")
    storage.write(b"complete")
    storage.mark_complete()
    storage.write(b"half")
    monkeypatch.setattr(os, "write", _no_space)

    with pytest.raises(OSError, match="No space left"):
        storage.write(b"more")
    storage.seek(0)
    storage.write(b"an index that would spoil the head")
    storage.close()

    assert storage.path.read_bytes() == b"complete"


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize("first_failing", range(1, 12, 2))
def test_whichever_write_fails_what_is_counted_plays(tmp_path, monkeypatch, ending, first_failing):
    path = tmp_path / f"clip.{ending}"
    writes = []
    real = os.write

    def write(handle, content):
        writes.append(len(content))
        return (real if len(writes) < first_failing else _no_space)(handle, content)

    monkeypatch.setattr(os, "write", write)
    recorder = Recorder(path, waits=True)

    try:
        for index in range(25):
            recorder.write(picture(index), index / 10)
        recorder.close()
        told = ""
    except RecordingError as error:
        told = str(error)
        recorder.close()

    assert bool(told) is (len(writes) >= first_failing)
    assert recorder.has_failed is bool(told)
    assert recorder.frames == (len(times_of(path)) if path.exists() else 0)
    if told:
        kept = f"its first {recorder.frames} pictures are kept"
        assert told.endswith(kept if path.exists() else "nothing is kept")


def _no_space(_handle, _content):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_a_full_disk_leaves_a_file_that_plays(tmp_path, ending):
    _mount_tmpfs(tmp_path)
    path = tmp_path / f"clip.{ending}"
    try:
        recorder = Recorder(path, waits=True)
        with pytest.raises(RecordingError, match=r"stopped \(no space left on device\)"):
            write_noise(recorder, range(2000))
        recorder.close()

        times = times_of(path)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)

    assert len(times) > 10
    assert recorder.frames == len(times)
    assert times == pytest.approx([float(index) for index in range(len(times))], abs=1e-3)


def _mount_tmpfs(folder: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if not (sys.platform == "linux" and shutil.which("mount")):
        pytest.skip("NOT TESTED: a full disk, because there is no mount command")
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: a full disk, because of {mounted.stderr.strip()}")


RECORD_FOREVER = """
import sys
from pathlib import Path
import numpy as np
from live_edges.recording.recorder import Recorder

noise = np.random.default_rng(0).integers(0, 256, (8, 48, 64, 3), dtype=np.uint8)
recorder = Recorder(Path(sys.argv[1]), waits=True)
for index in range(10**9):
    recorder.write(noise[index % 8], index / 10)
    print(recorder.frames, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm"])
def test_killed_without_warning_all_but_the_last_two_seconds_play(tmp_path, ending):
    path = tmp_path / f"clip.{ending}"
    command = [sys.executable, "-c", RECORD_FOREVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        written = next(frames for line in child.stdout if (frames := int(line)) >= 50)
        child.send_signal(signal.SIGKILL)

    times = times_of(path)

    assert len(times) >= written - 20
    assert times == pytest.approx([index / 10 for index in range(len(times))], abs=1e-3)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize(("duration_s", "expected_s"), [(1.5, 1.8), (0.0, 0.3 + 1 / 30)])
def test_the_last_picture_lasts_as_long_as_stated(tmp_path, ending, duration_s, expected_s):
    path = tmp_path / f"clip.{ending}"

    with Recorder(path, waits=True) as recorder:
        for seconds, lasts_s in ((0, 0.1), (0.1, 0.2), (0.3, duration_s)):
            recorder.write(picture(), seconds, duration_s=lasts_s)

    with av.open(str(path)) as container:
        assert container.duration / av.time_base == pytest.approx(expected_s, abs=2e-3)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_live_pictures_last_as_they_were_filmed(tmp_path, ending):
    path = tmp_path / f"clip.{ending}"

    with Recorder(path, encoding=FAST, waits=True) as recorder:
        for seconds in UNEVEN_S:
            recorder.write(picture(), 1000 + seconds)

    with av.open(str(path)) as container:
        duration_s = container.duration / av.time_base
    assert UNEVEN_S[-1] < duration_s < UNEVEN_S[-1] + 0.05
