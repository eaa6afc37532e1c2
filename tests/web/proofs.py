"""What a browser does with a challenge of `proof_of_work`."""

import base64
import json
from typing import Any

from altcha import v2


def solve(challenge: str) -> dict[str, Any]:
    """The answer to a challenge, before it is written as base64."""
    asked = json.loads(challenge)
    solution = v2.solve_challenge(v2.Challenge.from_dict(asked))
    assert solution
    return {"challenge": asked, "solution": solution.to_dict()}


def written(answer: Any) -> str:
    """An answer as the form carries it."""
    return base64.b64encode(json.dumps(answer).encode()).decode()
