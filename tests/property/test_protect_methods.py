"""The battery that every registered method must pass, whatever it is."""

from functools import cache

import numpy as np
import pytest

from benchmarks.protect_tables import random_counts, with_margins
from caudal.errors import CaudalError
from caudal.model.protection import ProtectionPolicy
from caudal.protect.cells import CellSystem, build_system
from caudal.protect.contract import Method, Protected, Task
from caudal.protect.methods import method, registered
from caudal.protect.primary import small_counts

NAMES = ["area", "origin", "age"]
METHODS = sorted(registered().values(), key=lambda m: m.name)


def system_of(seed: int) -> CellSystem:
    return build_system(NAMES, with_margins(random_counts((6, 4, 3), 700, (0.8, 0.8, 0.5), seed), NAMES))


def task(seed: int = 0, secret: bytes = b"secret") -> Task:
    system = system_of(seed)
    nothing = np.zeros(system.size, bool)
    return Task(
        "XX/census/2024/2026",
        system,
        small_counts(system.counts, 5),
        nothing,
        nothing,
        np.ones(system.size),
        ProtectionPolicy(),
        secret,
        np.random.default_rng(seed).integers(0, 2**32, system.size),
    )


@cache
def run(rule: Method, seed: int = 0, secret: bytes = b"secret") -> Protected:
    return rule.protect(task(seed, secret))


@pytest.mark.parametrize("rule", METHODS, ids=lambda m: m.name)
class TestEveryMethod:
    def test_the_same_secret_gives_the_same_release(self, rule: Method) -> None:
        first, second = run(rule), rule.protect(task())
        assert (first.shown == second.shown).all() and (first.counts == second.counts).all()

    def test_nothing_stays_open(self, rule: Method) -> None:
        assert run(rule).open_cells == ()

    def test_margins_add_up_where_they_are_declared_to(self, rule: Method) -> None:
        system, found = system_of(0), run(rule)
        whole = np.array(
            [found.shown[c].all() for c in np.split(system.matrix.indices, system.matrix.indptr[1:-1])]
        )
        off = (system.matrix @ found.counts)[whole]
        assert whole.any()
        assert not off.any() if rule.additive else off.any()

    def test_no_small_count_is_shown(self, rule: Method) -> None:
        found = run(rule)
        shown = found.counts[found.shown]
        assert not ((shown > 0) & (shown < 5)).any()

    def test_it_changes_nothing_that_it_was_given(self, rule: Method) -> None:
        given = task()
        before = given.system.counts.copy(), given.primary.copy()
        rule.protect(given)
        assert (given.system.counts == before[0]).all() and (given.primary == before[1]).all()

    def test_what_needs_no_protection_is_shown_as_it_is_or_as_declared(self, rule: Method) -> None:
        """Idempotent: a protected table has no small count left, so it passes a second time unchanged."""
        system = build_system(["area"], {("_T",): 100, ("A",): 40, ("B",): 60})
        nothing = np.zeros(3, bool)
        keys = np.array([1, 2, 3])
        again = Task("x", system, nothing, nothing, nothing, np.ones(3), ProtectionPolicy(), b"s", keys)
        found = rule.protect(again)
        assert found.shown.all()
        assert rule.perturbs or (found.counts == system.counts).all()

    def test_it_says_how_much_it_adds(self, rule: Method) -> None:
        found = run(rule)
        moved = found.counts[found.shown] != system_of(0).counts[found.shown]
        assert rule.perturbs == bool(moved.any())
        assert (found.added_se[found.shown][moved] > 0).all()

    def test_without_the_secret_it_refuses_if_it_needs_one(self, rule: Method) -> None:
        if not rule.needs_secret:
            assert run(rule, secret=b"").open_cells == ()
            return
        with pytest.raises(CaudalError) as error:
            run(rule, secret=b"")
        assert error.value.problems[0].code == "protect-no-secret"

    def test_another_secret_gives_another_noise(self, rule: Method) -> None:
        if rule.perturbs:
            assert (run(rule).counts != run(rule, secret=b"other").counts).any()

    def test_it_cites_its_source(self, rule: Method) -> None:
        assert any(c.isdigit() for c in rule.cite)


def test_an_unknown_method_is_named_with_the_nearest() -> None:
    with pytest.raises(CaudalError, match="cell_key"):
        method("cellkey")


def test_a_method_is_one_file(tmp_path, monkeypatch) -> None:
    """A module that appears in the folder is a method: nothing else is touched."""
    import caudal.protect.methods as folder

    (tmp_path / "withhold_all.py").write_text(
        "import numpy as np\n"
        "from caudal.protect.contract import Method, Protected, Task\n"
        "def _protect(task: Task) -> Protected:\n"
        "    n = task.system.size\n"
        "    return Protected(np.zeros(n, bool), np.zeros(n, np.int64), np.zeros(n))\n"
        "METHOD = Method('withhold_all', 'nobody (2026)', True, False, False, _protect)\n"
    )
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    assert not registered()["withhold_all"].protect(task()).shown.any()
