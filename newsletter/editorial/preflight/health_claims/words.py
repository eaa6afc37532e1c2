"""Nouns and verbs of claims by their role: who suffers what, and what is done to it.

They stand in their base form and are read in every other; a hyphen counts as a space.
"""


def pairs(first: str, second: str) -> str:
    """Each of the first words before each of the second."""
    return ", ".join(f"{one.strip()} {two.strip()}" for one in first.split(",") for two in second.split(","))


_PARTS = """back, lower back, upper back, lumbar, sacrum, coccyx, tailbone, pelvis, rib, jaw, calf, thigh, heel,
    toe, hamstring, meniscus, menisci, rotator cuff, vertebrae, neck, spine, shoulder, elbow, wrist, hand, finger,
    knuckle, hip, knee, leg, ankle, foot, disc, disk, joint, nerve, bone, cartilage, tendon, ligament, muscle, vertebra,
    tissue, arm"""
_SPOILT = """slipped, herniated, bulging, prolapsed, ruptured, worn, worn out, degenerated, damaged, torn, pinched,
    compressed, trapped, frozen, crooked, stiff, aching, bad, inflamed, tense, sore"""
_TROUBLES = "trouble, pain, problem, complaint, suffering, ailment, damage, disorder, misery"

NOUNS = {
    "ILL": f"""period pain, painful period, bad back, repetitive strain, shin splint, cold sore, wart, herpes, hiv,
        malaria, autism, adhd, long covid, nausea, morning sickness, menstrual cramp, hot flush, infertility,
        impotence, kidney failure, heart failure, arrhythmia, poor circulation, water retention, hangover,
        addiction, apnoea, sleep apnoea, intolerance, irritable bowel, chronic fatigue, strain injury, handicap,
        paralysis, deafness, blindness, kidney disease, liver disease, lung disease, complaint, affliction,
        infirmity, cancer cell, tumour cell, tumor cell, pain, ache, agony, backache, headache, toothache, earache,
        stomachache, migraine, sciatica, lumbago, neuralgia, fibromyalgia, arthritis, osteoarthritis, arthrosis,
        osteoporosis, rheumatism, gout, scoliosis, stenosis, hernia, herniation, disc herniation, prolapse, relapse,
        whiplash, carpal tunnel, tennis elbow, bone spur, heel spur, hunchback, inflammation, spasm, cramp,
        stiffness, soreness, neuropathy, cancer, tumour, tumor, leukaemia, metastasis, diabetes, dementia,
        alzheimer, parkinson, stroke, heart attack, heart disease, kidney stone, gallstone, high blood pressure,
        blood pressure, hypertension, cholesterol, thrombosis, blood clot, asthma, asthma attack, pneumonia, covid,
        flu, influenza, common cold, cough, sore throat, infection, virus, fever, disease, illness, sickness,
        ailment, allergy, hay fever, eczema, psoriasis, acne, depression, anxiety, insomnia, sleeplessness, burnout,
        burn out, panic attack, tinnitus, vertigo, dizziness, epilepsy, multiple sclerosis, obesity, reflux,
        heartburn, indigestion, constipation, ulcer, fatigue, snoring, hair loss, baldness, wrinkle, ageing, aging,
        cellulite, varicose vein, rickets, plague, crohn, lupus, polyarthritis, slipped vertebra, muscle tension,
        symptom, {pairs(_SPOILT, _PARTS)}, {pairs(_PARTS, _TROUBLES)}""",
    "POISON": "toxin, poison, acid, waste, heavy metal, slag",
    "TOXIN": "toxin",
    "WEAPON": "shield, bulwark, armour, safeguard, antidote, wonder weapon, protection, defence",
    "SESSION": """session, use, go, lesson, dose, course, visit, treatment, massage, minute, application,
        appointment, round""",
    "PART": _PARTS,
    "BODY": "body, gut, liver, kidney, immune system, soul, heart, posture, bowel, colon, blood, system, damage",
    "MEDICINE": """oxycodone, fentanyl, valium, prozac, pain reliever, nsaid, corticosteroid, immunosuppressant,
        dialysis, transfusion, infusion, cough syrup, asthma spray, nose spray, nasal spray, eye drop, pain patch,
        medicine, medication, med, pill, tablet, drug, painkiller, pain killer, prescription, insulin, statin,
        ibuprofen, antidepressant, anti depressant, steroid, chemo, chemotherapy, radiotherapy, inhaler, cortisone,
        injection, shot, jab, morphine, opioid, opiate, aspirin, paracetamol, beta blocker, blood thinner, thinner,
        sleeping pill, antibiotic, pharmacy, medicine chest, medicine cabinet, muscle relaxant, anti inflammatory,
        diclofenac, naproxen, codeine, tramadol, sedative, tranquilliser, diuretic, narcotic, chemical, analgesic,
        pharmaceutical, antihistamine, anticoagulant, antacid, capsule, triptan, metformin, warfarin, lithium,
        hormone, thyroxine, vaccine, vaccination""",
    "DOCTOR": """paediatrician, gynaecologist, urologist, dermatologist, radiologist, clinician, nurse, medical
        team, ward, casualty, casualty department, emergency department, medical profession, white coat, therapist
        appointment, doctor, gp, physician, surgeon, physiotherapist, physio, hospital, orthopaedist, orthopedist,
        neurologist, rheumatologist, cardiologist, oncologist, pharmacist, chemist, specialist, osteopath,
        consultant, clinic, family doctor, medical help, medical advice, medical treatment, medical care,
        psychiatrist, dentist, chiropractor, ambulance, emergency room, paramedic, accident and emergency, a e,
        general practitioner, medic, health professional, waiting room""",
    "SURGERY": """surgery, operation, hip replacement, knee replacement, physiotherapy, hospital stay, scalpel,
        knife, spinal fusion, back surgery""",
    "SCAN": "scan, mri, mri scan, ct, ct scan, x ray, check up, blood test, screening, biopsy",
    "EXAM": "hospital appointment, clinic appointment, medical appointment, referral, diagnosis",
    "DOSE": "dose, dosage",
    "AID": """glasses, spectacles, splint, walking frame, crutch, walking stick, stick, cane, corset, brace,
        wheelchair, walker, hearing aid, insole""",
    "REMEDY": """massage, massage therapy, therapy, treatment, session, oil, balm, cream, ointment, gel, tea,
        method, technique, routine, exercise, stretch, stretching, yoga, cupping, acupuncture, acupressure,
        reflexology, programme, program, course, plan, touch, hand, thumb, therapist, masseur, masseuse,
        physiotherapy, bath, compress, wrap, infusion, tincture, hypnosis, bracelet, device, gadget, remedy, cure,
        mat, pillow, cushion, roller, tape, belt, magnet, copper, crystal, stone, ginger, turmeric, honey, vinegar,
        movement, grip, trick, practice""",
    "TIME": """evening, morning, afternoon, sitting, application, breath, second, minute, hour, day, night, week,
        weekend, fortnight, month, year, decade, session, visit, treatment, massage, time""",
    "DAY": """season, holiday, wedding, breakfast, lunch, dinner, bedtime, monday, tuesday, wednesday, thursday,
        friday, saturday, sunday, weekend, tomorrow, tonight, christmas, easter, new year, january, february, march,
        april, may, june, july, august, september, october, november, december, spring, summer, autumn, winter,
        morning, evening""",
    "RELIEF": "relief, recovery, healing, cure, solution",
    "SUCCESS": "weight loss, success, result, improvement, effect",
    "ALARM": """blood in the urine, blood in your urine, blood in the stool, palpitation, shortness of breath,
        double vision, swelling, numb hand, goes numb, go numb, is numb, turns numb, numbness, tingling, paralysis,
        chest pain, fever, night sweat, lump, incontinence, weakness, weak leg, numb leg, numb foot, numb arm""",
    "CROWD": """sufferer, participant, user, visitor, people, thousand, hundred, million, patient, client, reader,
        customer, guest, member, woman, man, adult""",
    "TISSUE": """wound, skin, cut, scar, fracture, break, tear, sprain, strain, injury, burn, blister, bruise, rib,
        graze, stitch, incision, nail, gum, body, gash, toe, bone, muscle, ligament, tendon, disc, tissue, nerve,
        cartilage, ankle, wrist""",
    "FOOD": """curiosity, envy, jealousy, vanity, laziness, ambition, homesickness, optimism, pride, temper,
        impatience, illusion, prejudice, nostalgia, wood, timber, rubber, ink, polish, garlic, sweet potato,
        wanderlust, passion, obsession, arrogance, fear, habit, shyness, ham, meat, bacon, fish, salmon, sausage,
        olive, concrete, resin, leather, pork, cheese, beef, egg, yolk, trout, tobacco, vanilla, hay, glue, paint,
        varnish, epoxy, cement, plaster, boredom, sandwich, love, urge, mushroom""",
    "FAT": """fat, belly fat, body fat, kilo, kg, kilogram, pound, inch, dress size, clothes size, size, love
        handle, calorie, weight, waistline, flab, spare tyre, double chin, muffin top""",
    "SENSE": "hearing, eyesight, sight, vision, memory, youth, potency, fertility, hair",
    "THING": """bench, sofa, hall, bus, door, car, book, house, shop, garden, page, light, window, view, seating,
        chair, bed, mattress, desk, table, frame, cushion, seat, place, spot, ticket, price, delivery, refund,
        entry, room, hour, income, minimum, money, receipt, warranty, invoice, slip, certificate, card, period,
        maker, manufacturer, seller, year, month, lamp, booking, parking, privacy, deposit, towel, voucher, gift
        card, freshness, spring, castor, base, product, purchase, repair, quality, letter, reply, answer, email,
        tea, coffee, secret, discount""",
}
VERBS = {
    "CURE": """put/put right, set/set right, straighten out, roll back, rewind/rewound, cure, eradicate, eliminate,
        banish, vanquish, obliterate, annihilate, conquer, defeat, get/got rid of, do/did/done away with, make/made
        short work of, put/put an end to, make/made an end of, wipe/wiped out, wipe away, root out, stamp out, knock
        out, melt, melt away, dissolve, erase, extinguish, abolish, undo/undid/undone, unlock,
        unfreeze/unfroze/unfrozen, destroy, wash away, drive/drove/driven out, drive/drove/driven away,
        drive/drove/driven off, chase away, chase off, fight/fought off, finish off, expel, dispel, repel, exorcise,
        neutralise, neutralize, outsmart, outwit, crush, zap, uproot, evict, deactivate, demolish, smash, switch
        off, turn off, reverse, shake/shook/shaken off, throw/threw/thrown off, put/put paid to, walk away from, nip
        in the bud, clear up, clear away, take/took/taken away, resolve, silence, delete, say/said goodbye to,
        say/said farewell to, say/said adieu to, wave goodbye to, wave farewell to, bid/bade farewell to, bid/bade
        goodbye to, free yourself from, free yourself of, see/saw/seen the back of, make/made mincemeat of,
        make/made light work of, call/called time on, sound the death knell for, rid/rid you of, rid/rid yourself
        of, rid/rid us of, sort out, iron out, lay/laid to rest, quash, quell, vaporise, vaporize, nuke""",
    "END": """starve, suffocate, cancel, defuse, deaden, take/took/taken out, exterminate, obliterate, end, stop,
        fix, kill, block, master, overcome/overcame/overcome, tame, dodge, escape, halt, solve, lose/lost,
        shed/shed, forget/forgot/forgotten, remove, correct, clear, break/broke/broken up, break/broke/broken down,
        lift, finish, absorb, unlearn, outlive, outrun, fight/fought, beat/beat/beaten, outdo, heal, cut/cut out""",
    "RELIEVE": """relieve, ease, soothe, lower, bring/brought down, cut/cut, halve, reduce, normalise, normalize,
        improve, alleviate""",
    "RUB": """draw/drew/drawn, pull, suck, lift, push, press, knead, stroke, massage, sweat, flush, burn, starve,
        walk, roll, breathe, shake/shook, melt, drain, iron, smooth, work, swing/swung, dance, steam, soak, tap,
        squeeze, freeze/froze, heat, coax, float, jog, cycle, swim/swam, rock, sing, laugh, brush, leach, lure, tug,
        tweak, twist, crack, pop, zap, blast, sleep, train, exercise, meditate, stretch, rub, wash, drive/drove,
        knock, chase, wipe, put/put, turn, shut, get/got, clear, keep/kept, take/took""",
    "FREE": "free, rid/rid, release, liberate, deliver, relieve, unburden, rescue, cure, heal",
    "MAKE": "make/made, send/sent, let/let, leave/left, turn, render, put/put, set/set, get/got",
    "KISS": "kiss, wave, wish, bid/bade, say/said",
    "TREAT": "treat, cure",
    "HEAL": "heal",
    "COPE": "do/did, live, manage, cope, get/got by, go/went",
    "REPAIR": "restore, rebuild/rebuilt, renew, mend, fix, repair, realign, rejuvenate, regenerate, regrow/regrew",
    "STRAIGHTEN": "straighten, align, realign, decompress",
    "REBUILD": "rebuild, regrow, regenerate, rejuvenate, realign, repair",
    "VANISH": """leave/left the building, leave/left your body, go/went up in smoke, die/died, die/died off, fade
        away, vanish, disappear, evaporate, melt, melt away, dissolve, go/went/gone away, surrender, retreat,
        flee/fled, yield, capitulate, crumble, give/gave/given up, fall/fell silent, straighten, heal, lose/lost its
        grip, shrink/shrank/shrunk, cease, vaporise, vaporize, run for the hills, pack its bags, leave you, let go
        of you, normalise, normalize, say goodbye""",
    "CEASE": "end, stop, cease, finish",
    "RETURN": """return, come/came back, come, stand/stood a chance, last, happen, develop, survive, reach, touch,
        resist, strike, get/got you, get/got to you""",
    "SETTLE": "slide/slid back, slip back, pop back, jump back, go/went back, move back",
    "DETOX": "detox, detoxify, cleanse, purify, purge",
    "FLUSH": "remove, eliminate, flush, draw/drew, suck, sweat, pull, wash, drain",
    "GUARANTEE": "guarantee",
    "PROMISE": "promise, vow, swear/swore, pledge",
    "WORK": "work, help, succeed, cure, heal, relieve",
    "FAIL": "let/let you down, fail",
    "PREVENT": "prevent, avert, ward off, stave off, fend off, rule out, forestall, protect against, protect from",
    "PROTECT": "protect, shield, guard, save, immunise, stop, keep/kept",
    "KEEP": "keep/kept, hold/held",
    "CATCH": "catch/caught, get/got, develop, suffer from, suffer, have/had, know/knew, fear, feel/felt, contract",
    "LEAVE": """turn your back on, show/showed the door, send/sent packing, do/did/done without, get/got away from,
        break/broke/broken free from, break/broke/broken free of, forgo/forwent/forgone, forego/forewent/foregone,
        bypass, sidestep, dodge, scrap, jettison, sack, fire, banish, let/let go of, hand back, part with, part ways
        with, phase out, dispense with, set/set aside, break/broke up with, divorce, cut/cut back on, cut/cut down
        on, wean yourself from, retire, shun, throw/threw/thrown over, kick, stop, stop taking, stop using, stop
        swallowing, quit/quit, quit taking, cease taking, discontinue, ditch, bin, toss, toss out, toss away,
        throw/threw/thrown, throw/threw/thrown away, throw/threw/thrown out, chuck, chuck out, chuck away, dump,
        discard, dispose of, flush, burn, bury, empty, sell/sold, tear/tore/torn up, get/got rid of,
        forget/forgot/forgotten, forget/forgot/forgotten about, skip, drop, omit, miss, leave/left off, leave/left
        out, leave/left aside, lay/laid down, lay/laid aside, put/put down, put/put away, put/put aside, put/put
        off, call off, cancel, postpone, refuse, decline, turn down, abandon, give/gave up, come/came/come off,
        get/got off, go/went/gone off, wean yourself off, wean off, taper off, swear/swore/sworn off, cut/cut out,
        do/did/done away with, put/put an end to, replace, swap, exchange, trade, trade in, substitute, halve,
        reduce, lower, say/said no to, say/said goodbye to, wave goodbye to, kiss goodbye, bid/bade farewell to,
        free yourself from, free yourself of, save yourself, spare yourself, ignore, disregard, stay away from,
        outgrow, shelve, end, avoid""",
    "PUT": "let/let, put/put, leave/left, lock, throw/threw, keep/kept, toss",
    "TAKE": """take/took/taken, book, risk, undergo/underwent/undergone, endure, put up with, swallow, use, buy,
        see/saw, visit, ask, consult, go/went to, pay, pay for, want, wait for, trust, believe, listen to, call,
        come/came to, run to, rush to, sit with, phone""",
    "TRUST": "trust, believe, listen to, ask, heed",
    "TELL": "tell/told, inform",
    "ASK": "ask, talk to, speak to, speak with, talk with, consult, check with, discuss, talk about",
    "BEAT": """beat/beat/beaten, outperform, outdo/outdid, surpass, trump, outclass, rival, match, equal, make/made
        up for, substitute, replace, take/took the place of""",
    "HARM": "poison, kill, ruin, wreck, damage, destroy, weaken",
    "HURT": "hurt/hurt, ache, complain",
    "LOSE": "lose/lost, drop, shed/shed",
    "AVOID": "avoid, escape, dodge",
    "SLIM": """melt, melt away, burn/burnt, shed/shed, torch, blast, dissolve, shrink/shrank/shrunk, zap, get/got
        rid of""",
    "CRACK": "crack, jump on",
    "DOUBLE": "double, triple, increase",
    "FORGET": "forget/forgot/forgotten",
    "SHRINK": "shrink/shrank/shrunk",
    "REGROW": "grow/grew/grown back, regrow/regrew, regenerate",
    "KNIT": "knit, mend, grow/grew back, recover, repair, heal",
    "MIND": """ignore, disregard, push through, stretch through, work through, walk through, massage through, never
        mind, stretch into, stretch past, push past, work past, tough out, breathe through, roll through""",
}
