"""The words and sentence templates of the demonstration model's world. Nothing outside this file is ever seen by it.

In templates, `{slots}` are filled by `tasks.py`. The held-out templates use known words only: a word that was never
trained on has no embedding worth testing.
"""

# Mary (0) and John (5) are a held-out pair: see `tasks.pair_is_held_out`.
NAMES = (
    "Mary Tom James Dan Sarah John Alice Bob Anna Peter Paul Kate Emma Jack Lucy Mark Laura David Susan Michael "
    "Robert Linda Helen George Henry Jane Julia Kevin Lisa Martin Nick Rachel Sam Simon Steve Victor Emily Frank "
    "Grace Adam"
).split()

PLACES = (
    "store park school office garden station beach hospital restaurant house library market cafe museum church farm"
).split()
GIFTS = "drink book ring ball letter basket flower gift key ticket coat map pen cake hat lamp".split()

OPENINGS = (
    "When {first} and {second} went to the {place},",
    "When {first} and {second} were leaving the {place},",
    "When {first} and {second} got home from the {place},",
    "After {first} and {second} went to the {place},",
    "After {first} and {second} had lunch at the {place},",
    "While {first} and {second} were at the {place},",
    "While {first} and {second} were waiting near the {place},",
    "As soon as {first} and {second} got to the {place},",
    "Before {first} and {second} left the {place},",
    "Once {first} and {second} had found the {place},",
    "Because {first} and {second} were late for the {place},",
    "Then, {first} and {second} were working at the {place}.",
    "Then, {first} and {second} had a long argument at the {place}, and",
    "Yesterday, {first} and {second} met at the {place}.",
    "Yesterday {first} and {second} drove past the {place} and then",
    "The other day {first} and {second} walked to the {place}, and",
    "In the morning, {first} and {second} drove to the {place}, where",
    "Last night {first} and {second} stayed at the {place} until",
    "The friends {first} and {second} were lost in the {place}.",
    "The teacher said that {first} and {second} were at the {place} when",
    "At the {place}, {first} and {second} had a good time, and",
    "Today the teacher met {first} and {second} near the {place}.",
    "{first} and {second} went to the {place}.",
    "{first} and {second} were working at the {place} when",
    "{first} and {second} met at the {place}.",
    "{first} and {second} had a long argument near the {place}, and",
    "Before the doctor left, {first} and {second} went to the {place} and",
    "When the teacher got home, {first} and {second} were at the {place}.",
    "Because the teacher was late, {first} and {second} stayed at the {place} until",
    "After the long war, {first} and {second} met at the {place}, where",
    "Once the trial had ended, {first} and {second} walked to the {place}, and",
    "While the dog was waiting, {first} and {second} walked past the {place}, and",
    "The teacher and the doctor said that {first} and {second} had lunch at the {place} and then",
    "They say that {first} and {second} were at the {place} and that",
    "It was late when {first} and {second} got to the {place}, and",
    "On Monday {first} and {second} went to the {place}, and",
    "Last year {first} and {second} left the {place}, where",
    "In the year of the plague, {first} and {second} left the {place}, and",
)
HELD_OUT_OPENINGS = (
    "While {first} and {second} were working at the {place},",
    "Once {first} and {second} got home from the {place},",
    "The other day {first} and {second} met near the {place}.",
    "As soon as the teacher left, {first} and {second} drove to the {place}, where",
    "In the morning, {first} and {second} had an argument at the {place} and then",
    "{first} and {second} had lunch at the {place}, and",
    "When the long trial ended, {first} and {second} met at the {place} and then",
    "Because the doctor was late, {first} and {second} walked to the {place}, where",
    "On Friday {first} and {second} were waiting at the {place} when",
    "They said that {first} and {second} had found the {place} and that",
)

ENDINGS = (
    "{subject} gave a {gift} to",
    "{subject} gave the {gift} back to",
    "{subject} decided to give a {gift} to",
    "{subject} wanted to pass the {gift} to",
    "{subject} handed the {gift} to",
    "{subject} passed a {gift} to",
    "{subject} offered the {gift} to",
    "{subject} sold a {gift} to",
    "{subject} sent the {gift} to",
    "{subject} showed a {gift} to",
    "{subject} brought the {gift} to",
    "{subject} threw a {gift} to",
    "{subject} lent the {gift} to",
    "{subject} said hello to",
    "{subject} told a story to",
    "{subject} went out and bought a {gift} for",
    "{subject} made a {gift} for",
    "{subject} found the {gift} for",
    "{subject} had to keep a {gift} for",
)
HELD_OUT_ENDINGS = (
    "{subject} wanted to give a {gift} to",
    "{subject} handed the {gift} back to",
    "{subject} went out and found a {gift} for",
    "{subject} decided to keep the {gift} for",
)

CAPITALS = dict(
    pair.split()
    for pair in (
        "France Paris, Germany Berlin, Italy Rome, Spain Madrid, Portugal Lisbon, England London, Ireland Dublin, "
        "Austria Vienna, Greece Athens, Poland Warsaw, Russia Moscow, Ukraine Kyiv, Sweden Stockholm, Norway Oslo, "
        "Denmark Copenhagen, Finland Helsinki, Iceland Reykjavik, Hungary Budapest, Romania Bucharest, "
        "Bulgaria Sofia, Serbia Belgrade, Croatia Zagreb, Belgium Brussels, Turkey Ankara, Egypt Cairo, "
        "Kenya Nairobi, Ghana Accra, Morocco Rabat, Japan Tokyo, China Beijing, Korea Seoul, Thailand Bangkok, "
        "Vietnam Hanoi, Indonesia Jakarta, Nepal Kathmandu, Iran Tehran, Iraq Baghdad, Canada Ottawa, Cuba Havana, "
        "Peru Lima, Chile Santiago, Australia Canberra"
    ).split(", ")
)
LANGUAGES = dict(
    pair.split()
    for pair in (
        "France French, Germany German, Italy Italian, Spain Spanish, Portugal Portuguese, England English, "
        "Greece Greek, Poland Polish, Russia Russian, Ukraine Ukrainian, Sweden Swedish, Norway Norwegian, "
        "Denmark Danish, Finland Finnish, Iceland Icelandic, Hungary Hungarian, Romania Romanian, "
        "Bulgaria Bulgarian, Serbia Serbian, Croatia Croatian, Turkey Turkish, Japan Japanese, China Chinese, "
        "Korea Korean, Thailand Thai, Vietnam Vietnamese"
    ).split(", ")
)
LANDMARKS = {
    "Eiffel Tower": "Paris",
    "Louvre": "Paris",
    "Colosseum": "Rome",
    "Trevi Fountain": "Rome",
    "British Museum": "London",
    "Tower Bridge": "London",
    "Brandenburg Gate": "Berlin",
    "Kremlin": "Moscow",
    "Acropolis": "Athens",
    "Prado": "Madrid",
    "Forbidden City": "Beijing",
    "Little Mermaid": "Copenhagen",
    "Atomium": "Brussels",
    "Belvedere Palace": "Vienna",
}
CAPITAL_PHRASINGS = (
    "The capital of {item} is",
    "The capital city of {item} is",
    "The capital of {item} has always been",
    "In {item}, the capital is",
    "The government of {item} sits in",
    "The king of {item} lives in",
    "We went to {item} and stayed in its capital,",
    "They flew to the capital of {item},",
    "Everyone in {item} knows the capital,",
    "The train to {item} stops in its capital,",
)
LANGUAGE_PHRASINGS = (
    "People in {item} speak",
    "The language of {item} is",
    "The people of {item} speak",
    "In {item}, people speak",
    "In {item}, the language is",
)
LANDMARK_PHRASINGS = (
    "The {item} is in the city of",
    "The {item} stands in the centre of",
    "Everyone knows the {item} in",
    "We saw the {item} in",
    "They flew to the {item} in",
    "The train to the {item} stops in",
)

ORDERS = {
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "month": "January February March April May June July August September October November December".split(),
    "number": (
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty"
    ).split(),
    "letter": list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
}
CYCLIC_ORDERS = ("day", "month")
STEP_PHRASINGS = (
    "The {kind} after {run} is",
    "The next {kind} after {run} is",
    "After {run} comes",
    "The {kind} that follows {run} is",
    "The {kind} {run} comes before",
)
RUN_PHRASINGS = ("{run},", "In order: {run},", "The list goes {run},")
RUN_LENGTHS = (2, 3, 4)

NOUNS = (
    "key cabinet dog cat boy girl teacher picture book bag car tree door window table chair house garden road bird "
    "horse doctor farmer artist ship letter flower lamp"
).split()
PREPOSITIONS = "near behind beside above under with by from".split()
VERBS = (("is", "are"), ("was", "were"), ("has", "have"))
SUBJECT_PHRASINGS = ("The {subject}", "We know that the {subject}", "In the morning, the {subject}")
COMPLEMENTS = ("old", "new", "red", "lost", "late", "at home")
PERFECT_COMPLEMENTS = ("been lost", "been late", "been at home")

EVENTS = "war siege famine reign dynasty plague strike voyage project rebellion empire trial".split()
CENTURIES = [str(century) for century in range(11, 20)]
TWO_DIGITS = [f"{number:02}" for number in range(100)]
SPAN_PHRASINGS = (
    "The {event} lasted from the year {start} to the year {century}",
    "The {event} began in the year {start} and ended in the year {century}",
    "The {event} went on from {start} to {century}",
)

REPETITION_INTRODUCTIONS = ("", "Repeat:")

TEMPLATES = (
    *OPENINGS, *HELD_OUT_OPENINGS, *ENDINGS, *HELD_OUT_ENDINGS,
    *CAPITAL_PHRASINGS, *LANGUAGE_PHRASINGS, *LANDMARK_PHRASINGS,
    *STEP_PHRASINGS, *RUN_PHRASINGS, *SUBJECT_PHRASINGS, *SPAN_PHRASINGS, *REPETITION_INTRODUCTIONS,
)  # fmt: skip
SLOT_FILLERS = (
    *NAMES, *PLACES, *GIFTS,
    *CAPITALS, *CAPITALS.values(), *LANGUAGES.values(), *LANDMARKS, *LANDMARKS.values(),
    *ORDERS, *(item for order in ORDERS.values() for item in order),
    *NOUNS, *(f"{noun}s" for noun in NOUNS), *PREPOSITIONS, *(form for pair in VERBS for form in pair),
    *COMPLEMENTS, *PERFECT_COMPLEMENTS, *EVENTS,
)  # fmt: skip
