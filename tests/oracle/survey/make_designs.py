"""Makes designs.csv: a dozen small random surveys, each drawn otherwise, for make_design_answers.R.

    python tests/oracle/survey/make_designs.py

Kinds: strata and PSUs without and with a correction (as a number or a share), strata alone, no strata,
clusters alone, two stages; all ways with a lonely PSU, lonely units of the second stage, zero weights and
missing values.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

#: kind, what a lonely PSU contributes
DESIGNS = [
    ("plain", "adjust"), ("plain", "average"), ("fpc", "adjust"), ("fpc", "remove"), ("share", "average"),
    ("share", "certainty"), ("flat", "adjust"), ("srs", "fail"), ("clusters", "fail"), ("stages", "adjust"),
    ("stages", "average"), ("stages", "remove"),
]  # fmt: skip


def survey(number: int, kind: str, lonely: str) -> list[dict]:
    """The persons of one survey."""
    draw = np.random.default_rng(500 + number)
    rows = []
    for stratum in range(5):
        psus = int(draw.integers(2 if lonely == "fail" or stratum < 2 else 1, 5))
        for psu in range(psus):
            level = draw.normal(0, 5)
            for ssu in range(int(draw.integers(2 if psu else 1, 4))):
                for _ in range(int(draw.integers(1, 4))):
                    migrant = draw.random() < 0.35
                    share = 0.1 + 0.05 * stratum
                    rows.append(
                        {
                            "design": number,
                            "stratum": stratum,
                            "psu": psu,
                            "ssu": ssu,
                            "region": f"R{stratum % 2}",
                            "sex": str(draw.choice(["F", "M"])),
                            "status": "FB" if migrant else "NB",
                            "age": f"A{draw.integers(0, 3)}",
                            "w": 0.0
                            if number % 4 == 1 and draw.random() < 0.05
                            else round(draw.lognormal(3, 0.6), 3),
                            "y": round(
                                float(draw.normal(50 + level, 12) + 8 * migrant), 1 if number % 2 else 5
                            ),
                            "x": round(draw.lognormal(2, 0.5), 4),
                            "b": int(draw.random() < 0.6),
                            "gap": None if draw.random() < 0.1 else round(draw.normal(10, 3), 3),
                            "psus_n": share if kind == "share" else psus + 3.0 * stratum + 2,
                            "ssus_n": 6.0 + psu,
                        }
                    )
    return rows


if __name__ == "__main__":
    everybody = [row for k, (kind, lonely) in enumerate(DESIGNS) for row in survey(k, kind, lonely)]
    pc.write_csv(pa.Table.from_pylist(everybody), Path(__file__).parent / "designs.csv")
