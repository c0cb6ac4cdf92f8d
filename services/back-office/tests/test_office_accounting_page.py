"""Accounting: lines, status, export, history."""

from __future__ import annotations

from office_shapes import body_of, line, page, text_of


def on_accounting(office, *lines, mode="file"):
    one = {"code": "main", "name": "Flowers", "mode": mode}
    office.services.on("GET", "accounting", "/v1/administrations", page(one))
    office.services.on("GET", "accounting", "/v1/main/debtors/lines", page(*lines))


async def test_each_line_opens_its_relation_in_the_words_of_the_manual(office):
    on_accounting(office, line(1))
    browser = await office.signed_in(language="nl")
    await browser.post("/language", {"language": "nl", "back": "/"}, page="/accounting/main/debtors")
    shown = text_of(await browser.get("/accounting/main/debtors"))
    for words in ("Debiteuren ophalen", "Wijzig status in Update", "Exporteer debiteuren (alle)", "Melding"):
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
    assert "Katwijk · NL999000010B17" in shown


async def test_selected_lines_only_are_changed_and_exported_and_none_means_all(office):
    on_accounting(office, line(1), line(2))
    office.services.on("POST", "accounting", "/v1/main/debtors/lines/status", {"changed": 2})
    made = {"id": "e1", "kind": "debtors", "mode": "file", "state": "done", "lines": 2}
    office.services.on("POST", "accounting", "/v1/main/debtors/export", made, 201)
    browser = await office.signed_in()
    where = "/accounting/main/debtors"
    await browser.post(f"{where}/status", {"ids": ["line-1", "line-2"], "action": "Update"}, page=where)
    changed = body_of(office.services.last("POST", "/v1/main/debtors/lines/status"))
    assert changed == {"line_ids": ["line-1", "line-2"], "action": "Update"}
    assert "Status of 2 lines changed" in text_of(await browser.get(where))
    await browser.post(f"{where}/export", {"ids": ["line-2"], "_once": "x"}, page=where)
    assert body_of(office.services.last("POST", "/v1/main/debtors/export")) == {"line_ids": ["line-2"]}
    await browser.post(f"{where}/export", {"_once": "y"}, page=where)
    assert body_of(office.services.last("POST", "/v1/main/debtors/export")) == {}


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
    await browser.post("/accounting/main/debtors/export", page="/accounting/main/debtors")
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
