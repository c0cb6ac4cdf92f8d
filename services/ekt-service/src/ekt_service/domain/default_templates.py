"""The mails that a new installation sends, one for each language that is offered, and how it writes a day."""

from datetime import date

from ekt_service.domain.templates import MailTemplate

_DAYS = {"de": "%d.%m.%Y", "fr": "%d/%m/%Y", "sv": "%Y-%m-%d"}


def written_day(day: date, language: str) -> str:
    """An order day as a mail of that language writes it, in figures."""
    return day.strftime(_DAYS.get(language, "%d-%m-%Y"))


def _template(
    subject: str, greeting: str, attached: str, replaces: str, arrived: str, end: str
) -> MailTemplate:
    text = (
        f"{greeting} {{{{ debtor_name }}}},\n\n{attached}\n"
        f"{{% if resend %}}{replaces}\n{{% endif %}}"
        f"{{% if confirm_url %}}\n{arrived}\n{{{{ confirm_url }}}}\n{{% endif %}}\n{end}\n{{{{ sender_name }}}}\n"
    )
    return MailTemplate(subject=subject, text=text)


DEFAULT_TEMPLATES = {
    "nl": _template(
        "EKT {{ order_day }} - {{ sender_name }}",
        "Geachte",
        'Bijgaand uw EKT van {{ order_day }} ({{ lines }} {{ "regel" if lines == 1 else "regels" }}).',
        "Dit bestand vervangt wat wij u eerder over deze dag stuurden.",
        "Is het aangekomen en ingelezen? Laat het ons met één klik weten:",
        "Met vriendelijke groet,",
    ),
    "en": _template(
        "EKT {{ order_day }} - {{ sender_name }}",
        "Dear",
        'Attached is your EKT of {{ order_day }} ({{ lines }} {{ "line" if lines == 1 else "lines" }}).',
        "It replaces what we sent you earlier for this day.",
        "Has it arrived and been imported? Please tell us with one click:",
        "Kind regards,",
    ),
    "fr": _template(
        "EKT {{ order_day }} - {{ sender_name }}",
        "Bonjour",
        'Vous trouverez ci-joint votre EKT du {{ order_day }} ({{ lines }} {{ "ligne" if lines == 1 else "lignes" }}).',
        "Ce fichier remplace ce que nous vous avons envoyé auparavant pour cette journée.",
        "Est-il bien arrivé et importé ? Dites-le-nous en un clic :",
        "Cordialement,",
    ),
    "sv": _template(
        "EKT {{ order_day }} - {{ sender_name }}",
        "Hej",
        'Bifogat finns er EKT för {{ order_day }} ({{ lines }} {{ "rad" if lines == 1 else "rader" }}).',
        "Filen ersätter det som vi tidigare skickade för den här dagen.",
        "Har den kommit fram och lästs in? Tala om det för oss med ett klick:",
        "Med vänlig hälsning,",
    ),
    "de": _template(
        "EKT {{ order_day }} - {{ sender_name }}",
        "Guten Tag",
        'anbei Ihre EKT vom {{ order_day }} ({{ lines }} {{ "Zeile" if lines == 1 else "Zeilen" }}).',
        "Diese Datei ersetzt, was wir Ihnen früher für diesen Tag gesandt haben.",
        "Ist sie angekommen und eingelesen? Sagen Sie es uns mit einem Klick:",
        "Mit freundlichen Grüßen",
    ),
}
"""By language, in the order they are offered."""
