"""Words of health, as patterns: ills, parts of a body, medicine, those who treat, and how soon."""

ILLS = (
    r"(?:(?:back|neck|joint|knee|chronic|any|all|your|every|high|heart|breast|type|kidney|liver|lung"
    r"|gum)[ -](?:\w+ )?)?"
    r"(?:cancers?|tumou?rs?|arthritis|diabetes|dementia|alzheimer['’]?s?|parkinson['’]?s?|strokes?|asthma|covid\S*|flu"
    r"|rheumatism|gout|tinnitus|eczema|vertigo|inflammations?|burn-?outs?|lumbago|tendinitis|bursitis|virus(?:es)?"
    r"|influenza|colds?|depression|anxiety|insomnia|osteoporosis|migraines?|headaches?|sciatica|fibromyalgia|obesity"
    r"|hypertension|blood pressure|infections?|(?:heart )?(?:attacks?|disease)|diseases?|illness(?:es)?|ailments?"
    r"|allerg(?:y|ies)|hay fever|asthma attacks?|psoriasis|acne|wrinkles|hair loss|baldness|age?ing|snoring|fatigue"
    r"|cramps?|ulcers?|epilepsy|indigestion|heartburn|bronchitis|sinusitis|coughs?|sore throats?"
    r"|arthrosis|osteoarthritis|scoliosis|hernias?|whiplash|stenosis|(?:bone|heel) spurs?|carpal tunnel|tennis elbow"
    r"|frozen shoulders?|hunchbacks?|cholesterol|reflux|constipation|varicose veins|cellulite|dizziness|sleeplessness"
    r"|multiple sclerosis|rickets|lumbalgia|herniated discs?|bulging discs?|prolapsed discs?|worn discs?"
    r"|(?:back|neck|knee|joint|hip|disc|shoulder) (?:troubles?|problems?|complaints?|suffering)"
    r"|pains?|aches?|\w+aches?|slipped discs?)"
)
BODY = r"(?:backs?|necks?|shoulders?|knees?|hips?|spines?|joints?|bod(?:y|ies)|posture|damage|gut|immune system)"
MEDICINE = (
    r"(?:medicines?|medications?|meds|pills?|tablets?|drugs?|pain-?killers?|prescriptions?|insulin|statins?|ibuprofen"
    r"|anti-?depressants?|steroids|chemo(?:therapy)?|inhalers?|cortisone|injections?|shots?|jabs?|morphine|opioids?"
    r"|opiates?|aspirin|paracetamol|beta-?blockers?|(?:blood[ -])?thinners"
    r"|sleeping pills?|antibiotics?|pharmac(?:y|ies)|medicine (?:chest"
    r"|cabinet)s?)"
)
DOCTOR = (
    r"(?:doctors?|GPs?|physicians?|surgeons?|surgery|operations?|physio(?:therapist|therapy)?s?|hospitals?"
    r"|orthop(?:a)?edists?|neurologists?|pharmacists?|chemists?|specialists?|physios?|osteopaths?|consultants?|clinics?)"
)
OWN = r"(?:(?:your|my|his|her|their|our|the|all|all those|those|these|any|a|daily|prescribed|seeing|to see|of) ){0,3}"
SOON = (
    r"(?:(?:in|within|after) (?:just |only |under |less than |about |as little as )?(?:an?|one|two|three|four|five|six"
    r"|seven|ten|twelve|fourteen|thirty|\d+|seconds|minutes|hours|days|weeks|no time|the first)\b"
    r"|by (?:\w+day|tomorrow|tonight|(?:the|next|this) \w+|christmas|new year|spring|summer|january|march|\w+mber)\b"
    r"|from (?:now|today|tomorrow|tonight|day one|the first|\w+day)\b"
    r"|for ?ever|for good|for life|overnight|tomorrow|tonight|today|at last|once and for all|before (?:the|you)\b)"
)

PARTS = r"(?:discs?|cartilage|nerves?|joints?|spines?|knees?|hips?|bones?|tissues?|backs?|necks?|tendons?|muscles?)"
