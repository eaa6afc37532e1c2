"""Frames of promises: of a cure, of relief by a day, of safety or success, of prevention."""

from newsletter.editorial.preflight.health_claims.kinds import Claims, kind

PROMISES = Claims(
    # What is done to an ill.
    kind(
        """
        CURE noun ILL
        CURE noun ROOT_CAUSE noun ILL
        CURE THAT noun ILL
        WE aux TREAT noun GRAVE
        BRING noun PART|ILL LIKE
        YOU aux AVOID noun GRAVE
        ILL STOP far MAKE THEM VANISH|GONE|AWAY
        REPAIR|CURE noun PART|BODY far FOREVER
        RELIEVE|REPAIR|STRAIGHTEN noun PART|BODY soon
        BETTER THAN ANY noun ILL
        RUB noun ILL OUT PERSON
        NOTHING few few NOT CURE|HEAL|REPAIR|END
        BRING noun ILL NORMAL
        ALL_YOU_NEED far ILL
        INSTANTLY CURE-s
        CURE few TIME OF noun SITTING|ILL
        END-s noun ILL
        WILL END noun ILL
        END|BEAT noun ILL few soon
        END|BEAT noun ILL far FOREVER
        END noun MISERY few soon
        END-s few TIME-s OF noun MISERY|ILL
        CURE-s noun DAMAGE
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
        ORGAN|BODY aux CURE|END|RUB
        """,
    ),
    # What becomes of it.
    kind(
        """
        ILL aux VANISH
        ILL aux BE aux GONE
        ILL few CHANCE
        CHANCE LINK ILL
        ILL aux NOT aux RETURN
        NEVER_AGAIN far ILL
        OF noun ILL TO few soon
        PART|ILL aux RENEWED
        YOU aux WALK few WITHOUT noun AID
        PART aux LOOSE soon
        ILL few BE PREVENT-s
        ILL few REVERSIBLE
        PART|ILL aux LOOSE AGAIN
        ILL GO FOREVER|SOON
        ILL WITHOUT DAY|SOON
        <STOP WITHOUT noun ILL LINK noun DAY
        CROWD WALK LOOSE|CURED STOP|PAUSE
        YOU aux NOT|NEVER far ILL AGAIN
        free SINCE
        NOT|NEVER CATCH noun ILL SINCE
        ILL GONE soon
        ILL PAUSE GONE soon
        ILL CAN BE PREVENT-s|CURE-s|HEALED
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
        ILL STOP NEVER_AGAIN
        NO noun ILL LINK? aux RETURN
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
        NEVER WALK few IN ILL
        NOT aux HURT AGAIN
        PART aux NEVER HURT
        PART CEASE few HURT
        NO noun ILL LINK few NOT
        LAST_TIME far HURT
        YOU aux NEVER|NOT FALL SICK
        <STOP RESULTS soon
        YOU aux FORGET few few ILL
        NO noun ILL PAUSE AGAIN
        """,
        """
        USUAL far
        VANISH ITSELF
        ILL THAN
        STUDY far far
        ILL few GONE LINK few MEDICINE|SURGERY
        """,
    ),
    # What is done to a body.
    kind(
        """
        HEAL PERSON|ILL|PART|CROWD
        HEAL INSTANTLY
        REPAIR noun FUNCTION soon
        MAKE PERSON WELL_AGAIN
        WE aux HEAL
        REPAIR-s noun SENSE
        NUM|NUMBER noun TIME YOUNGER
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
        REPAIR noun PART OF noun THING
        BECAUSE PRONOUN aux HEAL
        USUAL HEAL
        MUST few HEAL
        """,
    ),
    kind(
        "CURED",
        """
        CURED few FOOD
        FOOD few few CURED
        CURED few WORSE
        CURED AND NO CURED
        THAN CURED
        CURED few SPA
        SPA far CURED
        """,
    ),
    kind(
        "MIRACLE",
        """
        MIRACLE few PLACE
        WANT MIRACLE
        NEED|TAKE few MIRACLE
        STORY far
        MIRACLE far STORY
        """,
    ),
    kind(
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
    kind(
        """
        GUARANTEE far good
        GUARANTEE noun PART
        GUARANTEE TO far PART|ILL|BODY
        good few GUARANTEE
        good few PAUSE GUARANTEE
        PERCENT GUARANTEE
        WE aux GUARANTEE THEM
        WE aux PROMISE far good
        OUR_WORD far good
        """,
        """
        GUARANTEE THING
        THING few GUARANTEE
        """,
    ),
    kind(
        """
        HUNDRED PERCENT PURE
        WORK few EVERYONE
        WORK LINK ANY noun ILL|PART|BODY
        EVERYONE WORK|EFFECTIVE
        EFFECTIVE few EVERYONE
        SCIENCE aux PROVED THEM|STOP|PAUSE
        REMEDY aux INFALLIBLE
        HEAL ANYTHING
        FASTEST noun REMEDY|WAY AGAINST|OUT|FOR|TO noun ILL
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
        ONLY noun REMEDY|MEDICINE|DOCTOR far EVER_NEED
        ONLY noun REMEDY LINK EFFECTIVE
        ONLY noun REMEDY LINK few WORK
        """,
        """
        WORK TO
        FOOD few RELIEF
        RELIEF aux TAKE
        """,
    ),
    # What is done to a figure.
    kind(
        """
        SLIM-s noun FAT
        <STOP SLIM|LOSE noun FAT
        SLIM|LOSE noun FAT few soon
        SLIM|LOSE noun FAT few EFFORTLESS
        FAT few FALL_OFF
        FLAT BELLY few soon
        """,
        """
        LOSE-s WEIGHT
        """,
    ),
    # What is kept away.
    kind(
        """
        PREVENT noun ILL
        PROTECT few AGAINST noun ILL
        PROTECT few AGAINST few SICK
        KEEP noun ILL BAY|OF
        WEAPON AGAINST noun ILL
        IMMUNE noun ILL
        NEVER few CATCH noun ILL
        NOT CATCH noun ILL
        NEVER WHO few few CATCH noun ILL
        """,
        """
        HABIT far
        <STOP TO PREVENT noun ILL
        """,
    ),
    # What is said of those who treat.
    kind(
        """
        PHARMA few AFRAID
        DOCTOR few AMAZED
        ADVICE noun DOCTOR NOT
        """
    ),
)
