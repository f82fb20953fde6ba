"""Who sent it, and is it really JSON: signature schemes and a strict parser. Pure."""

from webhooks.signature import MAX_SECRETS, BadSignature, Headers, check_secret
from webhooks.strict import BadJson, strict_json

__all__ = ["MAX_SECRETS", "BadJson", "BadSignature", "Headers", "check_secret", "strict_json"]
