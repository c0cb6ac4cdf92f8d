"""How customer and supplier lists name their columns, in Dutch, English, French, Swedish and German.

Spellings are compared without case, accents, blanks and punctuation, so each stands here once.
"""

from __future__ import annotations

from collections.abc import Mapping

SPELLINGS: Mapping[str, str] = {
    "debtor_id": "id, guid, uuid, recordid, externe id, external id, relatie id, klant id, customer id, debtor id",
    "name": "naam, klant, leverancier, debiteur, crediteur, kweker, relatie, klantnaam, bedrijfsnaam, "
    "bedrijf, handelsnaam, statutaire naam, organisatie, organisatienaam, "
    "relatienaam, debiteurnaam, leveranciersnaam, crediteurnaam, naam bedrijf, firma, firmanaam, "
    "name, company, company name, customer, customer name, client, client name, supplier, supplier name, vendor, "
    "vendor name, organisation, organization, account name, business name, full name, display name, "
    "nom, nom client, nom du client, societe, raison sociale, entreprise, denomination, fournisseur, nom fournisseur, "
    "namn, kundnamn, foretag, foretagsnamn, leverantor, leverantorsnamn, firmenname, kundenname, unternehmen",
    "search_name": "zoeknaam, zoekcode, korte naam, roepnaam bedrijf, alias, search name, short name, nickname, code, "
    "search code, nom court, sigle, nom abrege, kortnamn, sokord, sokbegrepp, kurzname, suchbegriff",
    "kinds": "relatiesoort, relatietype, soort relatie, rol, kind, kinds, role, relation type, type relation",
    "party": "soort klant, klanttype, type klant, zakelijk, rechtsvorm soort, party, customer type, entity type, "
    "type de client, kundtyp, kundentyp",
    "street": "straat, straatnaam, adres, adres 1, adresregel 1, adresregel, bezoekadres, vestigingsadres, "
    "straat en huisnummer, straat huisnummer, street, street address, address, address 1, address line 1, "
    "address line, visiting address, rue, adresse, adresse 1, voie, gata, gatuadress, adress, adress 1, adressrad 1, "
    "besoksadress, strasse, anschrift, hausadresse",
    "house_number": "huisnummer, huisnr, hnr, nr huis, house number, house no, street number, numero rue, "
    "numero de rue, gatunummer, husnummer, hausnummer",
    "house_number_addition": "toevoeging, huisnummer toevoeging, huisnr toevoeging, bus, busnummer, "
    "house number addition, addition, suffix, boite, zusatz",
    "street_2": "adres 2, adresregel 2, address 2, address line 2, complement adresse, complement d adresse, "
    "adresse 2, adress 2, adressrad 2, adresszusatz",
    "postal_code": "postcode, pc, postkode, postal code, zip, zip code, zipcode, post code, code postal, cp, "
    "postnummer, postnr, plz, postleitzahl",
    "city": "plaats, woonplaats, plaatsnaam, stad, vestigingsplaats, gemeente, city, town, place, ville, commune, "
    "localite, ort, postort, stad ort, stadt",
    "country": "land, landcode, landkode, country, country code, pays, code pays, landskod, lander",
    "delivery_street": "afleveradres, leveradres, bezorgadres, aflever straat, lever straat, delivery address, "
    "shipping address, delivery street, shipping street, ship to address, adresse de livraison, rue livraison, "
    "leveransadress, lieferadresse",
    "delivery_postal_code": "afleverpostcode, leverpostcode, bezorgpostcode, postcode aflevering, delivery zip, "
    "delivery postcode, delivery postal code, shipping zip, shipping postcode, code postal livraison, "
    "leveranspostnummer",
    "delivery_city": "afleverplaats, leverplaats, bezorgplaats, plaats aflevering, delivery city, shipping city, "
    "ville livraison, ville de livraison, leveransort",
    "delivery_country": "afleverland, leverland, delivery country, shipping country, pays livraison, leveransland",
    "postal_street": "postadres, correspondentieadres, postbus, po box, mailing address, postal address, "
    "adresse postale, postadress, boxadress, postanschrift",
    "postal_postal_code": "postcode postadres, postadres postcode, mailing zip, mailing postcode",
    "postal_city": "plaats postadres, postadres plaats, mailing city",
    "invoice_street": "factuuradres, facturatieadres, invoice address, billing address, billing street, "
    "adresse de facturation, fakturaadress, faktureringsadress, rechnungsadresse",
    "invoice_postal_code": "factuurpostcode, postcode factuur, postcode factuuradres, billing zip, billing postcode, "
    "billing postal code, invoice postcode, code postal facturation, fakturapostnummer",
    "invoice_city": "factuurplaats, plaats factuur, plaats factuuradres, billing city, invoice city, "
    "ville facturation, fakturaort",
    "invoice_country": "factuurland, billing country, pays facturation, fakturaland",
    "vat_number": "btwnummer, btw nummer, btwnr, btw, btw id, btw identificatienummer, ob nummer, "
    "omzetbelastingnummer, vat, vat number, vat no, vat id, vat reg no, vat registration number, tax id, "
    "tax number, tva, numero tva, "
    "numero de tva, n tva, no tva, tva intracommunautaire, n tva intracommunautaire, momsnummer, momsregnr, "
    "momsregistreringsnummer, vatnummer, ustid, ust id, ustidnr, umsatzsteuer id",
    "chamber_number": "kvk, kvknummer, kvk nummer, kvknr, kamer van koophandel, ondernemingsnummer, kbo, kbo nummer, "
    "handelsregisternummer, chamber of commerce, chamber of commerce number, coc, coc number, company number, "
    "registration number, company registration number, enterprise number, siren, siret, numero siren, numero siret, "
    "numero d entreprise, rcs, orgnr, organisationsnummer, org nr, handelsregister",
    "vat_regime": "btw regime, btwregime, btw soort, vat regime, vat regime code, regime tva",
    "email": "email, e mail, emailadres, e mailadres, mail, mailadres, email algemeen, algemeen emailadres, "
    "email address, e mail address, contact email, courriel, adresse email, adresse mail, adresse courriel, epost, "
    "e post, epostadress, e postadress, emailadresse",
    "email_invoice": "factuur email, email factuur, email facturen, factuurmail, facturatie email, email facturatie, "
    "invoice email, billing email, email invoice, email for invoices, email facturation, email facture, "
    "faktura epost, fakturamail, epost faktura, rechnungsmail",
    "email_ekt": "ekt email, email ekt, ekt mail",
    "email_reminder": "email herinnering, email aanmaning, herinnering email, reminder email, email relance, "
    "epost paminnelse",
    "email_quote": "email offerte, offerte email, quote email, email devis, epost offert",
    "email_delivery_note": "email pakbon, pakbon email, email vrachtbrief, delivery note email, "
    "email bon de livraison",
    "email_purchase_order": "email inkooporder, inkooporder email, email bestelling, order email, "
    "purchase order email, email commande",
    "phone": "telefoon, telefoonnummer, telefoonnr, tel, telnr, tel nr, telefoon 1, phone, phone number, telephone, "
    "telephone number, work phone, business phone, telephone 1, numero de telephone, telefonnummer, telefon, tfn",
    "mobile": "mobiel, mobiele telefoon, mobiel nummer, gsm, gsm nummer, mobile, mobile phone, cell, cell phone, "
    "cellphone, portable, telephone portable, mobiltelefon, mobilnummer, mobil, handy, telefoon 2, telefoonnummer 2",
    "website": "website, web, webadres, internet, homepage, url, site, site web, site internet, hemsida, webbplats, "
    "webseite, web site",
    "language": "taal, taalcode, voertaal, documenttaal, language, language code, lang, langue, sprak, sprakkod, "
    "sprache",
    "currency": "valuta, valutacode, munt, munteenheid, currency, currency code, devise, monnaie, valutakod, wahrung",
    "payment_term_days": "betalingstermijn, betaaltermijn, betalingsconditie, betaalconditie, betalingstermijn dagen, "
    "termijn, krediettermijn, payment term, payment terms, payment term days, terms, net days, credit days, "
    "delai de paiement, conditions de paiement, echeance, betalningsvillkor, betalningsvillkor dagar, kredittid, "
    "zahlungsziel",
    "discount_kind": "soort korting, kortingssoort, discount kind, discount type, type de remise, rabattyp",
    "category": "categorie, klantcategorie, klantgroep, relatiegroep, groep, category, customer category, "
    "customer group, group, categorie client, groupe, kategori, kundgrupp, kategorie",
    "price_tier": "prijslijst, prijsgroep, tarief, price tier, price list, price group, tarif, liste de prix, "
    "prislista, preisliste",
    "discount_percent": "korting, kortingspercentage, korting procent, factuurkorting, discount, discount percent, "
    "discount percentage, remise, rabais, taux de remise, rabatt, rabatt procent",
    "iban": "iban, ibannummer, bankrekening, bankrekeningnummer, rekeningnummer, bank, bank account, account iban, "
    "bank account number, compte bancaire, numero de compte, bankkonto, kontonummer, bankkontonummer",
    "bic": "bic, swift, bic code, swift code, bic swift, code bic",
    "einvoice_scheme": "peppol scheme, peppol schema, scheme id, eas, eas code, einvoice scheme",
    "einvoice_id": "peppol, peppol id, peppolid, peppol nummer, einvoice id, einvoice address, e factuuradres, "
    "e invoice id, e faktura id, gln, oin",
    "contact_name": "contactpersoon, contact, tav, t a v, ter attentie van, contactnaam, naam contactpersoon, "
    "contact person, contact name, attn, attention, attention of, personne de contact, interlocuteur, nom du contact, "
    "kontakt, kontaktperson, er referens, ansprechpartner",
    "contact_email": "email contactpersoon, emailadres contactpersoon, contactpersoon email, contact person email, "
    "email contact, email du contact, kontaktperson epost",
    "contact_phone": "telefoon contactpersoon, contactpersoon telefoon, contact phone, contact person phone, "
    "telephone contact, kontaktperson telefon",
    "first_name": "voornaam, roepnaam, first name, firstname, given name, prenom, fornamn, vorname",
    "last_name": "achternaam, familienaam, last name, lastname, surname, family name, nom de famille, efternamn, "
    "nachname",
    "customer_number": "klantnummer, klantnr, klant nr, klantcode, relatienummer, relatienr, relatiecode, nummer, nr, "
    "number, no, numero, customer number, customer no, customer code, client number, account number, numero client, "
    "numero de client, code client, n client, kundnummer, kundnr, kundennummer",
    "debtor_number": "debiteurnummer, debiteurnr, debiteur nr, debiteurennummer, debnr, debtor number, "
    "debtor no, ledger number, numero debiteur, reskontranummer, debitorennummer",
    "creditor_number": "crediteurnummer, crediteurnr, crediteurennummer, leveranciersnummer, leveranciernummer, "
    "leveranciersnr, leverancierscode, crednr, creditor number, supplier number, supplier no, supplier code, "
    "vendor number, vendor no, vendor code, numero fournisseur, code fournisseur, leverantorsnummer, leverantorsnr, "
    "lieferantennummer",
    "administration": "administratie, administratiecode, administration, entity, legal entity, entite",
    "internal_note": "notitie, notities, interne notitie, interne nota, opmerking, opmerkingen, memo, bijzonderheden, "
    "note, notes, remark, remarks, comment, comments, internal note, remarque, remarques, commentaire, anteckning, "
    "anteckningar, notering, kommentar, bemerkung, notizen",
    "note_for_documents": "opmerking op documenten, documenttekst, factuurtekst, note for documents, invoice note, "
    "texte facture, fakturatext",
}
"""Usual spellings of a column, by our name of it."""

REASON = ("reden", "reason", "motif", "orsak")
"""The column that our file of rejected rows adds; it is never read."""
