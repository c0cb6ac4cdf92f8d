"""The form: labelled fields, errors beside them, the revision it was read at, a guard for unsaved changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import uuid4

from back_office.clients.transport import Problem
from back_office.web.components.message import Item, Link, Message, Weight
from back_office.web.components.table import Option


class Control(StrEnum):
    """What a field is filled in with."""

    TEXT = "text"
    EMAIL = "email"
    TEL = "tel"
    NUMBER = "number"
    DATE = "date"
    AREA = "textarea"
    SELECT = "select"
    TICK = "checkbox"
    UNSEEN = "password"


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: as the service names it, with dots into parts: ``addresses.0.city``.
        value: what stands in it; for a tick box ``on`` or empty.
        help: a sentence under it.
        error: what is wrong with it and the cure.
        wide: takes the whole width.
        rows: height of a text area.
        bare: its label is for screen readers only; headings of the section say it to the others.
    """

    name: str
    label: str
    value: str = ""
    control: Control = Control.TEXT
    options: tuple[Option, ...] = ()
    help: str = ""
    error: str = ""
    required: bool = False
    autocomplete: str = "off"
    wide: bool = False
    rows: int = 3
    bare: bool = False

    @property
    def id(self) -> str:
        """Id of the element."""
        return "f-" + self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together.

    Attributes:
        name: as the service names them together; an error about it stands under the title.
        pairs: the fields stand two by two, one pair in a row.
        headings: over such pairs, where the labels are bare.
        more: stands behind the button "More options", where the page has one.
    """

    title: str
    fields: tuple[Field, ...]
    help: str = ""
    name: str = ""
    error: str = ""
    pairs: bool = False
    headings: tuple[str, ...] = ()
    more: bool = False

    @property
    def id(self) -> str:
        """Id of the element."""
        return "s-" + self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class Submit:
    """A further button of a form, that sends what was typed to another address.

    Attributes:
        primary: it is the main one, in place of saving.
    """

    label: str
    action: str
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A form.

    Attributes:
        action: where it posts to.
        submit: label of the button.
        revision: the revision that was read; sent back as If-Match.
        once: key that keeps a double click from counting twice.
        cancel: where to go without saving.
        read_only: shows the values but offers no saving.
        also: further buttons.
        dirty: what it holds was typed and is not saved.
    """

    action: str
    sections: tuple[Section, ...]
    submit: str
    revision: str = ""
    once: str = ""
    cancel: str = ""
    read_only: bool = False
    message: Message | None = None
    also: tuple[Submit, ...] = ()
    dirty: bool = False

    @property
    def saving_is_primary(self) -> bool:
        """Whether saving is the main button."""
        return not any(button.primary for button in self.also)

    @property
    def more_wrong(self) -> bool:
        """Whether something behind "More options" is wrong, so that it has to be open."""
        return any(
            section.error or any(field.error for field in section.fields)
            for section in self.sections
            if section.more
        )

    def with_values(self, values: Mapping[str, str]) -> Form:
        """The same form with what the user had typed; secrets have to be typed again."""

        def typed(field: Field) -> Field:
            secret = field.control is Control.UNSEEN
            return replace(field, value="" if secret else values.get(field.name, ""))

        return self._each(typed)

    def filled(self, values: Mapping[str, str]) -> Form:
        """The same form with some fields filled in."""
        return self._each(lambda field: replace(field, value=values.get(field.name, field.value)))

    def refused(self, problem: Problem, title: str) -> Form:
        """The same form with the service's errors beside their fields, the others listed above it."""
        by_name: dict[str, str] = {}
        for error in problem.errors:
            words = " ".join(part for part in (error.message, error.cure) if part)
            by_name.setdefault(field_name(error.field), words)
        known = {field.name for section in self.sections for field in section.fields}
        known |= {section.name for section in self.sections if section.name}
        together = [
            Item(by_name[section.name], Link(section.title, f"#{section.id}"))
            for section in self.sections
            if section.name in by_name and section.name
        ]
        fields = [
            Item(by_name[field.name], Link(field.label, f"#{field.id}"))
            for section in self.sections
            for field in section.fields
            if field.name in by_name
        ]
        elsewhere = [
            Item(f"{name}: {text}" if name else text) for name, text in by_name.items() if name not in known
        ]
        message = Message(Weight.ERROR, title, problem.detail, tuple(together + fields + elsewhere))
        marked = self._each(lambda field: replace(field, error=by_name.get(field.name, "")))
        sections = tuple(
            replace(section, error=by_name.get(section.name, "") if section.name else "")
            for section in marked.sections
        )
        return replace(marked, sections=sections, message=message)

    def _each(self, change: Callable[[Field], Field]) -> Form:
        return replace(
            self,
            sections=tuple(
                replace(section, fields=tuple(change(field) for field in section.fields))
                for section in self.sections
            ),
        )


def field_name(raw: str) -> str:
    """Name of a field as forms write it, from ``addresses[0].city`` or ``/addresses/0/city``."""
    name = raw.replace("[", ".").replace("]", "").replace("/", ".").strip(".")
    return name.removeprefix("body.")


def new_once() -> str:
    """A fresh key for one submission."""
    return uuid4().hex
