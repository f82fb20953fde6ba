"""Who sent it, and is it really JSON: signature schemes and a strict parser. Pure."""

from webhooks.signature import BadSignature, Headers, check_secret
from webhooks.strict import BadJson, strict_json

__all__ = ["BadJson", "BadSignature", "Headers", "check_secret", "strict_json"]
