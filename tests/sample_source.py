"""The source of a short issue that passes preflight."""


def issue_source(
    title: str = "A tight back", *, subject: str = "{title}, in ten minutes", body: str = "Lie down for ten minutes."
) -> str:
    return f"""---
title: {title}
subject: {subject.replace("{title}", title)}
preheader: A short routine for the end of a long day at the desk.
category: Health
sources: [{{title: NHS, url: "https://www.nhs.uk/conditions/back-pain/"}}]
---
Dear {{{{ name | friend }}}},

{body} See a doctor when it does not get better.
"""
