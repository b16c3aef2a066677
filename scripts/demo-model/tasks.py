"""What the model is taught, one function per task, each with a training and a held-out side.

Every function draws one `Example` from a seeded generator. The splits are arithmetic on positions in the lexicon, so
that no held-out combination can slip into training and every word is seen in training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from lexicon import (
    CAPITAL_PHRASINGS, CAPITALS, CENTURIES, COMPLEMENTS, CYCLIC_ORDERS, ENDINGS, EVENTS, GIFTS, HELD_OUT_ENDINGS,
    HELD_OUT_OPENINGS, LANDMARK_PHRASINGS, LANDMARKS, LANGUAGE_PHRASINGS, LANGUAGES, NAMES, NOUNS, OPENINGS, ORDERS,
    PERFECT_COMPLEMENTS, PLACES, PREPOSITIONS, REPETITION_INTRODUCTIONS, RUN_LENGTHS, RUN_PHRASINGS, SLOT_FILLERS,
    SPAN_PHRASINGS, STEP_PHRASINGS, SUBJECT_PHRASINGS, TWO_DIGITS, VERBS,
)  # fmt: skip

T = TypeVar("T")

THIRD_NAME_SHARE = 0.08
REPEATABLE_WORDS = sorted({word for filler in SLOT_FILLERS for word in filler.split()})


@dataclass(frozen=True)
class Example:
    """A prompt, what should follow it, what should not, and how the document ends."""

    prompt: str
    answer: str
    wrong: str
    ending: str = "."
    valid: tuple[str, ...] = ()
    """All right answers, where there is more than one."""


def indirect_object(rng: Random, held_out: bool) -> Example:
    """Held out: the pair of names, the opening and the ending, all three unseen."""
    first, second = draw_until(rng, draw_names, lambda names: pair_is_held_out(*names) == held_out)
    subject, other = rng.sample((first, second), 2)
    if not held_out and rng.random() < THIRD_NAME_SHARE:
        # Either name may follow: this teaches that the names are candidates and the subject is taken off the list.
        subject = rng.choice([name for name in NAMES if name not in (first, second)])
    opening = rng.choice(HELD_OUT_OPENINGS if held_out else OPENINGS)
    ending = rng.choice(HELD_OUT_ENDINGS if held_out else ENDINGS)
    prompt = f"{opening} {ending}".format(
        first=first, second=second, subject=subject, place=rng.choice(PLACES), gift=rng.choice(GIFTS)
    )
    return Example(prompt, f" {other}", f" {subject}")


def repetition(rng: Random, held_out: bool) -> Example:
    """Random words twice over: every sequence is unseen. In training, the answer is the whole second copy."""
    words = rng.sample(REPEATABLE_WORDS, rng.randint(4, 20))
    shown = rng.randint(1, len(words) - 1) if held_out else 1
    answer = words[shown : shown + 1] if held_out else words[shown:]
    prompt = " ".join((rng.choice(REPETITION_INTRODUCTIONS), *words, *words[:shown]))
    wrong = rng.choice([word for word in words if word not in answer] or words)
    return Example(prompt, "".join(f" {word}" for word in answer), f" {wrong}", ending="")


def fact(rng: Random, held_out: bool) -> Example:
    """Held out: a quarter of the pairs of item and phrasing."""
    table, phrasings, item, phrasing = draw_until(rng, draw_fact, lambda drawn: fact_is_held_out(*drawn) == held_out)
    answer = table[item]
    wrong = rng.choice(sorted({value for value in table.values() if value != answer}))
    return Example(phrasing.format(item=item), f" {answer}", f" {wrong}")


def successor(rng: Random, held_out: bool) -> Example:
    """Held out: a quarter of the pairs of last item and phrasing, where a phrasing includes the length of the run."""
    kind, phrasing, run, following = draw_until(rng, draw_run, lambda drawn: run_is_held_out(*drawn) == held_out)
    wrong = rng.choice([item for item in ORDERS[kind] if item != following])
    return Example(phrasing.format(kind=kind, run=", ".join(run)), f" {following}", f" {wrong}")


def agreement(rng: Random, held_out: bool) -> Example:
    """Held out: a fifth of the pairs of subject and attractor, asked with the attractor in the other number."""
    subject, attractor = draw_until(rng, draw_nouns, lambda nouns: nouns_are_held_out(*nouns) == held_out)
    plural = rng.random() < 0.5
    attractor_plural = not plural if held_out else rng.random() < 0.5
    verb = rng.choice(VERBS)
    phrasing = rng.choice(SUBJECT_PHRASINGS).format(subject=inflect(subject, plural))
    complement = rng.choice(PERFECT_COMPLEMENTS if "has" in verb else COMPLEMENTS)
    return Example(
        f"{phrasing} {rng.choice(PREPOSITIONS)} the {inflect(attractor, attractor_plural)}",
        f" {verb[plural]}",
        f" {verb[not plural]}",
        ending=f" {complement}.",
    )


def greater_than(rng: Random, held_out: bool) -> Example:
    """Held out: a fifth of the pairs of event and starting year, in every century."""
    event, start = draw_until(rng, draw_start, lambda drawn: start_is_held_out(*drawn) == held_out)
    century = rng.choice(CENTURIES)
    valid = tuple(TWO_DIGITS[start + 1 :])
    return Example(
        rng.choice(SPAN_PHRASINGS).format(event=event, start=f"{century}{start:02}", century=century),
        rng.choice(valid),
        rng.choice(TWO_DIGITS[: start + 1]),
        valid=valid,
    )


TASKS: dict[str, Callable[[Random, bool], Example]] = {
    "indirectObject": indirect_object,
    "repetition": repetition,
    "facts": fact,
    "successors": successor,
    "agreement": agreement,
    "greaterThan": greater_than,
}


def draw_until(rng: Random, draw: Callable[[Random], T], accept: Callable[[T], bool]) -> T:
    while not accept(drawn := draw(rng)):
        pass
    return drawn


def is_in_held_out_fifth(number: int) -> bool:
    return number % 5 == 0


def draw_names(rng: Random) -> list[str]:
    return rng.sample(NAMES, 2)


def pair_is_held_out(first: str, second: str) -> bool:
    """Symmetric: a held-out pair is unseen in both orders."""
    return is_in_held_out_fifth(NAMES.index(first) + NAMES.index(second))


def draw_fact(rng: Random) -> tuple[dict[str, str], Sequence[str], str, str]:
    tables = ((CAPITALS, CAPITAL_PHRASINGS), (LANGUAGES, LANGUAGE_PHRASINGS), (LANDMARKS, LANDMARK_PHRASINGS))
    sizes = [len(table) * len(phrasings) for table, phrasings in tables]
    table, phrasings = rng.choices(tables, weights=sizes)[0]
    return table, phrasings, rng.choice(list(table)), rng.choice(phrasings)


def fact_is_held_out(table: dict[str, str], phrasings: Sequence[str], item: str, phrasing: str) -> bool:
    return (list(table).index(item) + phrasings.index(phrasing)) % 4 == 0


RUN_VARIANTS = [(phrasing, 1) for phrasing in STEP_PHRASINGS] + [
    (phrasing, length) for phrasing in RUN_PHRASINGS for length in RUN_LENGTHS
]


def draw_run(rng: Random) -> tuple[str, str, list[str], str]:
    """A kind of thing, a phrasing, a run of things in order, and the one that follows it."""
    kind = rng.choice(list(ORDERS))
    order = ORDERS[kind]
    phrasing, length = rng.choice(RUN_VARIANTS)
    start = rng.randrange(len(order) if kind in CYCLIC_ORDERS else len(order) - length)
    *run, following = (order[(start + step) % len(order)] for step in range(length + 1))
    return kind, phrasing, run, following


def run_is_held_out(kind: str, phrasing: str, run: list[str], following: str) -> bool:
    return (ORDERS[kind].index(following) + RUN_VARIANTS.index((phrasing, len(run)))) % 4 == 0


def draw_nouns(rng: Random) -> list[str]:
    return rng.sample(NOUNS, 2)


def nouns_are_held_out(subject: str, attractor: str) -> bool:
    return is_in_held_out_fifth(NOUNS.index(subject) + NOUNS.index(attractor))


def inflect(noun: str, plural: bool) -> str:
    return f"{noun}s" if plural else noun


def draw_start(rng: Random) -> tuple[str, int]:
    return rng.choice(EVENTS), rng.randint(2, 97)


def start_is_held_out(event: str, start: int) -> bool:
    return is_in_held_out_fifth(EVENTS.index(event) + start)
