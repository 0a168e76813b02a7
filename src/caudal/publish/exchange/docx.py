"""Documents that a word processor opens right at the first click: headings, paragraphs and tables, no more.

Tables are made for readers who hear them and for those who print them: the first row is a header that every
page repeats, no row is cut by the end of a page, a table has its caption as a paragraph and as its
alternative text, and the language of the document is set, so that it is spelt and spoken right. Text is
text: a document holds no field, no link, no macro. The same blocks, the same bytes.

Reference: ECMA-376 part 1, WordprocessingML; part 2, Open Packaging Conventions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from caudal.publish.exchange.archive import archive
from caudal.publish.exchange.sdmx_ml import clean

_MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
#: A4 and its margins, in twentieths of a point.
_SHORT, _LONG, _MARGIN = 11906, 16838, 1134
#: More columns than this need the page on its side.
_UPRIGHT = 6


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 (the title) or 2."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; a ``small`` one is a note, a ``strong`` one a warning."""

    text: str
    small: bool = False
    strong: bool = False


@dataclass(frozen=True)
class Grid:
    """A table: its caption, its heads, rows of as many texts; the first ``labels`` columns say of whom."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int


Block = Heading | Paragraph | Grid


def document(title: str, language: str, author: str, footer: str, blocks: Sequence[Block]) -> bytes:
    """The bytes of a document in ``language``, with ``footer`` and the number of the page on every page."""
    wide = any(isinstance(b, Grid) and len(b.heads) > _UPRIGHT for b in blocks)
    width, height = (_LONG, _SHORT) if wide else (_SHORT, _LONG)
    room = width - 2 * _MARGIN
    body = "".join(x for b in blocks for x in _block(b, room))
    side = ' w:orient="landscape"' if wide else ""
    section = (
        '<w:sectPr><w:footerReference w:type="default" r:id="rId3"/>'
        f'<w:pgSz w:w="{width}" w:h="{height}"{side}/>'
        f'<w:pgMar w:top="{_MARGIN}" w:right="{_MARGIN}" w:bottom="{_MARGIN}" w:left="{_MARGIN}" '
        'w:header="567" w:footer="567" w:gutter="0"/></w:sectPr>'
    )
    spaces = f'xmlns:w="{_MAIN}" xmlns:r="{_DOCUMENT}"'
    return archive(
        {
            **_frame(title, language, author),
            "word/document.xml": f"{_HEAD}<w:document {spaces}><w:body>{body}{section}</w:body></w:document>",
            "word/footer1.xml": f"{_HEAD}<w:ftr {spaces}>{_footer(footer)}</w:ftr>",
        }
    )


def _block(block: Block, room: int) -> Iterator[str]:
    if isinstance(block, Heading):
        yield _paragraph(block.text, f"Heading{block.level}")
    elif isinstance(block, Paragraph):
        yield _paragraph(block.text, "Warning" if block.strong else "Note" if block.small else "")
    else:
        yield _paragraph(block.caption, "Caption")
        yield _table(block, room)
        yield _paragraph("", "Note")  # two tables that touch become one


def _paragraph(text: str, style: str = "", aligned: str = "") -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    placed = f'<w:jc w:val="{aligned}"/>' if aligned else ""
    properties = f"<w:pPr>{named}{placed}</w:pPr>" if named or placed else ""
    run = f'<w:r><w:t xml:space="preserve">{clean(text)}</w:t></w:r>' if text else ""
    return f"<w:p>{properties}{run}</w:p>"


def _table(grid: Grid, room: int) -> str:
    widths = _widths(grid, room)
    columns = "".join(f'<w:gridCol w:w="{w}"/>' for w in widths)
    name = clean(grid.caption).replace('"', "&quot;")
    properties = (
        '<w:tblPr><w:tblStyle w:val="Figures"/><w:tblW w:w="5000" w:type="pct"/>'
        '<w:tblLook w:val="00A0" w:firstRow="1" w:lastRow="0" w:firstColumn="1" w:lastColumn="0" '
        f'w:noHBand="1" w:noVBand="1"/><w:tblCaption w:val="{name}"/>'
        f'<w:tblDescription w:val="{name}"/></w:tblPr>'
    )
    rows = "".join(_row(r, grid.labels, widths) for r in grid.rows)
    heads = _row(grid.heads, grid.labels, widths, head=True)
    return f"<w:tbl>{properties}<w:tblGrid>{columns}</w:tblGrid>{heads}{rows}</w:tbl>"


def _widths(grid: Grid, room: int) -> list[int]:
    """Widths of the columns in the room that there is, by the longest text of each, none starved."""
    longest = [max(len(row[n]) for row in (grid.heads, *grid.rows)) for n in range(len(grid.heads))]
    weights = [min(max(w, 8), 40) for w in longest]
    return [room * w // sum(weights) for w in weights]


def _row(texts: tuple[str, ...], labels: int, widths: Sequence[int], *, head: bool = False) -> str:
    cells = []
    for n, (text, width) in enumerate(zip(texts, widths, strict=True)):
        style = "TableHead" if head else "TableText"
        aligned = "end" if labels <= n < labels + 2 else ""
        cell = _paragraph(text, style, aligned)
        cells.append(f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>{cell}</w:tc>')
    repeated = "<w:tblHeader/>" if head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{''.join(cells)}</w:tr>"


def _footer(text: str) -> str:
    number = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    words = f'<w:r><w:t xml:space="preserve">{clean(text)} · </w:t></w:r>'
    return f'<w:p><w:pPr><w:pStyle w:val="Note"/></w:pPr>{words}{number}</w:p>'


def _frame(title: str, language: str, author: str) -> dict[str, str]:
    """The parts of a document that do not depend on its blocks."""
    core = (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{clean(title)}</dc:title><dc:creator>{clean(author)}</dc:creator>"
        f"<dc:language>{clean(language)}</dc:language></cp:coreProperties>"
    )
    settings = (
        f'{_HEAD}<w:settings xmlns:w="{_MAIN}"><w:compat><w:compatSetting w:name="compatibilityMode" '
        'w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat>'
        f'<w:themeFontLang w:val="{clean(language)}"/></w:settings>'
    )
    own = ("document.main", "styles", "settings", "footer")
    parts = ("document", "styles", "settings", "footer1")
    over = "".join(
        f'<Override PartName="/word/{p}.xml" ContentType="{_TYPE}.{k}+xml"/>'
        for p, k in zip(parts, own, strict=True)
    )
    return {
        "[Content_Types].xml": (
            f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{over}<Override PartName='
            '"/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
            "</Types>"
        ),
        "_rels/.rels": (
            f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_DOCUMENT}/officeDocument" Target="word/document.xml"/>'
            f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/></Relationships>'
        ),
        "word/_rels/document.xml.rels": (
            f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_DOCUMENT}/styles" Target="styles.xml"/>'
            f'<Relationship Id="rId2" Type="{_DOCUMENT}/settings" Target="settings.xml"/>'
            f'<Relationship Id="rId3" Type="{_DOCUMENT}/footer" Target="footer1.xml"/></Relationships>'
        ),
        "docProps/core.xml": core,
        "word/settings.xml": settings,
        "word/styles.xml": _styles(language),
    }


_INK, _SOFT = '<w:color w:val="1D2A33"/>', '<w:color w:val="51616B"/>'
_NEXT, _CLOSE = "<w:keepNext/>", '<w:spacing w:before="20" w:after="20"/>'
#: Identifier, name, properties of the paragraph and of its text; headings stay with what follows.
_PARAGRAPHS = (
    ("Heading1", "heading 1", f'{_NEXT}<w:spacing w:after="120"/><w:outlineLvl w:val="0"/>',
     '<w:b/><w:sz w:val="36"/>'),
    ("Heading2", "heading 2", f'{_NEXT}<w:spacing w:before="320" w:after="80"/><w:outlineLvl w:val="1"/>',
     '<w:b/><w:sz w:val="28"/>'),
    ("Caption", "caption", f'{_NEXT}<w:spacing w:before="200" w:after="60"/>', "<w:b/>"),
    ("Note", "Note", '<w:spacing w:after="60"/>', f'{_SOFT}<w:sz w:val="17"/>'),
    ("Warning", "Warning", '<w:spacing w:after="60"/>', '<w:b/><w:color w:val="7A3B12"/>'),
    ("TableHead", "Table head", f"{_NEXT}{_CLOSE}", f'<w:b/>{_SOFT}<w:sz w:val="18"/>'),
    ("TableText", "Table text", _CLOSE, '<w:sz w:val="18"/>'),
)  # fmt: skip


def _styles(language: str) -> str:
    """The styles: plain text in ``language``, headings, the caption, notes and warnings, the table."""
    paragraphs = "".join(
        f'<w:style w:type="paragraph" w:styleId="{ident}"><w:name w:val="{name}"/><w:basedOn w:val="Normal"/>'
        f"<w:qFormat/><w:pPr>{paragraph}</w:pPr><w:rPr>{run}</w:rPr></w:style>"
        for ident, name, paragraph, run in _PARAGRAPHS
    )
    line = '<w:{} w:val="single" w:sz="4" w:space="0" w:color="D5DCDF"/>'
    borders = "".join(line.format(side) for side in ("top", "bottom", "insideH"))
    return (
        f'{_HEAD}<w:styles xmlns:w="{_MAIN}"><w:docDefaults><w:rPrDefault><w:rPr>'
        f'<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:cs="Calibri"/>{_INK}<w:sz w:val="21"/>'
        f'<w:lang w:val="{clean(language)}"/></w:rPr></w:rPrDefault>'
        '<w:pPrDefault><w:pPr><w:spacing w:after="120"/></w:pPr></w:pPrDefault></w:docDefaults>'
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/>'
        f"</w:style>{paragraphs}"
        '<w:style w:type="table" w:styleId="Figures"><w:name w:val="Figures"/><w:tblPr>'
        f'<w:tblBorders>{borders}</w:tblBorders><w:tblCellMar><w:left w:w="70" w:type="dxa"/>'
        '<w:right w:w="70" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style></w:styles>'
    )
