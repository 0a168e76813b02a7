"""``python -m caudal.cli``."""

import sys

from caudal.cli import main

sys.exit(main())
