"""The policy in force where no policy file is named: the same as `config/balanced.yaml`, rule by rule.

Thresholds are error budgets (see the bot score): at 50 one visitor in a hundred is wronged, at 75 one in 300, at 91 one
in a thousand. Costly mistakes (block) stand high, cheap ones (throttle) low.

Promises: equal to the file, which a test holds to it. Never: read from a file.
"""

from __future__ import annotations

from typing import Any, Final

from trafficguard.policy.model import PolicyFile

_DECLARED: Final = " || ".join(f'"bot.{kind}" in labels' for kind in ("search", "preview", "monitor", "feed"))


def _step(score: float, action: Any) -> dict[str, Any]:
    return {"score": score, "action": action}


BALANCED: Final = PolicyFile.model_validate(
    {
        "rules": [
            {
                "name": "declared-bots",
                "when": _DECLARED,
                "action": {"throttle": {"rate": 5, "burst": 100, "key": "network", "delay": "10s"}},
            },
        ],
        "thresholds": [
            {"name": "assets", "routes": ["asset"], "steps": [_step(91, "block")]},
            {"name": "doors", "routes": ["login", "checkout"], "steps": [_step(40, "challenge"), _step(75, "block")]},
            {"name": "machines", "routes": ["api", "feed"], "steps": [_step(50, "throttle"), _step(75, "block")]},
            {
                "name": "pressure",
                "when": "load.host > 1.5 || load.origin_latency > 2 || load.error_rate > 0.2",
                "steps": [_step(20, "throttle"), _step(40, "challenge"), _step(75, "block")],
            },
            {"name": "rest", "steps": [_step(40, "throttle"), _step(60, "challenge"), _step(75, "block")]},
        ],
    }
)
"""The policy named `balanced`."""
