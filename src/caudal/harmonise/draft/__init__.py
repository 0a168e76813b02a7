"""Proposes the source file of a raw file, for a person to confirm.

From the names, labels and values of its columns, and from a dictionary beside it (CSPro, DDI, a table of
variables), in Spanish, Portuguese or English. Each proposal says why it was made; the file says which columns
it did not recognise; and what nobody has confirmed is listed in it as ``unconfirmed``, which a check refuses.
It refuses to decide: a draft is never built.
"""

from caudal.harmonise.draft.guessing import Guess, Proposal, propose
from caudal.harmonise.draft.reading import Described, Seen, describe
from caudal.harmonise.draft.writing import draft_text

__all__ = ["Described", "Guess", "Proposal", "Seen", "describe", "draft_text", "propose"]
