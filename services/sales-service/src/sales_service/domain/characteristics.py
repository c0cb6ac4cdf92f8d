"""The VBN characteristics that sale lines carry, by name: what the sector's messages use and people ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from klokwerk_contracts.sale_completed import Characteristic


@dataclass(frozen=True, slots=True)
class CharacteristicType:
    """One type of characteristic.

    Attributes:
        code: as in segment IMD of an EKT.
        name: name of the field in tables and forms.
        label: what people call it.
        unit: what its value counts; empty for a code.
        example: a value as the sector writes it.
        digits: how many a number is written with, zeros in front.
    """

    code: str
    name: str
    label: str
    unit: str = ""
    example: str = ""
    digits: int = 0

    def written(self, value: str) -> str:
        """`value` as the sector writes it: a stem length of 70 is ``070``."""
        return value.zfill(self.digits) if value.isdecimal() else value


TYPES = (
    CharacteristicType("S20", "stem_length", "Stem length", "cm", "070", digits=3),
    CharacteristicType("L11", "stems_per_bunch", "Stems per bunch", "stems", "010", digits=3),
    CharacteristicType("S05", "ripeness", "Ripeness", example="033", digits=3),
    CharacteristicType("S98", "quality", "Quality group", example="A1"),
    CharacteristicType("S62", "country", "Country of origin", example="NL"),
    CharacteristicType("S01", "pot_size", "Pot size", "cm", "012", digits=3),
    CharacteristicType("S02", "plant_height", "Plant height", "cm", "040", digits=3),
    CharacteristicType("S03", "plants_per_pot", "Plants per pot", "plants", "001", digits=3),
)
"""The types with a name. Others, such as the quality remarks K.., are kept by their code."""
BY_CODE = {entry.code: entry for entry in TYPES}
BY_NAME = {entry.name: entry for entry in TYPES}
QUALITY_REMARK = "K"


def label_of(code: str) -> str:
    """What people call a type; its code where it has no name."""
    known = BY_CODE.get(code)
    if known is not None:
        return known.label
    return f"Quality remark {code}" if code.startswith(QUALITY_REMARK) else code


def same(one: Sequence[Characteristic], other: Sequence[Characteristic]) -> bool:
    """Whether both say the same, in whatever order and with however many zeros in front."""
    return sorted(map(_pair, one)) == sorted(map(_pair, other))


def _pair(entry: Characteristic) -> tuple[str, str]:
    known = BY_CODE.get(entry.type)
    return entry.type, known.written(entry.value) if known else entry.value


def with_values(known: Sequence[Characteristic], values: Mapping[str, str]) -> tuple[Characteristic, ...]:
    """`known` with the types in `values` set anew, those with an empty value taken out; the others stay."""
    told = {
        code: (BY_CODE[code].written(value) if code in BY_CODE else value) for code, value in values.items()
    }
    kept = [
        Characteristic(type=entry.type, value=told[entry.type]) if entry.type in told else entry
        for entry in known
        if told.get(entry.type, entry.value)
    ]
    there = {entry.type for entry in known}
    new = [
        Characteristic(type=code, value=value) for code, value in told.items() if value and code not in there
    ]
    return (*kept, *new)
