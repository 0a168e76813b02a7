"""Makes survey.csv: a small stratified two-stage sample with the difficulties that R must answer for.

python tests/oracle/survey/make_data.py
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc


def survey() -> pa.Table:
    draw = np.random.default_rng(20221122)
    rows = []
    sizes = [2, 2, 2, 2, 3, 4, 5, 6, 1]
    for stratum, psus in enumerate(sizes):
        for psu in range(psus):
            effect = draw.normal(0, 6)
            for ssu in range(int(draw.integers(3, 7))):
                for _ in range(int(draw.integers(2, 5))):
                    sex = "F" if draw.random() < 0.52 else "M"
                    status = "FB" if draw.random() < 0.3 else "NB"
                    age = int(draw.integers(0, 4))
                    income = float(
                        np.round(
                            50 + 4 * stratum + effect + draw.lognormal(2.5, 0.6) + 8 * (status == "FB"), 2
                        )
                    )
                    row = {
                        "stratum": stratum,
                        "psu": psu,
                        "ssu": 100 * psu + ssu,
                        "region": f"R{stratum // 3}",
                        "sex": sex,
                        "status": status,
                        "age": f"A{age}",
                        "weight": float(np.round(draw.lognormal(3, 0.5), 4)),
                        "income": income,
                        "hours": float(draw.integers(5, 60)),
                        "employed": int(draw.random() < 0.6),
                        "rare": int(draw.random() < 0.04),
                        "psus_n": 12 + stratum,
                        "ssus_n": 15 + psu,
                        "gap": None if draw.random() < 0.06 else float(np.round(draw.normal(10, 3), 3)),
                    }
                    rows.append(row)
    return pa.Table.from_pylist(rows)


if __name__ == "__main__":
    pc.write_csv(survey(), Path(__file__).parent / "survey.csv")
