"""What a report holds of how fast a row is."""

from __future__ import annotations

from edgekit.report.parts import Interval95, Part, Positive


class LatencyMs(Part):
    """Milliseconds per image, one image at a time.

    Attributes:
        p50: Median of inference: letterboxed u8 image to boxes before NMS.
        p90: 90th percentile of the same.
        p99: 99th percentile of the same.
        runs: Timed runs the percentiles stand on.
        pre_p50: Median of what comes before: image array to letterboxed u8.
        post_p50: Median of what comes after: NMS and mapping back.
        p50_ci95: 95 % interval of ``p50``.
        p90_ci95: 95 % interval of ``p90``.
        p99_ci95: 95 % interval of ``p99``.
        p90_early_stopping: What the 90th percentile is surely below, by the early-stopping rule of
            MLPerf single-stream (99 % confidence); ``None`` with fewer runs than it asks for.
        quantiles: Percentiles 0, 1 ... 100 of inference.
        threads: Threads of the process that ran it.
        warmup_runs: Runs before the timed ones.
        load_ms: Time to open the model.
        cold_start_ms: Time of the first image after that.
        settings: Of the runtime, as it was opened.
    """

    p50: Positive
    p90: Positive
    p99: Positive
    runs: int
    pre_p50: float
    post_p50: float
    p50_ci95: Interval95 | None = None
    p90_ci95: Interval95 | None = None
    p99_ci95: Interval95 | None = None
    p90_early_stopping: Positive | None = None
    quantiles: tuple[Positive, ...] = ()
    threads: int | None = None
    warmup_runs: int | None = None
    load_ms: float | None = None
    cold_start_ms: float | None = None
    settings: str | None = None


class Throughput(Part):
    """Images per second with several streams at once: preprocessing, inference and NMS.

    Attributes:
        streams: How many images are under way at a time.
        fps: Images per second of all streams together.
        fps_ci95: Its 95 % interval.
    """

    streams: int
    fps: Positive
    fps_ci95: Interval95 | None = None


class Energy(Part):
    """What one image costs.

    Attributes:
        mj_per_frame: Millijoules per image while images run one at a time.
        mean_w: Mean power meanwhile, in watts.
        source: What was read, and of what part of the computer.
    """

    mj_per_frame: Positive
    mean_w: Positive
    source: str
