"""The progress bar: loss, loss on held-out pictures, its limit, and the time left."""

from typing import Self

from tqdm import tqdm

from live_edges.training.descent import Descent


class Bar:
    """A line on the terminal that follows the training."""

    def __init__(self, steps: int) -> None:
        self._bar = tqdm(total=steps, unit="step", desc="learning", dynamic_ncols=True)

    def __call__(self, descent: Descent) -> None:
        """Show the step that was just made."""
        if descent.is_settled:  # the steps that were asked for are not needed
            self._bar.total = len(descent.losses)
        self._bar.update(len(descent.losses) - self._bar.n)
        self._bar.set_postfix_str(
            f"loss {descent.losses[-1]:.3g}, held out {descent.held_out_losses[-1]:.3g}"
            + ("" if descent.limit is None else f", limit {descent.limit:.3g}"),
            refresh=False,
        )

    def __enter__(self) -> Self:
        """Return the bar."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the line as it is."""
        self._bar.close()
