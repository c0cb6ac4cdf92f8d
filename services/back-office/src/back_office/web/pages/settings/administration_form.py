"""An administration as a form, and what was typed as its settings again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from back_office.clients.accounting import Administration, OwnNumbers
from back_office.clients.transport import FieldProblem, Problem
from back_office.domain.roles import Action
from back_office.texts.catalogue import Translator
from back_office.web.components.addresses import segment
from back_office.web.components.form import Control, Field, Form, Section
from back_office.web.components.table import Option
from back_office.web.pages.debtor.codes import VAT_REGIMES, countries, currencies, named
from back_office.web.visit import Visit

TARGETS = ("exact-xml", "exact-direct", "king-xml", "moneybird", "csv")
CODES = {"currencies": currencies, "countries": countries}
TABLES = ("payment_terms", "vat_regimes", "currencies", "languages", "countries")
KINDS = ("debtors", "creditors")
SPARE_ROWS = 2
MOST_ROWS = 400
EXACT = ("base_url", "division", "client_id", "client_secret", "refresh_token")
MONEYBIRD = ("administration_id", "token")
CREDENTIALS = (*EXACT, *MONEYBIRD)
KEY_MARKS = ("key", "[key]")
SECRET = ("client_secret", "refresh_token", "token")


def of(current: Administration | None, visit: Visit, revision: str) -> Form:
    """The form of an administration, or of a new one."""
    t = visit.t
    one = current or Administration(code="")
    base = "/settings/administrations"
    return Form(
        action=f"{base}/{segment(one.code)}" if current else f"{base}/new",
        submit=t("form.save"),
        revision=revision,
        cancel=base,
        read_only=not visit.may(Action.SET_ADMINISTRATIONS),
        sections=(
            _main(one, t, new=current is None),
            _ranges(one, t),
            *(_mapping(name, getattr(one.mappings, name), t) for name in TABLES),
            *_access(one, t),
        ),
    )


def _main(one: Administration, t: Translator, *, new: bool) -> Section:
    area = "settings.administrations"
    targets = tuple(Option(target, t(f"{area}.target_{target}")) for target in TARGETS)
    identity = (
        (
            Field("code", t(f"{area}.code"), required=True, help=t(f"{area}.code_form")),
            Field("source_administration", t(f"{area}.source"), help=t(f"{area}.source_help")),
        )
        if new
        else ()
    )
    return Section(
        t(f"{area}.section_main"),
        (
            *identity,
            Field("name", t(f"{area}.name"), one.name, required=True),
            Field("target", t(f"{area}.target"), one.target, Control.SELECT, targets),
            Field("folder", t(f"{area}.folder"), one.folder, help=t(f"{area}.folder_help"), wide=True),
        ),
    )


def _ranges(one: Administration, t: Translator) -> Section:
    area = "settings.administrations"

    def pair(kind: str, known: OwnNumbers | None) -> tuple[Field, Field]:
        words = t(f"accounting.tab_{kind}")
        first, last = (str(known.first), str(known.last)) if known else ("", "")
        base = f"ranges.{kind}"
        return (
            Field(f"{base}.first", f"{words}: {t('settings.administrations.first')}", first, Control.NUMBER),
            Field(f"{base}.last", f"{words}: {t('settings.administrations.last')}", last, Control.NUMBER),
        )

    return Section(
        t(f"{area}.ranges"),
        tuple(field for kind in KINDS for field in pair(kind, getattr(one.ranges, kind))),
        help=t(f"{area}.ranges_help"),
        name="ranges",
        pairs=True,
    )


def _mapping(name: str, table: Mapping[str, str], t: Translator) -> Section:
    """A mapping table: a row for each value, and some spare ones; an emptied row is taken out."""
    area = "settings.administrations"
    ours, theirs = t(f"{area}.{name}_ours"), t(f"{area}.theirs")
    rows = [*sorted(table.items(), key=_in_order), *(("", "") for _ in range(SPARE_ROWS))]
    fields = tuple(
        field
        for index, (key, code) in enumerate(rows)
        for field in (
            _ours(f"mappings.{name}.{index}.ours", f"{ours} {index + 1}", key, name, t),
            Field(f"mappings.{name}.{index}.theirs", f"{theirs} {index + 1}", code, bare=True),
        )
    )
    return Section(
        t(f"{area}.{name}"),
        fields,
        help=t(f"{area}.{name}_help"),
        name=f"mappings.{name}",
        pairs=True,
        headings=(ours, theirs),
    )


def _ours(name: str, label: str, value: str, table: str, t: Translator) -> Field:
    """Our side of a row: chosen where the cards choose from a list as well, so that nobody has to know the codes."""
    if table == "vat_regimes":
        choices = named(VAT_REGIMES, "debtor.vat_regime_", t, value)
    elif table in CODES:
        choices = CODES[table](t, value)
    else:
        return Field(name, label, value, bare=True)
    return Field(name, label, value, Control.SELECT, (Option("", ""), *choices), bare=True)


def _in_order(pair: tuple[str, str]) -> tuple[int, str]:
    """Numbers by their value, before words."""
    key = pair[0]
    return (int(key), "") if key.isdecimal() else (10**9, key)


def _access(one: Administration, t: Translator) -> tuple[Section, ...]:
    """What opens the way to the accounting system; of a new administration every way can be chosen yet."""
    area = "settings.administrations"
    exact = _credentials(one, t, t(f"{area}.credentials"), EXACT, "credentials")
    moneybird = _credentials(one, t, t(f"{area}.moneybird"), MONEYBIRD, "credentials.moneybird")
    if one.connection.has_credentials:
        return (moneybird,) if one.target == "moneybird" else (exact,)
    return (exact, moneybird)


def _credentials(
    one: Administration, t: Translator, title: str, names: tuple[str, ...], section: str
) -> Section:
    area = "settings.administrations"
    kept = one.connection.has_credentials

    def field(name: str) -> Field:
        control = Control.UNSEEN if name in SECRET else Control.TEXT
        control = Control.NUMBER if name == "division" else control
        words = t.either(f"{area}.{name}_help", "")
        autocomplete = "new-password" if name in SECRET else "off"
        return Field(
            f"credentials.{name}", t(f"{area}.{name}"), "", control, help=words, autocomplete=autocomplete
        )

    return Section(
        title,
        tuple(field(name) for name in names),
        help=t(f"{area}.credentials_{'kept' if kept else 'none'}"),
        name=section,
    )


def to_body(current: Administration | None, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed as the service takes it; credentials go along only where some were typed."""
    source = current.source_administration if current else typed.get("source_administration", "").strip()
    body: dict[str, Any] = {
        "name": typed.get("name", "").strip(),
        "target": typed.get("target", ""),
        "source_administration": source or None,
        "folder": typed.get("folder", "").strip() or None,
        "ranges": {kind: _range(kind, typed) for kind in KINDS},
        "mappings": {name: {ours: theirs for _, ours, theirs in _rows(name, typed)} for name in TABLES},
    }
    given = {name: typed.get(f"credentials.{name}", "").strip() for name in CREDENTIALS}
    if any(given.values()):
        body["credentials"] = {name: value for name, value in given.items() if value}
    return body


def _range(kind: str, typed: Mapping[str, str]) -> dict[str, str] | None:
    pair = {end: typed.get(f"ranges.{kind}.{end}", "").strip() for end in ("first", "last")}
    return pair if any(pair.values()) else None


def _rows(name: str, typed: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """The rows of a mapping table that hold something, with their place in the form."""
    found = []
    for index in range(MOST_ROWS):
        base = f"mappings.{name}.{index}"
        if f"{base}.ours" not in typed:
            break
        ours, theirs = typed[f"{base}.ours"].strip(), typed.get(f"{base}.theirs", "").strip()
        if ours or theirs:
            found.append((index, ours, theirs))
    return found


def faults(typed: Mapping[str, str], t: Translator) -> Problem | None:
    """What the service can't see, because tables are sent by their values: a row without one, or one twice."""
    found = []
    for name in TABLES:
        seen = set()
        for index, ours, _ in _rows(name, typed):
            if not ours or ours in seen:
                words = t("settings.administrations.twice" if ours else "invalid.missing")
                found.append(FieldProblem(field=f"mappings.{name}.{index}.ours", message=words))
            seen.add(ours)
    return Problem(errors=tuple(found)) if found else None


def renaming(typed: Mapping[str, str]) -> Callable[[str], str]:
    """Names of fields of the form for those of the service, which knows mapping tables by their values."""
    places = {(name, ours): index for name in TABLES for index, ours, _ in _rows(name, typed)}

    def rename(name: str) -> str:
        parts = name.split(".")
        if parts[0] == "mappings" and len(parts) > 2:
            table, key = parts[1], ".".join(part for part in parts[2:] if part not in KEY_MARKS)
            index = places.get((table, key))
            end = "ours" if parts[-1] in KEY_MARKS else "theirs"
            return f"mappings.{table}.{index}.{end}" if index is not None else f"mappings.{table}"
        if parts[0] == "ranges" and len(parts) == 2:
            return f"{name}.first"
        return name

    return rename


def no_code(t: Translator, *, taken: bool) -> Problem:
    """The problem of a new administration without a code of its own."""
    words = t("settings.administrations.code_taken") if taken else t("invalid.missing")
    return Problem(errors=(FieldProblem(field="code", message=words),))
