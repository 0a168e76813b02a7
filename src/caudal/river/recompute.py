"""``python -m caudal.river.recompute FOLDER ADDRESS``: one cell again, from raw bytes, as JSON."""

import json
import sys
from pathlib import Path

from caudal.river.trace import recompute_cell

if __name__ == "__main__":
    sys.stdout.write(json.dumps(recompute_cell(Path(sys.argv[1]), sys.argv[2])))
