"""Finding cards among 100,000: the search box, and the warning about doubles while a card is being typed.

The other side asks the same of the same rows without what we keep beside a card (search text, keys, their indexes).
The floors are the promises: a search in under 100 ms, a warning in under 50 ms, median of all questions; and the number
of all that match with the digest that pins them in under 200 ms, beside the number alone.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from debtor_service.domain.card import Card, CardContent
from debtor_service.domain.duplicates import Typed, judge, plain_name, similarity
from debtor_service.domain.search import words_of
from debtor_service.store import cards, duplicates, finding
from ground import Ground
from klokwerk.database import Database
from klokwerk.testing import fresh_database
from measure import Comparison, Side, Watch, compare
from sqlalchemy.ext.asyncio import AsyncConnection

CARDS = 100_000
AT_ONCE = 1000
SEARCH_FLOOR, WARNING_FLOOR, COUNT_FLOOR = 10.0, 20.0, 5.0
COUNTED = ["", "bloemen", "kwekerij", "de vries", "1010", "jansen roos"]
"""What "select all that match" is asked of: everything, and what many cards hold."""
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
FIRST = (
    "Bloemenhandel",
    "Bloemisterij",
    "Kwekerij",
    "Tuincentrum",
    "Fleurs",
    "Sierteelt",
    "Roos",
    "Tulp",
    "Veiling",
)
NAMES = (
    "de Vries",
    "Sjöberg",
    "Müller",
    "van Dijk",
    "Bakker",
    "Visser",
    "Smit",
    "Mulder",
    "Jansen",
    "van den Berg",
)
ONSETS = (
    "B",
    "D",
    "Gr",
    "H",
    "Kl",
    "L",
    "M",
    "N",
    "P",
    "R",
    "Sch",
    "St",
    "T",
    "V",
    "W",
    "Zw",
    "van der K",
    "de J",
    "Br",
    "Hoog",
)
CORES = ("aa", "e", "ie", "oe", "u", "ij", "ou", "ee", "an", "ol", "er", "oos", "en", "ui", "ar")
ENDS = (
    "sma",
    "ker",
    "man",
    "stra",
    "ens",
    "dijk",
    "veld",
    "ling",
    "huis",
    "berg",
    "laar",
    "mans",
    "kamp",
    "horst",
    "meer",
)
PLACES = (
    "Aalsmeer",
    "Katwijk",
    "Naaldwijk",
    "Malmö",
    "Köln",
    "Antwerpen",
    "Lisse",
    "Honselersdijk",
    "Rijnsburg",
)
QUERIES: dict[str, tuple[str, ...]] = {
    "one letter": ("b", "z", "q", "7", "é"),
    "two letters": ("be", "zw", "xq", "ij", "12"),
    "umlauts": ("sjoberg kade", "Müller", "köln", "Malmö kade"),
    "number": ("NL 12345", "k04242", "d99999", "071 55501", "nl91 abna", "2225 aa"),
    "e-mail": ("info777@bloemist.example", "info99999@bloemist.example"),
    "e-mail, a part": ("info777@", "bloemist", "@bloemist.example", ".example"),
    "no hit": ("zzzxxy", "nobody at all", "bloem zzzz"),
    "common": ("bloem", "van", "bv", "kade", "els inkoop", "de bv van en", "a naaldwijk"),
    "names": ("tulp visser", "van dijk naaldwijk", "kwekerij mulder", "veiling", "betaalt"),
}
"""What people type, by kind."""
_SLOW_SEARCH = (
    "select debtor_id, content from card where state in ('active', 'blocked') and {conditions} "
    "order by name limit 51"
)
_INDEXES = sa.text(
    "select indexname, indexdef from pg_indexes where tablename = 'card' and indexdef ilike '%using gin%'"
)
_NAMES = sa.text("select debtor_id, name from card where state in ('active', 'blocked')")


def surname(dice: random.Random) -> str:
    """One of some thousands, a few of them frequent, as surnames are."""
    if dice.random() < 0.2:
        return dice.choice(NAMES)
    return "".join(dice.choice(part) for part in (ONSETS, CORES, ENDS)) + dice.choice(
        ("", "", " " + dice.choice(NAMES))
    )


def content(number: int, dice: random.Random) -> CardContent:
    """A card as people fill them in."""
    return CardContent.model_validate(
        {
            "name": f"{dice.choice(FIRST)} {surname(dice)} {dice.choice(('B.V.', 'BV', '', 'en Zn', 'VOF'))}".strip(),
            "emails": [{"address": f"info{number}@bloemist.example"}],
            "addresses": [
                {
                    "lines": [f"Kade {dice.randint(1, 300)}"],
                    "postal_code": f"{dice.randint(1000, 9999)} {dice.choice('ABCDEFGHJKLMNPR')}A",
                    "city": dice.choice(PLACES),
                    "country": "NL",
                }
            ],
            "vat_number": f"NL{dice.randint(10**8, 10**9 - 1)}B01",
            "chamber_number": str(dice.randint(10**7, 10**8 - 1)),
            "phones": [f"+31 71 555{dice.randint(1000, 9999)}"],
            "bank_accounts": [{"iban": f"NL91ABNA{dice.randint(10**9, 10**10 - 1)}"}],
            "contact_persons": [
                {"contact_id": "1", "name": dice.choice(("Els", "Piet")), "department": "Inkoop"}
            ],
            "internal_note": "Betaalt contant" if number % 50 == 0 else "",
        }
    )


async def filled(database: Database, count: int) -> None:
    """Store so many cards, as the service would, without telling anybody; the large indexes are made afterwards."""
    dice = random.Random(1)
    async with database.transaction() as connection:
        rows = (await connection.execute(_INDEXES)).all()
        for row in rows:
            await connection.execute(sa.text(f"drop index {row.indexname}"))
    starts = iter(range(0, count, AT_ONCE))

    async def store() -> None:
        for start in starts:
            made = [
                Card(f"d{n}", "main", 1, content(n, dice), NOW, "bench", NOW, customer_number=f"K{n:05d}")
                for n in range(start, min(start + AT_ONCE, count))
            ]
            async with database.transaction() as connection:
                await cards.insert(connection, made)

    await asyncio.gather(store(), store())  # while the database takes one part in, the next one is made
    async with database.transaction() as connection:
        for row in rows:
            await connection.execute(sa.text(row.indexdef))
        await connection.execute(sa.text("analyze card"))


def typed_forms(count: int) -> list[Typed]:
    """What people type who are about to make a card that is there already, or one that is not."""
    dice = random.Random(1)
    present = [content(n, dice) for n in range(min(count, 200))]
    forms = []
    for number in range(0, len(present), 40):
        card = present[number]
        code = card.addresses[0].postal_code
        forms += [
            Typed(name=card.name[:12]),
            Typed(name=card.name.replace("e", "", 2), postal_codes=(code,)),
            Typed(name=card.name, emails=(card.emails[0].address,), chamber_number=card.chamber_number),
            Typed(name=f"Kaasboerderij {number} Willemsen", postal_codes=(code,)),
        ]
    return forms


Ask = Callable[[AsyncConnection, Any], Awaitable[object]]


def asking(
    name: str, database: Database, questions: list[Any], ask: Ask, taken: dict[str, list[float]]
) -> Side:
    """A side that asks the questions once each; how long each took is kept."""

    async def work(watch: Watch) -> int:
        async with database.transaction() as connection:
            watch.start()
            for question in questions:
                began = time.perf_counter()
                await ask(connection, question)
                taken.setdefault(str(question), []).append(time.perf_counter() - began)
        return len(questions)

    return Side(name, work)


async def _search(connection: AsyncConnection, query: str) -> object:
    return await finding.page(connection, cards.CardFilter(tuple(words_of(query))), None, 51)


async def _slow_search(connection: AsyncConnection, query: str) -> object:
    words = words_of(query)
    conditions = " and ".join(f"content::text ilike :w{n}" for n in range(len(words))) or "true"
    values = {f"w{n}": f"%{word}%" for n, word in enumerate(words)}
    return (await connection.execute(sa.text(_SLOW_SEARCH.format(conditions=conditions)), values)).all()


async def _which(connection: AsyncConnection, query: str) -> object:
    return await cards.counted(connection, cards.CardFilter(tuple(words_of(query))))


async def _how_many(connection: AsyncConnection, query: str) -> object:
    return await cards.count(connection, cards.CardFilter(tuple(words_of(query))))


async def _warn(connection: AsyncConnection, typed: Typed) -> object:
    return judge(typed, await duplicates.candidates(connection, typed, ""), 5)


async def _slow_warn(connection: AsyncConnection, typed: Typed) -> object:
    name = plain_name(typed.name)
    rows = (await connection.execute(_NAMES)).all()
    return sorted(rows[:2000], key=lambda row: -similarity(name, plain_name(row.name)))[:5]


@asynccontextmanager
async def office(own: Ground) -> AsyncIterator[tuple[Database, int]]:
    """A database of the debtor service with its cards."""
    count = own.count(CARDS)
    async with fresh_database(own.admin_url, "debtor_service") as url:
        database = Database(url)
        try:
            await filled(database, count)
            yield database, count
        finally:
            await database.close()


async def run(own: Ground) -> list[Comparison]:
    """The comparisons."""
    async with office(own) as (database, count):
        found = []
        queries = [query for kind in QUERIES.values() for query in kind]
        for name, questions, ours, other, floor in (
            ("card search", queries, _search, _slow_search, SEARCH_FLOOR),
            ("doubles while typing", typed_forms(count), _warn, _slow_warn, WARNING_FLOOR),
            ("which cards match", COUNTED, _which, _how_many, COUNT_FLOOR),
        ):
            taken: dict[str, list[float]] = {}
            comparison = await compare(
                name,
                asking("kept search text and keys", database, questions, ours, taken),
                # Reading all rows takes long, whatever is asked: a few questions say how long.
                asking("the rows as they are", database, questions[:: len(questions) // 4], other, {}),
                unit="questions",
                pace=own.pace,
                floor=own.wanted(floor),
            )
            every = sorted(each * 1000 for times in taken.values() for each in times)
            medians = {question: statistics.median(times) * 1000 for question, times in taken.items()}
            slowest = max(medians, key=lambda question: medians[question])
            notes: dict[str, Any] = {
                "cards": count,
                "median_ms": round(statistics.median(every), 1),
                "p99_ms": round(every[int(len(every) * 0.99)], 1),
                "slowest_ms": round(medians[slowest], 1),
                "slowest_question": slowest,
            }
            if ours is _search:
                worst = {kind: round(max(medians[q] for q in asked), 1) for kind, asked in QUERIES.items()}
                notes["slowest_of_each_kind_ms"] = worst
            found.append(replace(comparison, notes=notes))
    return found
