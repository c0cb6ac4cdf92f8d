"""What is a sentence of a service and what is not: where reading the source alone can't tell.

A new string that a page never shows is best kept out by its place: a module here, or the call that it is handed to.
"""

from __future__ import annotations

NOT_SAID = {
    # Words of documents and letters to customers, in the customer's own language.
    "dispatch_service/pdf/",
    "dispatch_service/channels/letters.py",
    "dispatch_service/domain/digest.py",
    "dispatch_service/ubl/document.py",
    "dispatch_service/ubl/parties.py",
    "ekt_service/domain/default_templates.py",
    "ekt_service/domain/mime.py",
    # Headings of files, and the words that are understood in them.
    "debtor_service/importing/headings.py",
    "debtor_service/domain/layout/names.py",
    "sales_service/domain/sale_columns.py",
    "sales_service/domain/file_columns.py",
    # Told by code, with words in the catalogues (decision 0015).
    "ekt_service/edifact/findings.py",
    "ekt_service/edifact/meanings.py",
    "ekt_service/edifact/explain.py",
    "ekt_service/domain/templates.py",
    "sales_service/domain/characteristics.py",
    # For the log, the terminal or whoever sets the service up.
    "ekt_service/edifact/writer.py",
    "ekt_service/edifact/clockt.py",
    "ekt_service/validate_command.py",
    *(f"{one}/settings.py" for one in ("accounting_sync", "debtor_service", "dispatch_service")),
    *(f"{one}/settings.py" for one in ("ekt_service", "sales_service", "klokwerk")),
    "/migrations/",
    "klokwerk/application.py",
    "klokwerk/clock.py",
    "klokwerk/command.py",
    "klokwerk/consume.py",
    "klokwerk/received.py",
    "klokwerk/database.py",
    "klokwerk/kafka.py",
    "klokwerk/outbox.py",
    "klokwerk/sealing.py",
    "klokwerk/telemetry.py",
    "klokwerk/testing.py",
}
"""Modules whose texts reach no page as a sentence of the service."""

SILENT_CALLS = {
    *("text", "_sql", "advisory_key", "compile", "match", "search", "sub", "execute", "fetchval"),
    *("Counter", "Gauge", "Histogram", "Query", "Path", "Field", "Header", "Body", "APIRouter", "TypeError"),
    *("info", "warning", "error", "debug", "exception", "add_argument", "ArgumentParser", "AssertionError"),
    *("RuntimeError", "ConnectionError", "LookupError", "Column", "get_logger", "quote", "removeprefix"),
    *("FileColumn", "characteristic_columns", "MailFields"),
}
"""Calls whose strings are for machines, logs and the API's description."""
SILENT_NAMES = {"description", "summary", "examples", "media_type", "also", "pattern", "responses", "headers"}
"""Arguments of the same kind."""

SILENT_TABLES = {"_REASONS"}
"""Names of tables whose texts stand on documents, in the customer's language."""
UNSAID = {
    "Gegeven bestaat reeds",  # what Exact Online says, which is looked for
    "a relation without a number must not leave (D-05)",  # guards against mistakes of the program
    "failures counts from 1, got {failures}",
    "česká republika",  # a country's name as VIES may write it
}
"""Texts that look like sentences and never reach a page."""
DECLARED = (
    "Contact {ekt_contact}.",
    "your administrator or Klokwerk support",
    "Folder {label}: {strerror}.",
    "Invoice {number}: {action}",
    "currency {currency}",
    "folder {recipient}",
    "missing",
    "was {old}",
    "{where}, city",
)
"""Sentences with a single word of their own or from a setting, which can't be told from others by reading."""
REWRITTEN: dict[str, tuple[str, ...]] = {
    # Who answered is put before what was answered.
    "The mail server": ("The mail server answered: {code} {text}",),
    "For {recipient} the mail server": ("For {recipient} the mail server answered: {code} {text}",),
    "After the mail itself the server": ("After the mail itself the server answered: {code} {text}",),
    # Said of a value, which is put before it.
    "is none of the choices": ("{value} is none of the choices",),
    "is neither yes nor no": ("{value} is neither yes nor no",),
    "is no date": ("{value} is no date",),
    "is no number": ("{value} is no number",),
    "is no number of at most 15 digits and 6 decimals": (
        "{value} is no number of at most 15 digits and 6 decimals",
    ),
    "holds a line break or a control character": ("{value} holds a line break or a control character",),
    "is too long": ("{value} is too long",),
    # Followed by other sentences, or by nothing.
    "E-mail is left out: customers that can't get an e-invoice will be ignored": (
        "E-mail is left out: customers that can't get an e-invoice will be ignored.",
        "E-mail is left out: customers that can't get an e-invoice will be ignored, although print is selected.",
    ),
    ", although print is selected.": (),
    "The next channel in line, {name}, is not selected in the settings for automatic dispatch.{after}{unjumped} "
    "Send the invoice by hand.": (
        "The next channel in line, {name}, is not selected in the settings for automatic dispatch.",
        "Send the invoice by hand.",
    ),
    "card {debtor_id} was merged into {merged_into} itself.{circle}": (
        "card {debtor_id} was merged into {merged_into} itself.",
    ),
    "It came back from {whence}: {words}{rest} {advice}": ("It came back from {whence}: {words}",),
    "It came back, and it is not said from which address: {words} {advice}": (
        "It came back, and it is not said from which address: {words}",
    ),
    "Mailchimp does not accept the API key: {refused} Enter a new one.": (
        "Mailchimp does not accept the API key: {refused}",
        "Enter a new one.",
    ),
    # Where a value is one of two, and the sentence would be nothing but values without it.
    "no {one} number": ("no debtor number", "no creditor number"),
    "{what} of {order_day} for {whom}: {state}.": (
        "EKT of {order_day} for {whom}: {state}.",
        "Resent EKT of {order_day} for {whom}: {state}.",
    ),
    "card {debtor_id} is {state}{where}": (
        "card {debtor_id} is {state}",
        "card {debtor_id} is merged into {merged_into}",
    ),
    "{folder} is not there{more}": (
        "{folder} is not there",
        "{folder} is not there; it is made at the first export",
    ),
    "; it is made at the first export": (),
    "{what}, whatever its name says": (
        "it is {found}, whatever its name says",
        "nobody can tell what it is, whatever its name says",
    ),
    "it is {found}": (),
    "nobody can tell what it is": (),
    "{name} found that it {received}.": (
        "{name} found that it arrived.",
        "{name} found that it did not arrive.",
    ),
    "{what} {extra} issued to {name}": (
        "Invoice {extra} issued to {name}",
        "Credit note {extra} issued to {name}",
    ),
    "{words} {shown} of {files} files are there.": ("{shown} of {files} files are there.",),
    "{words} {shown} of {files} files are there; the others are tried again.": (
        "{shown} of {files} files are there; the others are tried again.",
    ),
}
"""Sentences that are put together where reading can't follow: what is read, and what is said."""
