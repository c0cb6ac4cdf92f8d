"""Accounting: lines, status, export, history."""

from __future__ import annotations

from typing import Any

import pytest
from klokwerk import pinned
from office_shapes import body_of, form_of, line, page, problem, text_of


def pin(count: int, digest: str = "") -> dict[str, Any]:
    return {"count": count, "digest": digest or f"{count:032x}"}


def told(count: int, digest: str = "") -> str:
    return f"{count}:{pin(count, digest)['digest']}"


def on_accounting(office, *lines, mode="file"):
    one = {"code": "main", "name": "Flowers", "mode": mode}
    office.services.on("GET", "accounting", "/v1/administrations", page(one))
    office.services.on("GET", "accounting", "/v1/main/debtors/lines", page(*lines))
    counted = {**pin(len(lines)), "exportable": pin(len(lines))}
    office.services.on("GET", "accounting", "/v1/main/debtors/lines/count", counted)


async def test_each_line_opens_its_relation_in_the_words_of_the_manual(office):
    on_accounting(office, line(1))
    browser = await office.signed_in(language="nl")
    await browser.post("/language", {"language": "nl", "back": "/"}, page="/accounting/main/debtors")
    shown = text_of(await browser.get("/accounting/main/debtors"))
    for words in (
        "Debiteuren ophalen",
        "Wijzig status in Update",
        "Exporteer debiteuren (alle 1)",
        "Melding",
    ):
        assert words in shown
    assert 'href="/debtors/d1">Open relatie</a>' in shown
    await browser.post("/language", {"language": "en", "back": "/"}, page="/accounting/main/debtors")


async def test_one_sees_which_lines_have_a_message_and_which_are_new(office):
    failed = line(2, message="VAT number is in use", message_origin="accounting", never_synced=False)
    on_accounting(office, line(1), failed)
    shown = text_of(await (await office.signed_in()).get("/accounting/main/debtors"))
    assert "new: never synchronised" in shown
    assert "VAT number is in use" in shown
    assert "accounting system" in shown
    assert "visit address Kade 1, Katwijk · VAT number NL999000010B17" in shown


async def test_EP_41_EP_42_selected_lines_only_are_changed_and_exported_and_none_means_all(office):
    on_accounting(office, line(1), line(2))
    office.services.on("POST", "accounting", "/v1/main/debtors/lines/status", {"changed": 2})
    made = {"id": "e1", "kind": "debtors", "mode": "file", "state": "done", "lines": 2}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", made, 201)
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    await browser.post(f"{where}/status", {"ids": ["line-1", "line-2"], "action": "Update"}, page=where)
    changed = body_of(office.services.last("POST", "/v1/main/debtors/lines/status"))
    assert changed == {"line_ids": ["line-1", "line-2"], "action": "Update"}
    shown = text_of(await browser.get(where))
    assert "Status of 2 lines changed" in shown
    assert "Export debtors (all 2)" in shown
    await browser.post(f"{where}/export", {"ids": ["line-2"], "told": told(2), "_once": "x"}, page=where)
    assert body_of(office.services.last("POST", "/v1/main/debtors/export")) == {"line_ids": ["line-2"]}
    await browser.post(f"{where}/export", {"told": told(2), "_once": "y"}, page=where)
    everything = body_of(office.services.last("POST", "/v1/main/debtors/export"))
    assert everything == {"matching": {}, "pin": pin(2)}


async def test_EP_42_with_a_filter_the_export_names_and_takes_the_lines_of_the_filter_only(office):
    on_accounting(office, line(1), line(2))
    made = {"id": "e1", "kind": "debtors", "mode": "file", "state": "done", "lines": 2}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", made, 201)
    browser = await office.signed_in()
    where = "/accounting/main/debtors?q=cust&with_message=false"
    answer = await browser.get(where)
    assert "Export debtors (2 of the filter)" in text_of(answer)
    sent = form_of(answer)
    del sent["scope"]  # it is off until "all that match" is chosen
    assert sent["matching"] == "q=cust&with_message=false"
    back = await browser.post("/accounting/main/debtors/export", sent, page=where)
    assert back.headers["location"] == where, "the filter stays on"
    wanted = {"matching": {"q": "cust", "with_message": False}, "pin": pin(2)}
    assert body_of(office.services.last("POST", "/v1/main/debtors/export")) == wanted


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (told(1), "there were 1 when you chose, now 2"),
        (told(2, "f" * 32), "there are 2 as before, but not the same ones"),
    ],
)
async def test_EP_42_an_export_of_other_lines_than_the_button_named_is_asked_about_first(
    office, named, words
):
    on_accounting(office, line(1), line(2))
    more = problem(409, "The list has changed meanwhile") | {"type": pinned.CHANGED}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", more, 409)
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    asked = await browser.post(f"{where}/export", {"told": named, "_once": "x"}, page=where)
    shown = text_of(asked)
    assert "Export 2 debtors?" in shown
    assert words in shown
    made = {"id": "e1", "kind": "debtors", "mode": "file", "state": "done", "lines": 2}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", made, 201)
    sent = form_of(asked)
    assert (sent["told"], sent["confirmed"], sent["scope"]) == (told(2), "yes", "matching")
    await browser.post(f"{where}/export", sent, page=where)
    assert body_of(office.services.last("POST", "/v1/main/debtors/export")) == {"matching": {}, "pin": pin(2)}
    assert "Exported: 2 lines" in text_of(await browser.get(where))


@pytest.mark.parametrize("named", [told(1234), "", "1234", "x"])
async def test_EP_42_an_export_of_more_than_a_page_shows_or_of_an_unknown_number_is_confirmed(office, named):
    on_accounting(office, line(1))
    counted = {**pin(1300), "exportable": pin(1234)}
    office.services.on("GET", "accounting", "/v1/main/debtors/lines/count", counted)
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    shown = text_of(await browser.post(f"{where}/export", {"told": named}, page=where))
    assert "Export 1,234 debtors?" in shown
    assert "66 lines stay" in shown
    assert office.services.count("POST", "/v1/main/debtors/export") == 0


async def test_EP_29_EP_37_the_status_of_all_lines_of_a_filter_is_confirmed_by_its_number_and_told(office):
    on_accounting(office, line(1), line(2))
    counted = {**pin(1234), "exportable": pin(1200)}
    office.services.on("GET", "accounting", "/v1/main/debtors/lines/count", counted)
    skipped = [{"line_id": "line-2", "name": "Customer 2", "reason": "it is being exported at this moment"}]
    answer = {"changed": 1200, "skipped": skipped, "left": 34}
    office.services.on("POST", "accounting", "/v1/main/debtors/lines/status", answer)
    browser = await office.signed_in()
    where = "/accounting/main/debtors?action=Insert&q=%3Cb%3E"
    wanted = {
        "scope": "matching",
        "matching": "action=Insert&q=<b>&evil=1",
        "action": "Update",
        "told": told(1200),
    }
    asked = await browser.post(
        "/accounting/main/debtors/status", wanted | {"ids": ["line-1"]}, page="/accounting/main/debtors"
    )
    assert office.services.count("POST", "/v1/main/debtors/lines/status") == 0
    shown = text_of(asked)
    assert "Change the status of 1,234 lines to Update?" in shown
    assert "Action: <strong>Insert</strong>" in shown
    assert "<strong><b></strong>" in shown
    assert "<b>" not in asked.text
    back = await browser.post("/accounting/main/debtors/status", form_of(asked), page=where)
    sent = body_of(office.services.last("POST", "/v1/main/debtors/lines/status"))
    assert sent == {"action": "Update", "matching": {"action": "Insert", "q": "<b>"}, "pin": pin(1234)}
    shown = text_of(await browser.get(back.headers["location"]))
    assert "Status of 1,200 lines changed" in shown
    assert "Customer 2: it is being exported at this moment" in shown
    assert "and 33 more" in shown


async def test_EP_37_a_change_of_status_of_a_list_that_became_another_one_is_asked_about_again(office):
    on_accounting(office, line(1), line(2))
    changed = problem(409, "The list has changed meanwhile") | {"type": pinned.CHANGED}
    office.services.on("POST", "accounting", "/v1/main/debtors/lines/status", changed, 409)
    browser = await office.speaking("nl", "finance")
    where = "/accounting/main/debtors"
    wanted = {"scope": "matching", "matching": "", "action": "Ignore", "confirmed": "yes", "_once": "k"}
    asked = await browser.post(f"{where}/status", wanted | {"told": told(2, "f" * 32)}, page=where)
    assert office.services.last("POST", "/v1/main/debtors/lines/status").headers["idempotency-key"] == "k"
    shown = text_of(asked)
    assert "het zijn er nog steeds 2, maar niet meer dezelfde" in shown
    assert "bekijk hem opnieuw" in shown
    assert form_of(asked)["told"] == told(2)


async def test_EP_37_the_status_of_very_many_lines_is_followed_as_a_job_with_a_way_back(office):
    on_accounting(office, line(1))
    office.services.on("POST", "accounting", "/v1/main/debtors/lines/status", {"job": "/v1/jobs/j1"})
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    sure = {"scope": "matching", "matching": "q=x", "action": "Ignore", "told": told(1), "confirmed": "yes"}
    answer = await browser.post(f"{where}/status", sure, page=where)
    assert answer.headers["location"] == "/jobs/accounting/j1?back=%2Faccounting%2Fmain%2Fdebtors%3Fq%3Dx"
    job = {"id": "j1", "kind": "accounting-status", "state": "running", "result": {"changed": 3, "left": 1}}
    office.services.on("GET", "accounting", "/v1/jobs/j1", job)
    shown = text_of(await browser.get(answer.headers["location"]))
    assert f'<a href="{where}?q=x">Back to the list</a>' in shown
    assert "Change of status" in shown
    evil = text_of(await browser.get("/jobs/accounting/j1?back=//evil.example"))
    assert 'href="//evil.example' not in evil


async def test_the_number_of_the_filter_is_asked_for_after_a_search_not_while_it_is_typed(office):
    on_accounting(office, line(1))
    lines = "/v1/main/debtors/lines"
    office.services.on("GET", "accounting", lines, page(line(1), after="more"))
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    answer = await browser.get(f"{where}?q=cust&part=search")
    part = text_of(answer)
    assert answer.headers["HX-Push-Url"] == f"{where}?q=cust"
    assert office.services.count("GET", f"{lines}/count") == 0
    assert f'hx-get="{where}?q=cust&part=bulk"' in part
    assert 'hx-swap-oob="true"' in part
    assert "Export debtors (all of the filter)" in part
    office.services.on("GET", "accounting", f"{lines}/count", {**pin(900), "exportable": pin(0)})
    asked_before = office.services.count("GET", lines)
    bar = text_of(await browser.get(f"{where}?q=cust&part=bulk"))
    assert "Select all 900 that match the filter" in bar
    assert office.services.count("GET", lines) == asked_before
    office.services.on("GET", "accounting", lines, page(line(1), line(2, action="Ignore")))
    whole = text_of(await browser.get(f"{where}?q=cust&part=search"))
    assert "part=bulk" in whole, (
        "which of the lines an export takes is the service's to say, of a short list too"
    )
    office.services.on("GET", "accounting", f"{lines}/count", problem(500, "Broken"), 500)
    assert "Customer 1" in text_of(await browser.get(where)), "the lines are shown all the same"


async def test_changing_status_of_nothing_asks_to_select_first(office):
    on_accounting(office, line(1))
    browser = await office.signed_in()
    await browser.post(
        "/accounting/main/debtors/status", {"action": "Update"}, page="/accounting/main/debtors"
    )
    assert office.services.count("POST", "/v1/main/debtors/lines/status") == 0
    assert "Select the lines first" in text_of(await browser.get("/accounting/main/debtors"))


async def test_a_failed_export_says_so_and_where_to_look(office):
    on_accounting(office, line(1))
    made = {"id": "e1", "mode": "file", "state": "failed", "lines": 1, "message": "1 line can't be exported."}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", made, 201)
    browser = await office.signed_in()
    await browser.post("/accounting/main/debtors/export", {"told": told(1)}, page="/accounting/main/debtors")
    shown = text_of(await browser.get("/accounting/main/debtors"))
    assert "The export did not succeed" in shown
    assert "1 line can't be exported. Look at the column Message" in shown


async def test_who_is_not_of_finance_may_look_but_not_synchronise(office):
    on_accounting(office, line(1))
    browser = await office.with_roles("sales", name="sales1")
    shown = text_of(await browser.get("/accounting/main/debtors"))
    assert "belong to the role finance" in shown
    assert "Fetch debtors" not in shown
    assert "<button" not in shown.split('id="lines"')[1].split("</table>")[0]


async def test_the_export_history_has_the_file_and_a_way_to_record_a_failed_import(office):
    on_accounting(office)
    one = {"id": "e1", "kind": "debtors", "mode": "file", "state": "done", "lines": 4, "file_name": "x.xml"}
    one |= {"sha256": "0" * 64, "created_by_name": "anna", "created_at": "2026-11-02T09:00:00Z"}
    office.services.on("GET", "accounting", "/v1/main/exports", page(one))
    office.services.on("POST", "accounting", "/v1/main/exports/e1/import-failed", {"returned": 4})
    browser = await office.signed_in()
    where = "/accounting/main/exports"
    shown = text_of(await browser.get(where))
    assert f'href="{where}/e1/file">x.xml' in shown
    assert f'formaction="{where}/e1/import-failed"' in shown
    await browser.post(f"{where}/e1/import-failed", page=where)
    assert "4 relations come back at the next fetch" in text_of(await browser.get(where))


async def test_a_line_tells_value_by_value_what_changed_since_the_last_sync(office):
    changes = [
        {"field": "name", "before": "Jansen", "after": "Jansen <b>en Zn."},
        {"field": "addresses.invoice.city", "before": None, "after": "Katwijk"},
        *({"field": f"x{number}", "before": "a", "after": "b"} for number in range(6)),
        {"field": "bank_accounts.1.iban", "before": "NL1", "after": "NL2"},
    ]
    data = {"code": "10001", "bank_accounts": [{"iban": "NL2", "bic": "ABNA"}]}
    on_accounting(office, line(1, changes=changes, data=data, never_synced=False))
    answer = await (await office.signed_in()).get("/accounting/main/debtors")
    assert "name: Jansen → Jansen <b>en Zn.; invoice address city: (empty) → Katwijk" in text_of(answer)
    assert "x5: a → b; bank account 1 IBAN: NL1 → NL2" in text_of(answer), "not one of them is left out"
    assert "bank account NL2, ABNA" in text_of(answer)
    assert "<b>en Zn." not in answer.text


async def test_each_line_whose_status_could_not_be_changed_says_why(office):
    on_accounting(office, line(1), line(2))
    skipped = [{"line_id": "line-2", "name": "Customer 2", "reason": "it is being exported at this moment"}]
    answer = {"changed": 1, "skipped": skipped}
    office.services.on("POST", "accounting", "/v1/main/debtors/lines/status", answer)
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    await browser.post(f"{where}/status", {"ids": ["line-1", "line-2"], "action": "Ignore"}, page=where)
    shown = text_of(await browser.get(where))
    assert "Status of 1 line changed" in shown
    assert "Customer 2: it is being exported at this moment" in shown


async def test_a_fetch_of_very_many_is_followed_as_a_job(office):
    on_accounting(office)
    office.services.on("POST", "accounting", "/v1/main/debtors/fetch", {"job": "/v1/jobs/j1"})
    browser = await office.signed_in()
    answer = await browser.post("/accounting/main/debtors/fetch", page="/accounting/main/debtors")
    assert answer.headers["location"] == "/jobs/accounting/j1?back=%2Faccounting%2Fmain%2Fdebtors"


def exported(**changes):
    one = {"id": "e1", "kind": "debtors", "mode": "file", "target": "exact-xml", "state": "done", "lines": 2}
    return one | {"sha256": "0" * 64, "file_name": "x.xml", "created_at": "2026-11-02T09:00:00Z"} | changes


async def test_an_export_says_what_became_of_each_line_and_takes_the_result_file_of_exact(office):
    entry = {"line_id": "l1", "debtor_id": "d1", "number": "10001", "name": "Jansen", "action": "Insert"}
    entry |= {"outcome": "failed", "message": "VAT number is in use", "message_origin": "accounting"}
    office.services.on("GET", "accounting", "/v1/main/exports/e1", exported(entries=[entry]))
    office.services.on("POST", "accounting", "/v1/main/exports/e1/import-result", {"returned": 1})
    browser = await office.signed_in()
    where = "/accounting/main/exports/e1"
    shown = text_of(await browser.get(where))
    assert "VAT number is in use" in shown
    assert 'href="/debtors/d1">Open relation</a>' in shown
    token = await browser.csrf(where)
    result = b"<eExact><Messages/></eExact>"
    upload = {"file": ("result.xml", result, "text/xml")}
    await browser.client.post(f"{where}/import-result", data={"_csrf": token}, files=upload)
    assert office.services.last("POST", "/v1/main/exports/e1/import-result").content == result
    assert "1 relation comes back at the next fetch" in text_of(await browser.get(where))
    await browser.client.post(f"{where}/import-result", data={"_csrf": token})
    assert "Choose the result file first" in text_of(await browser.get(where))
    assert office.services.count("POST", "/v1/main/exports/e1/import-result") == 1


async def test_EP_66_a_result_file_never_passes_for_a_good_one_when_nothing_comes_back(office):
    office.services.on("GET", "accounting", "/v1/main/exports/e1", exported())
    browser = await office.speaking("nl", "finance")
    where = "/accounting/main/exports/e1"
    token = await browser.csrf(where)
    for answer, words in (
        ({"returned": 0}, "geen enkele relatie geweigerd"),
        ({"returned": 0, "refused": 2}, "met een latere export al verstuurd"),
        ({"returned": 1, "refused": 1, "unknown": ["<7>"]}, "niet in deze export staan: <7>"),
    ):
        office.services.on("POST", "accounting", "/v1/main/exports/e1/import-result", answer)
        upload = {"file": ("result.xml", b"<eExact/>", "text/xml")}
        await browser.client.post(f"{where}/import-result", data={"_csrf": token}, files=upload)
        assert words in text_of(await browser.get(where))


async def test_only_exact_has_a_result_file_and_only_finance_records_an_import(office):
    office.services.on("GET", "accounting", "/v1/main/exports/e1", exported(target="king-xml"))
    where = "/accounting/main/exports/e1"
    shown = text_of(await (await office.signed_in()).get(where))
    assert "import-failed" in shown
    assert "import-result" not in shown
    looking = await office.with_roles("sales", name="sales-history")
    assert "import-failed" not in text_of(await looking.get(where))


async def test_a_saved_filter_is_its_users_own_and_can_be_forgotten(office):
    on_accounting(office, line(1))
    where = "/accounting/main/debtors"
    browser = await office.speaking("en", "finance")
    assert 'action="/saved-filters"' not in text_of(await browser.get(where))
    filtered = f"{where}?q=jansen&with_message=true"
    assert 'value="q=jansen&with_message=true"' in text_of(await browser.get(filtered))
    named = {"path": where, "query": "q=jansen&with_message=true&cursor=x", "name": " To <mend> "}
    saved = await browser.post("/saved-filters", named, page=where)
    assert saved.headers["location"] == filtered
    shown = await browser.get(where)
    assert f'<a href="{where}?q=jansen&with_message=true">To <mend></a>' in text_of(shown)
    assert "<mend>" not in shown.text
    other = await office.speaking("en", "finance")
    assert "To <mend>" not in text_of(await other.get(where))
    empty = await browser.post("/saved-filters", {"path": where, "query": "", "name": "x"}, page=where)
    assert empty.headers["location"] == where
    elsewhere = await browser.post("/saved-filters", {**named, "path": "//evil.example/x"}, page=where)
    assert not elsewhere.headers["location"].startswith(("//", "http"))
    forgotten = {"path": where, "query": "q=jansen", "forget": "To <mend>"}
    await browser.post("/saved-filters/forget", forgotten, page=where)
    assert "To <mend>" not in text_of(await browser.get(where))
