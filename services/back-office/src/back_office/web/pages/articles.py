"""Sales > Articles: the list with its search, the card, the export."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from back_office.clients.articles import Article
from back_office.clients.transport import Refused, Stale
from back_office.web import lists
from back_office.web.components.addresses import with_query
from back_office.web.components.form import Form
from back_office.web.components.message import Link, done
from back_office.web.components.table import Cell, Column, Empty, Kind, Row, Table, reads
from back_office.web.pages import article_form
from back_office.web.pages.article_form import address_of
from back_office.web.pages.downloads import streamed
from back_office.web.pages.staleness import told_changed
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)
FILTERS = ("q",)
EXPORTS = ("csv", "xlsx")


@router.get("/articles")
async def find(visit: SignedIn) -> Response:
    """The list with its search."""
    t = visit.t
    query = reads(visit.query, FILTERS)
    page = await visit.clients.articles.find(**query, cursor=lists.cursor_of(visit), limit=lists.PAGE_SIZE)
    may = visit.may("edit_article")
    table = Table(
        id="articles",
        caption=t("articles.caption"),
        path="/articles",
        columns=(
            Column("number", t("article.number"), Kind.SHORT),
            Column("name", t("sale_line.name"), Kind.MAIN),
            Column("vbn_code", t("sale_line.vbn_code")),
            Column("packing_code", t("sale_line.packing_code")),
            Column("packing_price", t("sale_line.packing_price"), Kind.NUMBER),
            Column("pieces", t("sale_line.pieces_per_unit"), Kind.NUMBER),
            Column("country", t("sale_line.country_of_origin")),
        ),
        rows=tuple(_row(article, visit) for article in page.items),
        empty=Empty(
            t("articles.none"),
            t("articles.none_why"),
            Link(t("article_import.title"), "/articles/import") if may else None,
        ),
        query=query,
        search_label=t("articles.search"),
        next=page.next,
        keeps_filters=True,
    )
    links = [
        Link(t(f"articles.export_{suffix}"), with_query(f"/articles.{suffix}", query)) for suffix in EXPORTS
    ]
    if may:
        links = [
            Link(t("articles.add"), "/articles/new"),
            Link(t("articles.import"), "/articles/import"),
            *links,
        ]
    title, lead = t("articles.title"), t("articles.lead")
    return await lists.answer(visit, table, title=title, lead=lead, links=links, primary_first=may)


@router.get("/articles.{suffix}")
async def export(suffix: str, visit: SignedIn) -> Response:
    """The articles of the search as a file, all pages of it."""
    chosen = suffix if suffix in EXPORTS else EXPORTS[0]
    wanted = reads(visit.query, FILTERS) | {"language": visit.language}
    return await streamed(visit.clients.articles.export(chosen, **wanted), f"articles.{chosen}")


@router.get("/articles/new")
async def new(visit: SignedIn) -> Response:
    """A blank card."""
    return await _page(visit, None, _form(visit, None, ""))


@router.post("/articles/new")
async def add(visit: SignedIn) -> Response:
    """Add the article; what is refused comes back with everything that was typed."""
    typed = await visit.form()
    wanted = article_form.to_article(None, typed)
    try:
        added = await visit.clients.articles.add(wanted, typed.get("_once", ""))
    except Refused as refused:
        return await _refused(visit, None, _form(visit, None, "").with_values(typed), refused, wanted)
    await visit.say(done(visit.t("article.added", name=added.name)))
    return visit.go(address_of(added.number))


@router.get("/articles/number/{number}")
async def card(number: str, visit: SignedIn) -> Response:
    """The card of an article."""
    answer = await visit.clients.articles.one(number)
    return await _page(visit, answer.value, _form(visit, answer.value, answer.revision))


@router.post("/articles/number/{number}")
async def save(number: str, visit: SignedIn) -> Response:
    """Save the card on the revision it was read at."""
    typed = await visit.form()
    current = (await visit.clients.articles.one(number)).value
    form = _form(visit, current, typed.get("_revision", "")).with_values(typed)
    wanted = article_form.to_article(current, typed)
    try:
        saved = await visit.clients.articles.change(number, wanted, typed.get("_revision", ""))
    except Stale:
        return await _page(visit, current, told_changed(form, visit, address_of(number)), 409)
    except Refused as refused:
        return await _refused(visit, current, form, refused, wanted)
    await visit.say(done(visit.t("article.saved", name=saved.name)))
    return visit.go(address_of(number))


async def _refused(
    visit: Visit, article: Article | None, form: Form, refused: Refused, sent: dict[str, Any]
) -> Response:
    if not refused.problem.errors:
        raise refused
    marked = form.refused(article_form.renamed(refused.problem, sent), visit.t("form.not_saved"))
    return await _page(visit, article, marked, 422)


def _form(visit: Visit, article: Article | None, revision: str) -> Form:
    read_only = not visit.may("edit_article")
    return article_form.form(article, visit.t, visit.formats, revision=revision, read_only=read_only)


async def _page(visit: Visit, article: Article | None, form: Form, status: int = 200) -> Response:
    return await visit.page("pages/article.html", status=status, article=article, form=form)


def _row(article: Article, visit: Visit) -> Row:
    price, pieces = article.packing_price, article.pieces_per_unit
    return Row(
        id=article.number,
        name=article.name,
        cells=(
            Cell(article.number, address_of(article.number)),
            Cell(article.name, address_of(article.number)),
            Cell(article.vbn_code),
            Cell(article.packing_code),
            Cell("" if price is None else visit.formats.typed(price)),
            Cell("" if pieces is None else visit.formats.number(pieces)),
            Cell(article.country_of_origin),
        ),
    )
