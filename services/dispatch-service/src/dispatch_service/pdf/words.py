"""Labels of the printed invoice by language; an unknown language falls back to English."""

from __future__ import annotations

from klokwerk_contracts.invoice_created import VatCategory

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "invoice": "Invoice", "credit_note": "Credit note", "number": "Number", "date": "Date",
        "due": "Due date", "delivered": "Delivered", "order_day": "Order day", "reference": "Your reference",
        "corrects": "Corrects invoice", "customer": "Customer number", "vat_number": "Your VAT number",
        "item": "Description", "quantity": "Quantity", "price": "Price", "vat": "VAT", "amount": "Amount",
        "net": "Total without VAT", "vat_on": "VAT {percent} on {taxable}", "total": "Total",
        "prepaid": "Already paid", "payable": "To pay", "to_receive": "You receive",
        "pay_to": "Please pay to {account}, stating {reference}.", "scan": "Scan to pay", "per": "per",
        "chamber": "Chamber of commerce", "page": "Page {page} of {pages}",
    },
    "nl": {
        "invoice": "Factuur", "credit_note": "Creditnota", "number": "Nummer", "date": "Datum",
        "due": "Vervaldatum", "delivered": "Geleverd", "order_day": "Orderdag", "reference": "Uw referentie",
        "corrects": "Correctie op factuur", "customer": "Debiteurnummer", "vat_number": "Uw btw-nummer",
        "item": "Omschrijving", "quantity": "Aantal", "price": "Prijs", "vat": "Btw", "amount": "Bedrag",
        "net": "Totaal excl. btw", "vat_on": "Btw {percent} over {taxable}", "total": "Totaal",
        "prepaid": "Reeds betaald", "payable": "Te betalen", "to_receive": "U ontvangt",
        "pay_to": "Gelieve te betalen op {account} onder vermelding van {reference}.",
        "scan": "Scan om te betalen", "per": "per", "chamber": "KvK", "page": "Pagina {page} van {pages}",
    },
    "sv": {
        "invoice": "Faktura", "credit_note": "Kreditfaktura", "number": "Nummer", "date": "Datum",
        "due": "Förfallodatum", "delivered": "Levererat", "order_day": "Orderdag", "reference": "Er referens",
        "corrects": "Avser faktura", "customer": "Kundnummer", "vat_number": "Ert momsnummer",
        "item": "Beskrivning", "quantity": "Antal", "price": "Pris", "vat": "Moms", "amount": "Belopp",
        "net": "Summa exkl. moms", "vat_on": "Moms {percent} på {taxable}", "total": "Summa",
        "prepaid": "Redan betalt", "payable": "Att betala", "to_receive": "Ni får",
        "pay_to": "Betala till {account} och ange {reference}.", "scan": "Skanna för att betala", "per": "per",
        "chamber": "Organisationsnummer", "page": "Sida {page} av {pages}",
    },
    "fr": {
        "invoice": "Facture", "credit_note": "Note de crédit", "number": "Numéro", "date": "Date",
        "due": "Échéance", "delivered": "Livré le", "order_day": "Jour de commande",
        "reference": "Votre référence", "corrects": "Corrige la facture", "customer": "Numéro de client",
        "vat_number": "Votre numéro de TVA", "item": "Description", "quantity": "Quantité", "price": "Prix",
        "vat": "TVA", "amount": "Montant", "net": "Total hors TVA", "vat_on": "TVA {percent} sur {taxable}",
        "total": "Total", "prepaid": "Déjà payé", "payable": "À payer", "to_receive": "Vous recevez",
        "pay_to": "À payer sur {account} avec la mention {reference}.", "scan": "Scannez pour payer",
        "per": "par", "chamber": "Numéro d'entreprise", "page": "Page {page} sur {pages}",
    },
    "de": {
        "invoice": "Rechnung", "credit_note": "Gutschrift", "number": "Nummer", "date": "Datum",
        "due": "Fällig am", "delivered": "Geliefert", "order_day": "Bestelltag", "reference": "Ihre Referenz",
        "corrects": "Korrigiert Rechnung", "customer": "Kundennummer", "vat_number": "Ihre USt-IdNr.",
        "item": "Beschreibung", "quantity": "Menge", "price": "Preis", "vat": "USt", "amount": "Betrag",
        "net": "Summe ohne USt", "vat_on": "USt {percent} auf {taxable}", "total": "Summe",
        "prepaid": "Bereits bezahlt", "payable": "Zu zahlen", "to_receive": "Sie erhalten",
        "pay_to": "Bitte auf {account} unter Angabe von {reference} zahlen.", "scan": "Zum Zahlen scannen",
        "per": "je", "chamber": "Handelsregister", "page": "Seite {page} von {pages}",
    },
}  # fmt: skip

REASONS: dict[str, dict[VatCategory, str]] = {
    "en": {
        VatCategory.REVERSE_CHARGE: "Reverse charge",
        VatCategory.INTRA_COMMUNITY: "Intra-community supply",
    },
    "nl": {
        VatCategory.REVERSE_CHARGE: "Btw verlegd",
        VatCategory.INTRA_COMMUNITY: "Intracommunautaire levering, 0% btw",
    },
    "sv": {
        VatCategory.REVERSE_CHARGE: "Omvänd betalningsskyldighet",
        VatCategory.INTRA_COMMUNITY: "Gemenskapsintern leverans",
    },
    "fr": {
        VatCategory.REVERSE_CHARGE: "Autoliquidation",
        VatCategory.INTRA_COMMUNITY: "Livraison intracommunautaire",
    },
    "de": {
        VatCategory.REVERSE_CHARGE: "Steuerschuldnerschaft des Leistungsempfängers",
        VatCategory.INTRA_COMMUNITY: "Innergemeinschaftliche Lieferung",
    },
}
PRENOTIFICATION: dict[str, tuple[str, ...]] = {
    "en": (
        "Advance notice of a direct payment",
        "On {day} we will collect {amount} for invoice {number} from your account.",
        "You need not do anything. Please see to it that the amount is available.",
    ),
    "nl": (
        "Vooraankondiging van een automatische betaling",
        "Op {day} innen wij {amount} voor factuur {number} van uw rekening.",
        "U hoeft niets te doen. Zorgt u voor voldoende saldo.",
    ),
    "sv": (
        "Förhandsmeddelande om direktbetalning",
        "Den {day} drar vi {amount} för faktura {number} från ditt konto.",
        "Du behöver inte göra något. Se till att beloppet finns på kontot.",
    ),
    "fr": (
        "Préavis de paiement direct",
        "Le {day}, nous prélèverons {amount} pour la facture {number} sur votre compte.",
        "Vous n'avez rien à faire. Veillez à ce que le montant soit disponible.",
    ),
    "de": (
        "Vorankündigung einer Direktzahlung",
        "Am {day} ziehen wir {amount} für Rechnung {number} von Ihrem Konto ein.",
        "Sie müssen nichts tun. Bitte sorgen Sie für Deckung.",
    ),
}
LOCALES = {"en": "en_GB", "nl": "nl_NL", "sv": "sv_SE", "fr": "fr_BE", "de": "de_DE"}


def known_language(language: str) -> str:
    """`language` if its labels exist, else English."""
    return language if language in WORDS else "en"
