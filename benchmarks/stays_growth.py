"""Growth of the residence rule with the register, as a plot: events against CPU seconds, logarithmic.

    python benchmarks/stays_growth.py --folder /tmp/caudal-bench --sizes 1e6 5e6 20e6 100e6

Runs the bare sort and the flows of stays_speed.py at each size and writes benchmarks/stays_growth.svg, with
the figures as a table in its description. A billion events are drawn as an estimate: fifty parts of
twenty million, each at its measured cost, plus the write and the read of eight bytes an event.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

JOBS = {"bare_sort": "#767676", "flows": "#1b6ca8"}
LABELS = {"bare_sort": "DuckDB: bare sort", "flows": "month x citizenship x direction"}
LEFT, TOP, WIDTH, HEIGHT = 70, 30, 560, 340
#: Gigabytes a second that a plain disk writes and reads; a spilled event costs eight bytes each way.
DISK_GB_A_SECOND = 0.5


def measured(sizes: list[float], folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Events and CPU seconds by job."""
    found: dict[str, list[tuple[float, float]]] = {job: [] for job in JOBS}
    speed = Path(__file__).with_name("stays_speed.py")
    for size in sizes:
        command = [
            sys.executable,
            str(speed),
            "--events",
            str(size),
            "--folder",
            str(folder),
            "--jobs",
            *JOBS,
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        for line in run.stdout.splitlines():
            row = json.loads(line)
            found[row["job"]].append((size, row["cpu_s"]))
            print(size, line, flush=True)
    return found


def billion(flows: list[tuple[float, float]]) -> float:
    """CPU and disk seconds of a billion events by parts of the size nearest to twenty million."""
    size, seconds = min(flows, key=lambda point: abs(math.log(point[0] / 20e6)))
    return 1e9 / size * seconds + 2 * 8 / DISK_GB_A_SECOND


def plot(found: dict[str, list[tuple[float, float]]]) -> str:
    """The plot as SVG."""
    estimate = (1e9, billion(found["flows"]))
    points = [p for line in found.values() for p in line] + [estimate]
    x0, x1 = math.floor(math.log10(min(p[0] for p in points))), 9.1
    y0, y1 = (
        math.floor(math.log10(min(p[1] for p in points))),
        math.ceil(math.log10(max(p[1] for p in points))),
    )

    def at(point: tuple[float, float]) -> tuple[float, float]:
        x = LEFT + WIDTH * (math.log10(point[0]) - x0) / (x1 - x0)
        return round(x, 1), round(TOP + HEIGHT * (1 - (math.log10(point[1]) - y0) / (y1 - y0)), 1)

    box = f"0 0 {LEFT + WIDTH + 90} {TOP + HEIGHT + 60}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img"'
        ' font-family="sans-serif" font-size="13"><title>CPU seconds by number of events</title>',
        f"<desc>{json.dumps(found)} estimate of a billion: {estimate[1]:.0f} s</desc>",
    ]
    for power in range(x0, 10):
        x = at((10.0**power, 10.0**y0))[0]
        parts.append(f'<text x="{x}" y="{TOP + HEIGHT + 22}" text-anchor="middle">{_short(10**power)}</text>')
    for power in range(y0, y1 + 1):
        y = at((10.0**x0, 10.0**power))[1]
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#e0e0e0"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{10.0**power:g} s</text>')
    for row, (job, line) in enumerate(found.items()):
        drawn = " ".join(f"{x},{y}" for x, y in map(at, line))
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{JOBS[job]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="4" fill="{JOBS[job]}"/>' for x, y in map(at, line)]
        parts.append(
            f'<text x="{LEFT + 14}" y="{TOP + 16 + 18 * row}" fill="{JOBS[job]}">{LABELS[job]}</text>'
        )
    (ax, ay), (bx, by) = at(found["flows"][-1]), at(estimate)
    parts.append(f'<line x1="{ax}" y1="{ay}" x2="{bx}" y2="{by}" stroke="#1b6ca8" stroke-dasharray="5 4"/>')
    parts.append(f'<text x="{bx}" y="{by - 8}" text-anchor="end">estimate, by parts</text>')
    parts.append(
        f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 46}" text-anchor="middle">events</text></svg>'
    )
    return "\n".join(parts) + "\n"


def _short(number: int) -> str:
    return f"{number // 10**9} billion" if number >= 10**9 else f"{number // 10**6} million"


def main() -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e6, 5e6, 20e6, 100e6])
    parser.add_argument("--folder", type=Path, default=Path("/tmp/caudal-bench"))
    options = parser.parse_args()
    found = measured(options.sizes, options.folder)
    Path(__file__).with_name("stays_growth.svg").write_text(plot(found), encoding="utf-8")


if __name__ == "__main__":
    main()
