"""Every topic again from offset 0, for every group that reads it."""

from __future__ import annotations

import pytest
from klokwerk_platform.demo.steps.replay import everything_again

pytestmark = pytest.mark.system


async def test_a_replay_of_all_topics_from_offset_0_sends_nothing_and_changes_nothing(world):
    debtor = await world.debtor()
    (line,) = await world.sell(debtor)
    await world.mailed_times(debtor, 1)
    await world.correct(debtor, line, units=6)
    await world.resend(debtor)
    await world.ekt_sent(debtor, 2)
    issued = await world.invoice(debtor)
    await world.dispatch(issued["invoice_id"], "waiting")
    await world.send_invoice(issued["invoice_id"])
    await world.dispatch(issued["invoice_id"], "sent")
    await world.number(debtor)
    await world.all_read()
    await everything_again(world.play)
    assert len(await world.mailed(debtor)) == 2
    assert len(await world.invoice_mails(issued["number"])) == 1
