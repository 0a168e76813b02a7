"""Protection: observations -> release. The gate, its methods, and the attacker that checks them."""

from caudal.protect.gate import protect_release
from caudal.protect.verdict import VerdictReport

__all__ = ["VerdictReport", "protect_release"]
