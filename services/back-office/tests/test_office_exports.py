"""Tools > Exports: what every service keeps; and exports of cards, given at once where they are quick."""

from __future__ import annotations

from typing import Any

from back_office_world import HOSTS, World
from office_shapes import body_of, card, page, problem, text_of


def job(job_id: str = "j1", **changes: Any) -> dict[str, Any]:
    return {
        "id": job_id,
        "kind": "card-export",
        "title": "customers-2026-11-02.csv",
        "state": "done",
        "revision": 4,
        "result": {"rows": 214},
        "created_by": "Anna",
        "created_at": "2026-11-02T09:00:00Z",
        "files": [],
        **changes,
    }


def nothing_elsewhere(office: World) -> None:
    for service in HOSTS:
        office.services.on("GET", service, "/v1/jobs", page())


async def test_LS_20_LS_21_the_exports_of_all_services_are_listed_and_downloaded_again(office: World) -> None:
    nothing_elsewhere(office)
    office.services.on(
        "GET", "debtors", "/v1/jobs", page(job(), job("j2", kind="card-import-run", title="klanten.csv"))
    )
    older = job(
        "j9", kind="invoice-export", title="facturen.xlsx", created_at="2026-10-01T09:00:00Z", state="running"
    )
    office.services.on("GET", "sales", "/v1/jobs", page(older))
    office.services.on("GET", "ekts", "/v1/jobs", problem(404, "Not Found"), 404)
    office.services.away("GET", "accounting", "/v1/jobs")
    browser = await office.signed_in()
    shown = await browser.get("/exports")
    words = text_of(shown)
    assert words.index("customers-2026-11-02.csv") < words.index("facturen.xlsx")
    for text in ("214", "Anna", "Debtors", "Sales", "Accounting does not answer"):
        assert text in words
    assert "klanten.csv" not in words
    assert 'href="/jobs/debtors/j1/files/output"' in shown.text
    assert "/jobs/sales/j9/files" not in shown.text
    assert "every 3s" in shown.text
    assert 'href="/exports" aria-current="page"' in shown.text
    file = httpx_file(b"a;b\r\n")
    office.services.answers[("GET", "debtors.test/v1/jobs/j1/files/output")] = file
    again = await browser.get("/jobs/debtors/j1/files/output")
    assert again.content == b"a;b\r\n"


async def test_no_exports_says_how_to_make_one(office: World) -> None:
    nothing_elsewhere(office)
    assert "No exports yet" in text_of(await (await office.signed_in()).get("/exports"))


async def test_FA_49_one_click_gives_the_file_of_the_filter_and_keeps_it(office: World) -> None:
    office.services.on("POST", "debtors", "/v1/exports", job(state="waiting", revision=1), status=202)
    office.services.on("GET", "debtors", "/v1/jobs/j1", job())
    office.services.answers[("GET", "debtors.test/v1/jobs/j1/files/output")] = httpx_file(b"debtor_id\r\n")
    browser = await office.signed_in()
    answer = await browser.get("/exports/debtors.csv?q=jansen&kind=debtor&use_ekts=true&state=blocked")
    assert answer.content == b"debtor_id\r\n"
    assert body_of(office.services.last("POST", "/v1/exports")) == {
        "q": "jansen",
        "kind": "debtor",
        "use_ekts": True,
        "state": ["blocked"],
        "format": "csv",
        "language": "en",
        "ids": [],
    }
    assert office.services.last("GET", "/v1/jobs/j1").url.params["after"] == "1"


async def test_FA_51_the_ticked_cards_are_exported_to_excel_and_a_long_one_goes_on_without_waiting(
    office: World, monkeypatch
) -> None:
    monkeypatch.setattr("back_office.web.pages.lists.exports.PATIENCE_SECONDS", 0.05)
    nothing_elsewhere(office)
    office.services.on("POST", "debtors", "/v1/exports", job(state="waiting"), status=202)
    office.services.on("GET", "debtors", "/v1/jobs/j1", job(state="running"))
    office.services.on("GET", "debtors", "/v1/debtors", page(card()))
    browser = await office.signed_in()
    shown = await browser.get("/debtors?q=roos")
    assert "/exports/debtors?q=roos" in shown.text
    answer = await browser.post(
        "/exports/debtors?q=roos", {"action": "xlsx", "ids": ["d1", "d2"]}, page="/debtors"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/exports")
    sent = body_of(office.services.last("POST", "/v1/exports"))
    assert (sent["format"], sent["ids"]) == ("xlsx", ["d1", "d2"])
    assert "The export is being made" in text_of(await browser.get("/exports"))
    everything = {"action": "csv", "ids": ["d1"], "scope": "matching", "matching": "q=roos"}
    await browser.post("/exports/debtors?q=roos", everything, page="/debtors")
    sent = body_of(office.services.last("POST", "/v1/exports"))
    assert (sent["q"], sent["ids"]) == ("roos", []), "all that match, not the ticked ones of the page"
    pin = {"count": 12, "digest": "a" * 32}
    office.services.on("GET", "debtors", "/v1/debtors/count", pin)
    bar = text_of(await browser.get("/debtors?q=roos&part=bulk"))
    assert "Select all 12 that match the filter" in bar
    assert f'name="told" value="12:{pin["digest"]}"' in bar
    await browser.post(
        "/exports/debtors?q=roos", everything | {"told": f"12:{pin['digest']}"}, page="/debtors"
    )
    assert body_of(office.services.last("POST", "/v1/exports"))["pin"] == pin


def httpx_file(content: bytes) -> Any:
    import httpx

    headers = {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": "attachment; filename*=UTF-8''c.csv",
    }
    return httpx.Response(200, content=content, headers=headers)
