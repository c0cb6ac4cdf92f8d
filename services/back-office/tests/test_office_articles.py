"""Sales > Articles: found, added, changed by one at a time, exported, and read in by three steps."""

from __future__ import annotations

import httpx
from office_shapes import body_of, form_of, page, problem, text_of

ARTICLE = {
    "number": "new", "name": "R GR RED NAOMI", "vbn_code": "10120", "packing_code": "997", "packing_price": "0.250",
    "pieces_per_unit": 80, "vat_class": "reduced", "country_of_origin": "NL", "image_url": "", "revision": 3,
    "characteristics": [{"type": "K01", "value": "2"}, {"type": "S20", "value": "070"}],
}  # fmt: skip
COLUMNS = [{"name": "number", "heading": "Artikelnummer"}, {"name": "name", "heading": "Naam"}]
FOUND = [
    {"heading": "Ons nr", "name": "", "sureness": "none", "samples": ["A-1", "<script>"]},
    {"heading": "Omschrijving", "name": "name", "sureness": "known", "samples": ["ROSE"]},
    {"heading": "K01", "name": "K01", "sureness": "known", "samples": ["2"]},
]


def job(name: str = "j1", state: str = "done", **result) -> dict:
    whole = {"trial": True, "columns": FOUND, "existing": "update", **result}
    return {
        "id": name, "kind": "article-import", "title": "lijst.csv", "state": state, "done": 2, "total": 2,
        "revision": 3, "message": "", "created_by": "Anna", "result": whole,
    }  # fmt: skip


async def test_the_list_searches_and_leads_to_cards_and_files(office):
    office.services.on("GET", "sales", "/v1/articles", page(ARTICLE, after="c2"))
    browser = await office.speaking("nl")
    text = text_of(await browser.get("/articles?q=naomi"))
    for words in (
        "R GR RED NAOMI",
        "/articles/number/new",
        "/articles/import",
        "/articles.xlsx?q=naomi",
        "0,25",
    ):
        assert words in text, words
    assert office.services.last("GET", "/v1/articles").url.params["q"] == "naomi"
    export = httpx.Response(200, content=b"x", headers={"content-type": "text/csv"})
    office.services.answers[("GET", "sales.test/v1/articles.csv")] = export
    answer = await browser.get("/articles.csv?q=naomi")
    assert answer.headers["content-disposition"].startswith("attachment")
    asked = office.services.last("GET", "/v1/articles.csv").url.params
    assert dict(asked) == {"q": "naomi", "language": "nl"}
    reader = await office.with_roles("finance", name="reader-articles")
    text = text_of(await reader.get("/articles"))
    assert "/articles/import" not in text
    assert "/articles/new" not in text


async def test_a_card_is_saved_on_the_revision_that_was_read_and_who_is_second_keeps_what_was_typed(office):
    office.services.on("GET", "sales", "/v1/articles/new", ARTICLE, etag='"3"')
    browser = await office.speaking("nl")
    here = "/articles/number/new"
    form = form_of(await browser.get(here))
    assert (form["packing_price"], form["characteristics.S20"], form["characteristics"]) == (
        "0,25",
        "070",
        "K01=2",
    )
    office.services.on("PUT", "sales", "/v1/articles/new", ARTICLE | {"revision": 4})
    typed = form | {"packing_price": "1.234,5", "country_of_origin": "ke", "characteristics": "k02=3, S62=NL"}
    answer = await browser.post(here, typed, page=here)
    assert answer.headers["location"] == here
    request = office.services.last("PUT", "/v1/articles/new")
    assert request.headers["if-match"] == '"3"'
    assert body_of(request) == {
        "name": "R GR RED NAOMI", "vbn_code": "10120", "packing_code": "997", "packing_price": "1234.5",
        "pieces_per_unit": 80, "vat_class": "reduced", "country_of_origin": "KE", "image_url": "",
        "characteristics": [
            {"type": "S20", "value": "070"}, {"type": "K02", "value": "3"}, {"type": "S62", "value": "NL"},
        ],
    }  # fmt: skip
    office.services.on("PUT", "sales", "/v1/articles/new", problem(412, "It was changed meanwhile"), 412)
    answer = await browser.post(here, form | {"name": "Mine"}, page=here)
    assert answer.status_code == 409
    assert (form_of(answer)["name"], form_of(answer)["_revision"]) == ("Mine", "3")
    errors = [{"field": "characteristics.0.value", "message": "too long", "cure": "shorten it"}]
    office.services.on("PUT", "sales", "/v1/articles/new", problem(422, "No") | {"errors": errors}, 422)
    answer = await browser.post(here, form, page=here)
    assert 'id="f-characteristics-error">too long shorten it' in answer.text


async def test_a_new_article_is_added_once_and_a_number_that_is_taken_is_said_beside_it(office):
    browser = await office.signed_in()
    form = form_of(await browser.get("/articles/new"))
    taken = problem(409, "Taken") | {
        "errors": [{"field": "number", "message": "it is taken", "cure": "choose another"}]
    }
    office.services.on("POST", "sales", "/v1/articles", taken, 409)
    answer = await browser.post(
        "/articles/new", form | {"number": "A-1", "name": "Rose"}, page="/articles/new"
    )
    assert answer.status_code == 422
    assert 'id="f-number-error">it is taken choose another' in answer.text
    office.services.on("POST", "sales", "/v1/articles", ARTICLE | {"number": "A/1"}, 201)
    typed = form_of(answer)
    answer = await browser.post("/articles/new", typed, page="/articles/new")
    assert answer.headers["location"] == "/articles/number/A%2F1"
    request = office.services.last("POST", "/v1/articles")
    assert request.headers["idempotency-key"] == typed["_once"]
    assert (body_of(request)["number"], body_of(request)["pieces_per_unit"]) == ("A-1", None)


async def test_FA_48_articles_are_read_in_by_three_steps(office):
    services = office.services
    services.on("GET", "sales", "/v1/article-imports/columns", page(*COLUMNS))
    services.on("POST", "sales", "/v1/article-imports", job(state="waiting"), 202)
    browser = await office.speaking("nl")
    token = await browser.csrf("/articles/import")

    async def hand_in(content: bytes):
        data = {"_csrf": token, "_once": "k1", "delimiter": ";", "encoding": "klingon"}
        files = {"file": ("C:\\data\\lijst.csv", content, "text/csv")}
        return await browser.client.post("/articles/import", data=data, files=files)

    assert "Er is geen bestand gekozen" in text_of(await hand_in(b""))
    content = b"a;b\r\n" + b"1;a long list\r\n" * 200_000
    answer = await hand_in(content)
    assert answer.headers["location"] == "/articles/import/j1/columns"
    request = services.last("POST", "/v1/article-imports")
    assert (request.content, dict(request.url.params)) == (
        content,
        {"file_name": "lijst.csv", "delimiter": ";"},
    )

    here = "/articles/import/j1/columns"
    services.on("GET", "sales", "/v1/jobs/j1", job(state="running") | {"result": {}})
    assert f'hx-get="{here}?part=columns"' in (await browser.get(here)).text
    services.on(
        "GET",
        "sales",
        "/v1/jobs/j1",
        job(state="failed")
        | {"message": "No column holds the article number: say which one it is, or add it to the file."},
    )
    answer = await browser.get(here)
    text = text_of(answer)
    for words in (
        "Ons nr",
        "A-1 · <script>",
        "Geen enkele kolom bevat het artikelnummer",
        "Herkend",
        "Niet herkend",
    ):
        assert words in text, words
    assert "<script>" not in answer.text.split("<main")[1]
    assert '<option value="K01" selected>' in answer.text

    errors = [{"field": "columns.1", "message": "'number' was chosen twice", "cure": "leave one out"}]
    path = "/v1/article-imports/j1/try"
    services.on("POST", "sales", path, problem(422, "Not so") | {"errors": errors}, 422)
    chosen = {"column.0": "number", "column.1": "number", "column.2": "", "existing": "skip"}
    answer = await browser.post(here, chosen, page=here)
    assert answer.status_code == 422
    assert "Omschrijving: 'number' is twee keer gekozen" in text_of(answer)
    assert 'value="skip" checked' in answer.text
    services.on("POST", "sales", path, job("j2", "waiting"), 202)
    answer = await browser.post(here, chosen | {"column.1": "name"}, page=here)
    assert answer.headers["location"] == "/articles/import/j2"
    assert body_of(services.last("POST", path)) == {"columns": ["number", "name", ""], "existing": "skip"}

    message = {
        "kind": "error",
        "row": 3,
        "column": "VBN",
        "value": "ABC",
        "message": "no code",
        "cure": "digits only",
    }
    note = {"kind": "note", "row": 4, "column": "name", "value": "New", "message": "was Old", "cure": ""}
    outcome = job("j2", added=2, changed=1, refused=1, messages=[message, note], messages_count=2)
    services.on("GET", "sales", "/v1/jobs/j2", outcome)
    text = text_of(await browser.get("/articles/import/j2"))
    for words in (
        "VBN",
        "ABC",
        "no code",
        "digits only",
        "Naam",
        "was Old",
        "Alleen de 3 goede artikelen opslaan",
    ):
        assert words in text, words
    services.on("POST", "sales", "/v1/article-imports/j2/run", job("j3", "waiting"), 202)
    answer = await browser.post("/articles/import/j2/run", {"mode": "each"}, page="/articles/import/j2")
    assert answer.headers["location"] == "/articles/import/j3?run=1"
    assert body_of(services.last("POST", "/v1/article-imports/j2/run")) == {"mode": "each"}
    services.on("GET", "sales", "/v1/jobs/j3", job("j3", trial=False, added=2, changed=1))
    text = text_of(await browser.get("/articles/import/j3?run=1"))
    assert "Naar de artikelen" in text
    assert "opslaan</button>" not in text
