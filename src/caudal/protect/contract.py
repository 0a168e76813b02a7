"""The contract of a method of protection: cells in, what may be shown of each cell out.

A method is a pure function of the cells, the policy and the secret. It declares whether its margins add
up, so that the shared tests know what to ask of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from caudal.model.protection import ProtectionPolicy
from caudal.protect.cells import Bools, CellSystem, Floats, Ints
from caudal.protect.certificates import Certificate
from caudal.protect.verdict import Note


@dataclass(frozen=True)
class Task:
    """What a method works on.

    ``primary``: cells that may not be shown; ``keep``: cells that must be; ``forced``: blank anyway;
    ``keys``: sum of the record keys of each cell, where the method asks for them; ``layers``: further
    knowledge that the pattern must withstand.
    """

    name: str
    system: CellSystem
    primary: Bools
    keep: Bools
    forced: Bools
    cost: Floats
    policy: ProtectionPolicy
    secret: bytes = b""
    keys: Ints | None = None
    seed: int = 0


@dataclass(frozen=True)
class Protected:
    """What may be shown: ``shown`` False is withheld; ``counts`` as published; ``added_se`` the standard
    error that protection adds. ``open_cells`` are not protected: the gate refuses."""

    shown: Bools
    counts: Ints
    added_se: Floats
    open_cells: tuple[int, ...] = ()
    hopeless: bool = False
    certificate: Certificate | None = None
    secondary_n: int = 0
    least_secondary_n: int = 0
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Method:
    """A registered method."""

    name: str
    cite: str
    additive: bool
    perturbs: bool
    needs_secret: bool
    protect: Callable[[Task], Protected]
