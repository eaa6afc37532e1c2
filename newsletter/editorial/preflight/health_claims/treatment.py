"""Frames of talk against treatment: without medicine, doctor or surgery, and past what should be a warning."""

from newsletter.editorial.preflight.health_claims.kinds import Claims, kind

TREATMENT = Claims(
    kind(
        """
        LEAVE care
        KISS YOUR noun MEDICINE|DOCTOR|SURGERY AWAY
        MEDICINE|DOCTOR|SURGERY STOP YOU aux NOT few NEED
        WASTING LINK care
        NOT TAKE noun MEDICINE SINCE
        TAKE|MAKE PERSON OFF noun MEDICINE
        NEVER few MEDICINE AGAIN
        YOU aux NOT TAKE noun DOCTOR FOREVER|AGAIN
        MEDICINE YOU TAKE few aux NOT|NEVER NEEDED|UNNEEDED
        ADVICE noun DOCTOR aux SAID PAUSE few BETTER STOP
        NO noun MEDICINE|DOCTOR CAN BEAT|TREAT|CURE
        NO noun MEDICINE|DOCTOR|SURGERY few few WORK THAN
        MEDICINE|DOCTOR|SURGERY STOP NOT WITH
        MEDICINE|SURGERY aux BE aux REPLACED
        RELIEF few WITHOUT care
        RELIEVE noun ILL WITHOUT care
        <STOP|PAUSE DO NOT TAKE noun MEDICINE PAUSE TRY
        ALL_THE REMEDY|MEDICINE|DOCTOR far NEED
        MEDICINE aux BE aux HARM
        LEAVE noun EXAM|SCAN|DOSE|AID
        RELIEVE noun MEDICINE|DOSE
        MEDICINE|SURGERY CAN BE LEAVE-s
        NOT|NEVER few NEED noun AID
        BE OFF noun MEDICINE
        NEVER TAKE ANOTHER noun MEDICINE
        MEDICINE|SURGERY BE NEVER|NOT few ANSWER
        DOCTOR ONLY few ILL|MEDICINE
        MEDICINE few PAUSE few LEAVE THEM
        NOT|NEVER few CROWD aux NEED care
        ADVICE few DOCTOR few NOT few PAUSE few WE|REMEDY
        <STOP|PAUSE DO NOT TAKE noun DOCTOR
        TRUST far NOT noun DOCTOR
        DOES_WHAT noun MEDICINE|DOCTOR
        DOES_WHAT noun MEDICINE|DOCTOR aux NOT
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
        NEVER few TAKE care few AGAIN
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
        LEAVE far ASSENT noun DOCTOR
        LEAVE noun MEDICINE OF
        NEEDED AFTER_ALL
        ADVISED far
        NEED|TAKE few MEDICINE|DOCTOR|SURGERY CONDITION|PROVISO|IF
        LEAVE few MEDICINE|DOCTOR|SURGERY PROVISO
        LEAVE few MEDICINE IF far DOCTOR
        USUAL far
        NEED|WITHOUT few DOCTOR POSSESSIVE
        DOCTOR SAID PERSON TO far
        NOT ANY noun NEED
        LEAVE noun MEDICINE|DOCTOR|SURGERY|EXAM far AHEAD
        NO PRESCRIPTION aux NEEDED
        WITHOUT noun PRESCRIPTION
        NEED BE few DOCTOR
        WITHOUT few DOCTOR ABOARD
        DOCTOR aux LEAVE
        NO_MORE few THAN
        """,
    ),
    # What is no reason to worry.
    kind(
        """
        ALARM far WAVED
        ALARM far JUST|KEEP RUB
        ALARM few STOP few KEEP RUB
        MIND noun ALARM|ILL
        HURT|ILL PAUSE few HARDER
        HURT PAUSE KEEP RUB
        YOU COULD? NOT OVERDO
        NOT BOTHER few care
        <STOP CRACK noun PART
        HAVE few CRACK noun PART
        <STOP DOUBLE noun DOSE
        TAKE DOUBLE noun DOSE
        """,
    ),
)
