"""The frames of claims: rows of roles that promise too much, and rows that only sound like them."""

from collections.abc import Iterator
from dataclasses import dataclass
from re import Pattern

from newsletter.editorial.preflight.health_claims.grammar import Lexicon, Match, Reading
from newsletter.editorial.preflight.health_claims.words import ENDINGS, FIXED, NOUNS, VERBS

LEXICON = Lexicon(FIXED, NOUNS, VERBS, ENDINGS)

_NAMES = {
    "soon": """
        SOON|FOREVER|INSTANTLY
        IN_TIME noun DAY
        WITHIN ABOUT? ABOUT? NUM|NUMBER noun TIME
        WITHIN ABOUT? SOON
        BY few DAY|TIME|SOON
        """,
    "free": """
        ILL FREE
        FREE OF noun ILL
        WITHOUT noun ILL
        NO noun ILL
        ILL aux GONE
        PAINLESS
        """,
    "care": """
        noun MEDICINE|DOCTOR|SURGERY
        noun VISIT noun MEDICINE|DOCTOR|SURGERY
        """,
    "good": "ILL|RELIEF|SUCCESS|HEALTHY|WORK|CURE",
}


@dataclass(frozen=True, slots=True)
class _Kind:
    """Frames of one kind, and the frames of what only sounds like it."""

    frames: list[Pattern[str]]
    innocent: list[Pattern[str]]

    def found_in(self, reading: Reading) -> Iterator[Match]:
        if found := reading.matches(self.frames):
            innocent = reading.matches(self.innocent)
            yield from (one for one in found if not any(one.overlaps(other) for other in innocent))


class Claims:
    """Kinds of claims that are looked for together."""

    def __init__(self, *kinds: _Kind) -> None:
        self._kinds = kinds

    def found_in(self, text: str) -> list[Match]:
        """What sounds like such a claim, in order; some may overlap."""
        reading = LEXICON.read(text)
        return sorted(one for kind in self._kinds for one in kind.found_in(reading))


def _kind(rows: str, innocent: str = "") -> _Kind:
    return _Kind(LEXICON.frames(rows, _NAMES), LEXICON.frames(innocent, _NAMES))


PROMISES = Claims(
    # What is done to an ill.
    _kind(
        """
        CURE noun ILL
        CURE few TIME OF noun SITTING|ILL
        END-s noun ILL
        WILL END noun ILL
        END|BEAT noun ILL few soon
        END|BEAT noun ILL far FOREVER
        END noun MISERY few soon
        CURE ANY noun DAMAGE
        <STOP END YOUR noun ILL
        RELIEVE noun ILL few FOREVER
        FOREVER RELIEVE noun ILL
        FREE PERSON noun OF noun ILL
        RUB noun ILL AWAY
        RUB AWAY OF? noun ILL
        RUB noun ILL OUT noun PART|BODY
        MAKE noun ILL VANISH|GONE|AWAY|FADE
        ENDING noun ILL
        GOODBYE PAUSE? noun ILL
        KISS noun ILL AWAY
        TREAT noun ILL YOURSELF
        REMEDY TREAT-s noun ILL
        SHRINK-s noun ILL
        ILL STOP RUB THEM AWAY
        ILL few CURE|END-s|SHRINK-s THEM
        <STOP END noun ILL STOP
        """,
        """
        ORGAN|BODY few CURE|END|RUB
        """,
    ),
    # What becomes of it.
    _kind(
        """
        ILL aux VANISH
        ILL aux BE aux GONE
        ILL few CHANCE
        CHANCE LINK ILL
        ILL aux NOT RETURN
        ILL GONE soon
        ILL PAUSE GONE soon
        ILL CAN BE PREVENT-s
        GONE soon PAUSE noun ILL
        ILL CEASE HERE
        ILL CEASE soon
        ILL CEASE LINK noun DAY
        <STOP LIVE ILL FREE
        NO noun ILL AGAIN
        ILL RISK few ZERO
        free far MONEY_BACK
        WILL CATCH NO noun ILL
        NEVER few LINK? noun ILL AGAIN
        YOUR noun ILL aux CEASE
        ILL STOP few GONE
        NO noun ILL aux RETURN
        RISK few ILL few ZERO
        LIFE few WITHOUT noun ILL
        ILL FREE LIFE
        RENEWED few soon
        LAME few AGAIN
        EVERYONE|ANY few free
        NUM|NUMBER SESSION PAUSE? few GONE|HEALED|RENEWED
        free few soon
        soon PAUSE? far free
        NUM|NUMBER SESSION few free
        NUM|NUMBER|MANY few MANY|NUMBER|HUNDRED few free
        WAKE few WITHOUT noun ILL
        FOREVER free
        NO_MORE noun ILL
        NEVER few CATCH|HURT|SICK few AGAIN
        NEVER few PART HURT
        NOT aux HURT AGAIN
        PART aux NEVER HURT
        NO noun ILL LINK few NOT
        LAST_TIME far HURT
        YOU aux NEVER|NOT FALL SICK
        """,
        """
        USUAL far
        VANISH ITSELF
        ILL THAN
        STUDY far far
        """,
    ),
    # What is done to a body.
    _kind(
        """
        HEAL PERSON|ILL|PART|CROWD
        HEAL INSTANTLY
        NOTHING HEAL|CURE|RELIEVE|WORK far LIKE_THIS
        WILL|TO HEAL
        HEALS
        BE HEALED
        MAGIC
        REPAIR-s noun PART|ILL
        REBUILD noun PART|ILL
        MAKE noun PART|ILL LIKE
        BACKWARD
        PART|ILL SETTLE
        PART|ILL aux REGROW
        TISSUE|PART|ILL few KNIT few INSTANTLY
        """,
        """
        TISSUE aux HEAL
        DOCTOR aux HEAL
        TISSUE few TO HEAL
        SPELL few HEAL
        REPAIR noun PART FUNCTION
        BECAUSE PRONOUN aux HEAL
        MUST few HEAL
        """,
    ),
    _kind(
        "CURED",
        """
        CURED few FOOD
        FOOD few CURED
        CURED few WORSE
        THAN CURED
        CURED few SPA
        SPA far CURED
        """,
    ),
    _kind(
        "MIRACLE",
        """
        MIRACLE few PLACE
        WANT MIRACLE
        NEED|TAKE few MIRACLE
        STORY far
        MIRACLE far STORY
        """,
    ),
    _kind(
        """
        DETOX noun BODY|PART
        DETOXED
        FLUSH|DETOX few POISON
        TOXIN
        """,
        """
        ORGAN noun POISON
        TOXIN few FOOD
        DETOXED MEAN
        WANT DETOXED
        """,
    ),
    # How sure it is.
    _kind(
        """
        GUARANTEE far good
        GUARANTEE noun PART
        good few GUARANTEE
        good few PAUSE GUARANTEE
        PERCENT GUARANTEE
        WE aux GUARANTEE THEM
        WE aux PROMISE far good
        OUR_WORD far good
        """,
        """
        GUARANTEE THING
        """,
    ),
    _kind(
        """
        HUNDRED PERCENT PURE
        WORK few EVERYONE
        WORK LINK ANY noun ILL|PART|BODY
        EVERYONE WORK|EFFECTIVE
        LASTING noun RELIEF
        RELIEF|SUCCESS few CERTAIN
        RELIEF few FOREVER
        RELIEF soon
        FREEDOM OF noun ILL
        HARMLESS few EVERYONE
        WHOLLY HARMLESS
        NEVER few FAIL TO good
        NEVER few FAIL PERSON|STOP|PAUSE
        NOBODY few FAIL
        PROVEN
        SAFE
        NUMBER PERCENT few SUCCESS|RELIEF
        NOTHING_ELSE WORK
        ONLY noun REMEDY far EVER_NEED
        ONLY noun REMEDY LINK EFFECTIVE
        ONLY noun REMEDY LINK few WORK
        """,
        """
        WORK TO
        FOOD few RELIEF
        """,
    ),
    # What is kept away.
    _kind(
        """
        PREVENT noun ILL
        PROTECT few AGAINST noun ILL
        PROTECT few AGAINST few SICK
        KEEP noun ILL BAY
        IMMUNE noun ILL
        NEVER few CATCH noun ILL
        NOT CATCH noun ILL
        """,
        "HABIT far",
    ),
    # What is said of those who treat.
    _kind(
        """
        PHARMA few AFRAID
        DOCTOR few AMAZED
        ADVICE noun DOCTOR NOT
        """
    ),
)

TREATMENT = Claims(
    _kind(
        """
        LEAVE care
        LEAVE noun EXAM|SCAN|DOSE|AID
        RELIEVE noun MEDICINE|DOSE
        MEDICINE|SURGERY CAN BE LEAVE-s
        NOT|NEVER few NEED noun AID
        BE OFF noun MEDICINE
        NEVER TAKE ANOTHER noun MEDICINE
        MEDICINE|SURGERY BE NEVER|NOT few ANSWER
        DOCTOR ONLY few ILL
        <STOP|PAUSE DO NOT TAKE noun DOCTOR
        TRUST far NOT noun DOCTOR
        DOES_WHAT noun MEDICINE|DOCTOR
        WASTE noun SURGERY|DOCTOR
        BETTER far THAN few MEDICINE|DOCTOR
        WITHOUT noun MEDICINE|DOCTOR|SURGERY PAUSE|AND noun MEDICINE|DOCTOR|SURGERY
        PUT noun MEDICINE few OUTSIDE
        MEDICINE STOP noun LEAVE THEM
        INSTEAD care
        BETTER THAN care
        THAN GOOD THAN care
        BEAT care
        NO_NEED few VISIT? few MEDICINE|DOCTOR|SURGERY|SCAN
        NOT|NEVER few NEED few MEDICINE|DOCTOR|SURGERY|SCAN
        WHO_NEEDS care
        OWN_DOCTOR
        NOT SQUANDER few LINK|OF care
        COPE WITHOUT care
        TAKE HALF noun MEDICINE|DOSE
        YOU CAN LEAVE care
        NEED NO care
        NO care few NEEDED
        NO noun SCAN few NEEDED
        NO_MORE care
        NO_MORE noun SCAN
        <STOP NO MEDICINE|DOCTOR|SURGERY PAUSE NO
        MEDICINE|DOCTOR|SURGERY STOP SAY_NO|UNNEEDED
        MEDICINE|DOCTOR|SURGERY STOP NOT NEEDED
        <STOP WHO TAKE care
        YOUR noun MEDICINE aux STAY OUTSIDE
        ALL_THE MEDICINE|DOCTOR YOU NEED
        MEDICINE|DOCTOR|SURGERY aux NOT|NEVER NEEDED
        MEDICINE|DOCTOR|SURGERY aux UNNEEDED
        MAKE care aux UNNEEDED
        WITHOUT GOING? noun MEDICINE|DOCTOR
        WITHOUT noun VISIT noun DOCTOR
        NEVER few TAKE care AGAIN
        WHY TAKE|NEED few MEDICINE|DOCTOR|SURGERY
        WASTE few LINK|OF care
        WASTE noun VISIT noun DOCTOR
        LEAVE ADVICE noun DOCTOR aux SAID
        NOT TRUST noun DOCTOR
        MEDICINE aux HARM PERSON
        """,
        """
        ASK|TELL few DOCTOR far far
        LEAVE far ASK
        LEAVE noun MEDICINE OF
        NEEDED AFTER_ALL
        ADVISED far
        NEED|TAKE few MEDICINE|DOCTOR|SURGERY CONDITION|PROVISO
        LEAVE few MEDICINE|DOCTOR|SURGERY PROVISO
        USUAL far
        NEED|WITHOUT few DOCTOR POSSESSIVE
        DOCTOR SAID PERSON TO far
        NOT ANY noun NEED
        NEED BE few DOCTOR
        WITHOUT few DOCTOR ABOARD
        DOCTOR aux LEAVE
        NO_MORE few THAN
        """,
    ),
    # What is no reason to worry.
    _kind(
        """
        ALARM far WAVED
        ALARM far JUST|KEEP RUB
        ALARM few STOP few KEEP RUB
        MIND noun ALARM
        """,
    ),
)
