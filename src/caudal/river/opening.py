"""What a check finds beyond the specs: the files that are there, opened, and what may not be meant."""

from __future__ import annotations

from caudal.collect import register_deliveries
from caudal.engine.cache import Cache
from caudal.errors import CaudalError, Problem
from caudal.harmonise import check_delivery, notices_of
from caudal.river.folder import CountryFolder


def open_files(folder: CountryFolder) -> tuple[int, tuple[Problem, ...]]:
    """The number of deliveries whose files were opened, and what a person should look at.

    A database is not asked. Raises :class:`CaudalError` with all that is wrong between specs and files,
    of all deliveries at once.
    """
    cache = Cache(folder.work / "cache")
    problems: list[Problem] = []
    notices: list[Problem] = []
    opened = 0
    documents = {d.data["source"]: d for n, d in folder.documents.items() if n.startswith("sources/")}
    for name, source in folder.sources.items():
        document = documents[name]
        notices += notices_of(source, document, folder.catalogue)
        try:
            register = register_deliveries(folder.path, source, work=folder.work, fetching=False)
        except CaudalError as error:
            problems += error.problems
            continue
        for delivery in register.deliveries:
            opened += 1
            problems += check_delivery(
                folder.path, source, delivery, document, catalogue=folder.catalogue, cache=cache
            )
    if problems:
        raise CaudalError(*_once(problems))
    return opened, tuple(notices)


def _once(problems: list[Problem]) -> list[Problem]:
    """Each problem once: deliveries of one layout share their mistakes."""
    seen: dict[str, Problem] = {}
    for problem in problems:
        seen.setdefault(problem.text(), problem)
    return list(seen.values())
