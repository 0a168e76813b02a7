"""The site as a folder: whole, linked, escaped, honest about drafts and withheld cells."""

from __future__ import annotations

import gzip
import posixpath
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote

import pytest

from caudal.catalogue.interface import interface_texts as texts
from caudal.errors import CaudalError
from caudal.model.release import Signatory
from caudal.publish.release import read_release
from caudal.publish.site import build_site, site_files
from caudal.publish.words import required_keys
from tests.unit.publish.fixture import AXES, STRUCTURE, cell, observations, write_release
from tests.unit.publish.reading import all_texts

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Tree(HTMLParser):
    """Tags with their attributes, texts by tag, and whether every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        for tag in self.open:
            self.text.setdefault(tag, []).append(data)

    def all(self, name: str) -> list[dict[str, str]]:
        return [a for tag, a in self.tags if tag == name]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def site(release: Path) -> dict[str, bytes]:
    return site_files(read_release(release))


@pytest.fixture(scope="module")
def pages(site: dict[str, bytes]) -> dict[str, Tree]:
    return {p: Tree(data.decode()) for p, data in site.items() if p.endswith(".html")}


def links(pages: dict[str, Tree]) -> Iterator[tuple[str, str]]:
    """Every link of every page with the page it stands on."""
    for path, tree in pages.items():
        for _, attrs in tree.tags:
            for name in ("href", "src"):
                if name in attrs:
                    yield path, attrs[name]


def test_every_language_has_the_same_pages(site: dict[str, bytes]) -> None:
    found = {
        tag: {p.removeprefix(tag) for p in site if p.startswith(f"{tag}/")} for tag in ("es", "pt", "en")
    }
    assert found["es"] == found["pt"] == found["en"]
    expected = {"/index.html", "/method.html", "/quality.html", "/data.html", "/compare/migrants.html"}
    assert expected <= found["es"]


def test_every_link_is_relative_and_leads_to_a_file_and_an_anchor(
    site: dict[str, bytes], pages: dict[str, Tree]
) -> None:
    ids = {p: {a["id"] for _, a in tree.tags if "id" in a} for p, tree in pages.items()}
    for path, link in links(pages):
        if link == "data:,":  # no picture, so that no browser asks for one
            continue
        assert not re.match(r"[a-z]+:|/", link), link
        target, _, anchor = link.partition("#")
        file = normpath(f"{path}/../{target}") if target else path
        assert file in site, f"{path} links to {link}"
        if anchor:
            assert unquote(anchor) in ids[file], f"{path} links to {link}"


def test_no_page_asks_another_host_or_runs_what_is_no_file_of_the_site(site: dict[str, bytes]) -> None:
    css = site["caudal.css"].decode()
    assert "url(" not in css and "@import" not in css
    for path, data in site.items():
        if path.endswith(".html"):
            page = data.decode()
            for attributes, code in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.S):
                source = re.search(r'src="([^"]*)"', attributes)
                if source is None:
                    assert attributes == ' type="application/ld+json"'
                else:
                    assert not code and posixpath.normpath(f"{path}/../{source[1]}") in site
            assert not re.search(r"\son[a-z]+=", page)


def test_ids_are_unique_and_headings_follow_each_other(pages: dict[str, Tree]) -> None:
    for path, tree in pages.items():
        ids = [a["id"] for _, a in tree.tags if "id" in a]
        assert len(ids) == len(set(ids)), [i for i in ids if ids.count(i) > 1]
        levels = [int(t[1]) for t, _ in tree.tags if re.fullmatch("h[1-6]", t)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels)), (path, levels)


def test_every_page_says_its_language_and_where_the_others_are(pages: dict[str, Tree]) -> None:
    for path, tree in pages.items():
        assert tree.all("html")[0]["lang"] == (path.partition("/")[0] if "/" in path else "es")
        others = {a["hreflang"] for a in tree.all("link") if a.get("rel") == "alternate"}
        assert others >= {"es", "pt", "en"}


def test_tables_have_captions_and_scopes_and_charts_have_titles(pages: dict[str, Tree]) -> None:
    for tree in pages.values():
        assert len(tree.all("table")) == len(tree.all("caption"))
        assert all(a.get("scope") in ("col", "row") for a in tree.all("th"))
        charts = [a for a in tree.all("svg") if a.get("role") == "img"]
        assert len(charts) == len(tree.all("title")) - 1 == len(tree.all("desc"))
        assert len(tree.all("figcaption")) == len(tree.all("figure")) == len(charts)


def test_the_figures_of_a_chart_are_those_of_its_table(site: dict[str, bytes]) -> None:
    page = site["es/indicator/unemployment_rate.html"].decode()
    pairs = re.findall(r'<div class="pair">(.*?</table>)', page, re.S)
    assert len(pairs) >= 6
    for pair in pairs:
        chart = re.findall(r'class="end fig">([^<]*)<', pair) or None
        table = re.findall(r'<td class="num">(.*?)</td>\s*<td class="num">', pair, re.S)
        shown = [re.sub(r"<[^>]*>|▨|\s+", " ", t).split() for t in table]
        if chart is not None:
            assert [c.split() for c in chart] == shown[: len(chart)]


def test_the_headline_the_table_the_file_and_the_chart_tell_one_number(site: dict[str, bytes]) -> None:
    assert "9,7\u00a0%" in site["es/index.html"].decode()
    assert "9,7\u00a0%" in site["es/indicator/unemployment_rate.html"].decode()
    assert "9.7%" in site["en/indicator/unemployment_rate.html"].decode()
    assert ",9.71," in site["data/unemployment_rate.csv"].decode()


def test_every_cell_lies_at_its_address_on_one_page_of_each_language(
    pages: dict[str, Tree], release: Path
) -> None:
    found = [c.address for c in read_release(release).cells]
    for tag in ("es", "pt", "en"):
        own = [
            a["id"]
            for p, t in pages.items()
            if p.startswith(f"{tag}/indicator/")
            for _, a in t.tags
            if "id" in a
        ]
        assert sorted(a for a in own if "@" in a) == sorted(found)


def test_names_with_markup_are_escaped_everywhere(site: dict[str, bytes]) -> None:
    for path, data in site.items():
        if path.endswith(".html"):
            assert "<b>" not in data.decode()
            assert "Estadística & " not in data.decode()
    assert "Paraguay &lt;b&gt;" in site["en/indicator/foreign_born.html"].decode()


def test_markup_in_every_text_of_the_release_stays_text(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>{value.__class__}<i>"
    changed = {
        **STRUCTURE["indicators"][0],
        "text": {k: {"es": hostile} for k in ("name", "definition", "headline")},
    }
    path = write_release(
        tmp_path,
        [cell("foreign_born", 5.0)],
        indicators=[changed],
        title={"es": hostile},
        producer={"es": hostile},
        contact=hostile,
        licence=hostile,
        truth=[],
        notices=[],
        expectations=[],
        not_computable=[],
    )
    made = site_files(read_release(path))
    for name, data in made.items():
        if name.endswith(".html"):
            assert "alert(1)</script>" not in data.decode() and "<i>" not in data.decode()
            assert "class 'markupsafe" not in data.decode()
            Tree(data.decode())


def test_a_draft_is_a_draft_on_every_page_until_it_is_signed(release: Path, site: dict[str, bytes]) -> None:
    who = Signatory(name="Ana Ríos <x>", role="Directora", date="2026-11-22", public_key="00")
    signed = site_files(read_release(release), who)
    for path in [p for p in site if p.endswith(".html") and "/" in p]:
        draft, final = site[path].decode(), signed[path].decode()
        tag = path.partition("/")[0]
        assert f"<title>{texts(tag)['text/draft_prefix']}" in draft
        assert texts(tag)["text/draft_banner"] in draft and 'class="draft"' in draft
        assert "draft" not in re.sub(r"<style.*?</style>", "", final).lower() or tag != "en"
        assert texts(tag)["text/draft_banner"] not in final
        assert "Ana Ríos &lt;x&gt;" in final and "2026" in final


def test_a_fictional_country_says_so_on_every_page_and_a_real_one_nowhere(
    site: dict[str, bytes], tmp_path: Path
) -> None:
    real = site_files(read_release(write_release(tmp_path, simulated=False)))
    for path in [p for p in site if p.endswith(".html") and "/" in p]:
        mark = texts(path.partition("/")[0])["text/fiction_mark"]
        assert f"<strong>{mark}</strong>" in site[path].decode()
        if "/source/" not in path:
            assert mark not in real[path].decode()


def test_a_withheld_cell_shows_words_and_no_number(site: dict[str, bytes]) -> None:
    page = site["es/indicator/foreign_born.html"].decode()
    row = re.search(r'id="foreign_born/XI/2026-Q2/birth_country=HT/survey@2026-11">(.*?)</tr>', page, re.S)
    assert row is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.S)
    assert "no se muestra" in cells[0]
    assert not any(c.isdigit() for c in "".join(cells))


def test_the_place_of_a_withheld_cell_tells_nothing(tmp_path: Path) -> None:
    """Whatever the hidden counts were, the pages are the same: publishing never had them."""
    found = [r for r in observations() if r["obs_status_code"] == "Q"]
    assert all(r["value"] is None for r in found)
    page = site_files(read_release(write_release(tmp_path)))["es/indicator/foreign_born.html"].decode()
    order = re.findall(r'id="foreign_born/XI/2026-Q2/birth_country=(\w+)/survey', page)
    assert order == ["VE", "CO", "BO", "PE", "AR", "PY", "HT", "ZZ"]


def test_a_changed_vector_changes_the_words_of_the_comparison(site: dict[str, bytes], tmp_path: Path) -> None:
    page = site["es/compare/migrants.html"].decode()
    assert "Una cuenta por país de nacimiento y la otra por nacionalidad" in page
    assert "Una cuenta por nacionalidad y la otra por país de nacimiento" in page
    rows = [
        r | {"concept_vector": "basis=birth;measure=stock;stay=permit"}
        if r["source_code"] == "register"
        else r
        for r in observations()
    ]
    changed = site_files(read_release(write_release(tmp_path, rows)))["es/compare/migrants.html"].decode()
    assert "la otra por nacionalidad" not in changed
    assert (
        "Una cuenta a quienes llevan doce meses o más; la otra, a quienes están con residencia vigente."
        in changed
    )


def test_pairs_of_values_with_a_sentence_of_their_own_use_it(tmp_path: Path) -> None:
    own = {"first": "birth", "second": "citizenship", "text": {"es": "Nacer y ser ciudadano difieren."}}
    path = write_release(tmp_path, axes=[{**AXES[0], "pairs": [own]}, *AXES[1:]])
    assert (
        "Nacer y ser ciudadano difieren."
        in site_files(read_release(path))["es/compare/migrants.html"].decode()
    )


def test_a_gap_is_told_from_its_interval_on_the_page_of_its_indicator(site: dict[str, bytes]) -> None:
    page = site["en/indicator/unemployment_rate.html"].decode()
    sentence = "For “Foreign-born” the figure is <strong>2.8\u00a0pp</strong> higher than for “Native-born”"
    assert sentence in page
    assert "these data do not show that the groups differ" in page
    assert "en/indicator/unemployment_rate_gap.html" not in site


def test_what_has_no_known_error_says_so(site: dict[str, bytes]) -> None:
    assert "No error is known." in site["en/indicator/residence_permits.html"].decode()
    assert "No error is known." in site["en/index.html"].decode()


def test_notices_stand_on_the_home_page_and_on_their_indicator(site: dict[str, bytes]) -> None:
    for path in ("pt/index.html", "pt/indicator/unemployment_rate.html"):
        assert "A edição anterior usou pesos sem calibrar." in site[path].decode()
    assert "pesos sem calibrar" not in site["pt/indicator/foreign_born.html"].decode()


def test_a_language_that_no_code_knows_comes_with_the_release(tmp_path: Path) -> None:
    french = {k: texts("en")[k] for k in required_keys()} | {"text/home": "Aperçu", "name": "Français"}
    path = write_release(tmp_path, languages=["fr", "es"], page_texts={"fr": french})
    made = site_files(read_release(path))
    page = made["fr/index.html"].decode()
    assert '<html lang="fr">' in page and "Aperçu" in page
    assert '<span lang="es">' in page  # a text that the release lacks in French, marked as Spanish
    assert "url=fr/index.html" in made["index.html"].decode()


def test_the_same_release_gives_the_same_bytes(release: Path, tmp_path: Path) -> None:
    first = build_site(release, tmp_path / "one")
    second = build_site(release, tmp_path / "two")
    assert first == second
    assert all((tmp_path / "one" / p).read_bytes() == (tmp_path / "two" / p).read_bytes() for p in first)


def test_a_site_replaces_the_one_before_it_and_stays_when_the_next_fails(
    release: Path, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "old.html").write_text("old")
    with pytest.raises(Exception, match="release lacks"):
        build_site(tmp_path / "nothing", out)
    assert (out / "old.html").exists()
    build_site(release, out)
    assert not (out / "old.html").exists() and (out / "es/index.html").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("site")] == ["site"]


def test_a_site_whose_renaming_was_cut_short_is_there_again(release: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    build_site(release, out)
    out.rename(tmp_path / "site.old")
    with pytest.raises(CaudalError):
        build_site(tmp_path / "nothing", out)
    build_site(release, out)
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize(("value", "words"), [(-2.8, "lower than"), (0.0, "is the same")])
def test_the_direction_of_a_gap_is_told_in_words(tmp_path: Path, value: float, words: str) -> None:
    rows = [cell("unemployment_rate", 9.7, 0.4), cell("unemployment_rate_gap", value, 0.5)]
    page = site_files(read_release(write_release(tmp_path, rows)))[
        "en/indicator/unemployment_rate.html"
    ].decode()
    assert words in page and "−2.8\u00a0pp</strong>" not in page


def test_pages_are_light(site: dict[str, bytes]) -> None:
    css = len(site["caudal.css"])
    assert css < 12_500
    for path, data in site.items():
        if path.endswith(".html"):
            assert len(gzip.compress(data)) + len(gzip.compress(site["caudal.css"])) < 60_000, path


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of #rgb or #rrggbb."""
    digits = colour.lstrip("#")
    full = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(full[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("ink", ["ink", "soft", "water", "deep", "clay", "ref"])
@pytest.mark.parametrize("ground", ["paper", "wash", "sand"])
def test_text_has_the_contrast_that_reading_needs(site: dict[str, bytes], ink: str, ground: str) -> None:
    names = dict(re.findall(r"--(\w+):(#\w+)", site["caudal.css"].decode()))
    light, dark = sorted((luminance(names[ground]), luminance(names[ink])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_a_region_without_figures_of_its_own_shows_its_countries_side_by_side(tmp_path: Path) -> None:
    rows = [
        cell("foreign_born", value, reporter_code=area, reference_area_code=area)
        for area, value in (("AR", 40.0), ("BO", 60.0))
    ]
    path = write_release(tmp_path, rows, territory="419", truth=[], title={"es": "La región"})
    page = site_files(read_release(path))["es/indicator/foreign_born.html"].decode()
    assert "No hay una cifra de conjunto en La región" in page
    assert "Por territorio (Encuesta de hogares, segundo trimestre de 2026)." in page
    assert "La más alta: BO, 60. La más baja: AR, 40." in page
    assert re.findall(r'<th scope="row">(AR|BO)</th>', page) == ["AR", "BO"]


def test_what_reliability_and_status_say_stands_beside_the_figure_in_words(tmp_path: Path) -> None:
    rows = [cell("unemployment_rate", 21.9, 1.9, sex_code="F", reliability="caution", obs_status_code="B")]
    page = site_files(read_release(write_release(tmp_path, rows)))[
        "en/indicator/unemployment_rate.html"
    ].decode()
    assert "read with caution; break in the series" in page
    assert 'class="dot weak"' in page and ">21.9% *<" in page


def test_an_embargo_and_the_release_before_are_told(tmp_path: Path) -> None:
    path = write_release(tmp_path, embargo="2026-12-01T10:00", previous="ab" * 32)
    page = site_files(read_release(path))["es/index.html"].decode()
    assert "No se debe publicar antes del 1 de diciembre de 2026." in page
    assert "sigue a la publicación <code>abababababababab</code>" in page


def test_the_truth_of_a_withheld_estimate_is_not_told(tmp_path: Path) -> None:
    hidden = {**STRUCTURE["truth"][0], "estimate": None, "lower": None, "upper": None, "truth": 987654.5}
    made = site_files(read_release(write_release(tmp_path, truth=[hidden, *STRUCTURE["truth"]])))
    for path, text in all_texts(made):
        assert "987654" not in text and "987.65" not in text, path


def test_our_figure_of_a_cell_that_is_not_shown_is_not_told_as_a_reproduction(tmp_path: Path) -> None:
    shown = STRUCTURE["expectations"][0] | {"ours": 9.3}
    hidden = shown | {"ours": 71.7173, "published": 71.7173}
    made = site_files(read_release(write_release(tmp_path, expectations=[shown, hidden])))
    assert "9,3" in made["es/method.html"].decode()
    assert not [p for p, text in all_texts(made) if "71,7" in text or "71.71" in text]


@pytest.mark.parametrize(("value", "words"), [(120000.0, "lies inside it"), (91022.0, "lies outside it")])
def test_a_count_is_judged_by_the_interval_of_the_survey(tmp_path: Path, value: float, words: str) -> None:
    rows = [
        r | {"value": value} if r["source_code"] == "register" and "birth_country_code" not in r else r
        for r in observations()
    ]
    page = site_files(read_release(write_release(tmp_path, rows)))["en/compare/migrants.html"].decode()
    assert f"Only Household survey has an interval, and the figure of Register of foreigners {words}" in page


def test_categories_that_are_none_come_after_those_that_are(tmp_path: Path) -> None:
    sizes = {"VE": 9.0, "_U": 8.0, "CO": 7.0, "PE": 6.0, "_O": 5.0, "AR": 4.0, "HT": 3.0}
    rows = [cell("foreign_born", v * 1000, birth_country_code=c) for c, v in sizes.items()]
    page = site_files(read_release(write_release(tmp_path, rows)))["es/indicator/foreign_born.html"].decode()
    assert re.findall(r"birth_country=(\w+)/survey", page) == ["VE", "CO", "PE", "AR", "HT", "_U", "_O"]


def test_a_chart_leaves_out_the_not_known_and_says_that_the_table_has_more(tmp_path: Path) -> None:
    rows = [
        cell("unemployment_rate", v, s, migratory_status_code=m)
        for m, v, s in [("NB", 9.9, 0.3), ("FB", 7.6, 1.2), ("_U", 27.0, 30.0)]
    ]
    page = site_files(read_release(write_release(tmp_path, rows)))[
        "en/indicator/unemployment_rate.html"
    ].decode()
    assert page.count('class="end fig"') == 2
    assert "The chart shows 2 of 3; the table has them all." in page
    assert 'migratory_status=_U/survey@2026-11"' in page


def test_percent_signs_stay_with_their_numbers(site: dict[str, bytes]) -> None:
    for tag in ("es", "pt", "en"):
        body = site[f"{tag}/indicator/unemployment_rate.html"].decode().partition("<body")[2]
        assert not re.search(r"\d %|\d p\. ?p", body)


def test_a_table_of_thousands_shows_the_largest_and_sends_to_the_file(tmp_path: Path) -> None:
    rows = [
        cell("foreign_born", float(i), birth_country_code=f"C{i:04d}", sex_code=sex)
        for i in range(800)
        for sex in ("F", "M")
    ]
    made = site_files(read_release(write_release(tmp_path, rows, truth=[])))
    page = made["en/indicator/foreign_born.html"].decode()
    assert page.count("<tr id=") == 1000 and "(1000 / 1600)" in page
    assert "birth_country=C0799,sex" not in page and "sex=F,birth_country=C0799/" in page
    assert "sex=F,birth_country=C0001/" not in page
    assert made["data/foreign_born.csv"].count(b"\n") == 1601


def test_a_withdrawn_cell_keeps_its_address_and_says_that_it_was_withdrawn(tmp_path: Path) -> None:
    gone = cell("foreign_born", 5.0, sex_code="F") | {
        "value": None,
        "obs_status_code": "O",
        "verdict": "withdrawn",
    }
    notice = {"kind": "withdrawal", "indicator": "foreign_born", "text": {"es": "Se duplicaron filas."}}
    path = write_release(tmp_path, [cell("foreign_born", 9.0, 1.0), gone], notices=[notice])
    page = site_files(read_release(path))["es/indicator/foreign_born.html"].decode()
    row = page.partition('id="foreign_born/XI/2026-Q2/sex=F/survey@2026-11"')[2].partition("</tr>")[0]
    assert "retirada" in row and "Se duplicaron filas." in page


def test_the_method_page_explains_only_the_labels_that_the_release_uses(tmp_path: Path) -> None:
    rows = [cell("unemployment_rate", 21.9, 1.9, reliability="weakly-reliable")]
    page = site_files(read_release(write_release(tmp_path, rows)))["en/method.html"].decode()
    assert page.count("look at the interval before the figure") == 1
    assert "The error is small beside the figure." not in page
