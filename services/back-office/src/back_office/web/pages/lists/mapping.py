"""Step two of an import: which column is which field, with guesses, samples, and values for what the list lacks."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from back_office.clients.imports import Import
from back_office.clients.transport import Refused, ServiceFailure, Stale
from back_office.texts.catalogue import Translator
from back_office.web.components.message import Item, Message, Weight
from back_office.web.components.table import Option
from back_office.web.explain import explained
from back_office.web.pages.lists.imports import address_of, delimiters, encodings
from back_office.web.visit import SignedIn, Visit

router = APIRouter(include_in_schema=False)

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("who", ("name", "search_name", "first_name", "last_name", "customer_number", "party", "kinds", "category")),
    ("where", ("street", "house_number", "house_number_addition", "street_2", "postal_code", "city", "country")),
    ("reach", ("email", "phone", "mobile", "website", "language", "contact_name", "contact_email", "contact_phone")),
    ("registered", ("vat_number", "chamber_number", "vat_regime")),
    (
        "money",
        ("currency", "payment_term_days", "discount_percent", "discount_kind", "price_tier", "iban", "bic",
         "debtor_number", "creditor_number"),
    ),
    (
        "documents",
        ("email_invoice", "email_reminder", "email_quote", "email_delivery_note", "email_purchase_order", "email_ekt",
         "einvoice_scheme", "einvoice_id", "consumer_einvoice", "email_allowed", "print_allowed",
         "note_for_documents"),
    ),
)  # fmt: skip
"""Fields as people look for them; what stands in none of these groups comes last."""

CONSTANTS = 6
"""Lines for values that the list has no column for."""


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Fields under a heading."""

    label: str
    options: tuple[Option, ...]


def field_label(name: str, t: Translator, labels: dict[str, str] | None = None) -> str:
    """What a field is called; own fields by the label that the office gave them."""
    own = (labels or {}).get(name, "")
    if own:
        return own
    for prefix in ("delivery_", "postal_", "invoice_"):
        part = name.removeprefix(prefix)
        if part != name and part in ("street", "postal_code", "city", "country"):
            return t(f"imports.place_{prefix}", part=t(f"imports.field.{part}").lower())
    return t.either(f"imports.field.{name}", name)


def labels_of(each: Import) -> dict[str, str]:
    """Labels of own fields, by name."""
    return {field.name: field.label for field in each.fields if field.label}


def choices(each: Import, t: Translator) -> tuple[OptionGroup, ...]:
    """Every field that a column can be, in groups."""
    labels, known = labels_of(each), [field.name for field in each.fields]
    grouped = {name for _, names in GROUPS for name in names}
    places = [name for name in known if name.startswith(("delivery_", "postal_", "invoice_"))]
    own = [name for name in known if name in labels]
    rest = [name for name in known if name not in grouped and name not in places and name not in own]
    every = (
        *((heading, [name for name in names if name in known]) for heading, names in GROUPS),
        ("places", places),
        ("own", own),
        ("rest", rest),
    )
    return tuple(
        OptionGroup(
            t(f"imports.group_{heading}"),
            tuple(Option(name, field_label(name, t, labels)) for name in names),
        )
        for heading, names in every
        if names
    )


@router.get("/imports/{import_id}/columns")
async def columns(import_id: str, visit: SignedIn) -> Response:
    """What the columns are, as guessed or as saved."""
    answer = await visit.clients.imports.one(import_id)
    return await shown(visit, answer.value, answer.revision)


@router.post("/imports/{import_id}/columns")
async def save(import_id: str, visit: SignedIn) -> Response:
    """Save it and have every line checked."""
    typed = await visit.form()
    answer = await visit.clients.imports.one(import_id)
    each = answer.value
    fields = [typed.get(f"field.{position}", "") for position in range(len(each.columns))]
    constants = {
        name: typed.get(f"constant.{position}.value", "")
        for position in range(CONSTANTS)
        if (name := typed.get(f"constant.{position}.field", ""))
    }
    empty = "clear" if typed.get("empty_cells") == "clear" else "keep"
    try:
        saved = await visit.clients.imports.map(
            import_id, fields, constants, empty, typed.get("_revision", "")
        )
    except Stale:
        await visit.say(Message(Weight.WARNING, visit.t("trouble.stale"), visit.t("trouble.stale_cure")))
        return visit.go(address_of(each))
    except Refused as refused:
        if not refused.problem.errors:
            raise
        return await shown(
            visit, each, answer.revision, typed=typed, message=_wrong(refused, each, visit.t), status=422
        )
    return visit.go(address_of(saved))


@router.post("/imports/{import_id}/reading")
async def read_with(import_id: str, visit: SignedIn) -> Response:
    """Read the file with another encoding or delimiter."""
    typed = await visit.form()
    try:
        await visit.clients.imports.read_with(
            import_id, typed.get("encoding", ""), typed.get("delimiter", ""), typed.get("_revision", "")
        )
    except ServiceFailure as failure:
        await visit.say(explained(failure, visit.t))
    answer = await visit.clients.imports.one(import_id)
    return visit.go(f"{address_of(answer.value)}/columns")


async def shown(
    visit: Visit,
    each: Import,
    revision: str,
    *,
    typed: dict[str, str] | None = None,
    message: Message | None = None,
    status: int = 200,
) -> Response:
    """The page of step two.

    Args:
        typed: what was chosen, where the service did not take it.
    """
    t = visit.t
    chosen = [
        typed.get(f"field.{position}", "") if typed else column.field
        for position, column in enumerate(each.columns)
    ]
    given = list(each.constants.items())
    if typed:
        given = [
            (typed.get(f"constant.{p}.field", ""), typed.get(f"constant.{p}.value", ""))
            for p in range(CONSTANTS)
        ]
    constants = [*given, *[("", "")] * (CONSTANTS - len(given))][:CONSTANTS]
    left_out = sum(not field for field in chosen)
    return await visit.page(
        "pages/import_columns.html",
        status=status,
        messages=(message,) if message else (),
        each=each,
        address=address_of(each),
        revision=revision,
        may=visit.may("edit_debtor"),
        columns=tuple(zip(each.columns, chosen, strict=True)),
        groups=choices(each, t),
        constants=constants,
        empty_cells=typed.get("empty_cells", "keep") if typed else each.empty_cells,
        left_out=left_out,
        encodings=encodings(t),
        delimiters=delimiters(t),
        step=2,
    )


def _wrong(refused: Refused, each: Import, t: Translator) -> Message:
    items = []
    for error in refused.problem.errors:
        where = error.field
        if where.startswith("fields.") and where[7:].isdigit():
            position = int(where[7:])
            heading = each.columns[position].heading if position < len(each.columns) else ""
            where = heading or t("imports.column_without_name", number=position + 1)
        elif where == "fields":
            where = t("imports.columns")
        items.append(Item(f"{where}: {error.message} {error.cure}"))
    return Message(Weight.ERROR, t("imports.columns_wrong"), items=tuple(items))
