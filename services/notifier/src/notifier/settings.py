"""What notifier is told by its environment; see the README for each."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from contracts.events import Channel
from notifier.domain.gate import Terms
from notifier.domain.render import Outlet, Prices
from notifier.edges.receipts import AnyReporter
from web.settings import DataKey, Port, ServiceSettings, ShopPatience, TrustedProxies
from webhooks import standard

_URL: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s#]*)?")

Micros = Annotated[int, Field(ge=0, le=10**12)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
GatewayId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


def _http_url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise ValueError("must be http(s)://host/path, without a login")
    return url


def _signing_secret(secret: SecretStr) -> SecretStr:
    standard.key_of(secret.get_secret_value())
    return secret


SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]


class SmsSettings(BaseModel):
    """The SMS gateway: it takes JSON, signed as Standard Webhooks, and reports back alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_http_url)] = Field(description="where messages are posted")
    secret: SigningSecret = Field(description="whsec_ and the base64 of 24 to 64 bytes")
    receipt_secret: SigningSecret | None = Field(
        None, description="signs what the gateway reports; the same secret if missing"
    )
    gateway_id: GatewayId = "sms"
    currency: Currency = "CNY"
    price_micros: Micros | None = Field(
        None, description="price of a piece, millionths of the currency unit; unknown if missing"
    )
    prices_micros: Mapping[str, Micros] = Field(
        default_factory=dict, description='by country, where it differs: {"US": 8000}'
    )

    @property
    def receipt_key(self) -> str:
        return (self.receipt_secret or self.secret).get_secret_value()


class SmtpSettings(BaseModel):
    """The mail server. Without a host there is no e-mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    tls: Literal["none", "starttls", "tls"] = "none"
    username: str | None = None
    password: SecretStr | None = None
    sender: str = Field("care@huiliu.invalid", description="for shops that name none")
    gateway_id: GatewayId = "smtp"
    currency: Currency = "CNY"
    price_micros: Micros = 0

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password come together")
        return self


class Settings(ServiceSettings):
    http_port: Port = 8104
    ops_port: Port = 9104
    shop_patience_s: ShopPatience = 30
    data_key: DataKey = Field(description="base64 of 32 bytes: encrypts personal data")
    sms: SmsSettings = Field(description="HUILIU_SMS__URL and HUILIU_SMS__SECRET")
    smtp: SmtpSettings = Field(default_factory=SmtpSettings)
    receipts: tuple[AnyReporter, ...] = Field(
        (),
        max_length=50,
        description="a JSON list of the gateways that report in their own words; see the README",
    )
    trusted_proxies: TrustedProxies = 0
    in_flight: int = Field(50, ge=1, le=200, description="requests to gateways at one time")
    request_timeout_s: float = Field(20, gt=0, le=30, description="a request ends within")
    claim_timeout_s: float = Field(60, gt=0, description="an older claim has an unknown outcome")
    unknown_close_s: float = Field(900, gt=0, description="an unknown outcome is closed after")
    late_start_s: float = Field(0.4, gt=0, description="from the gate to a reminder's request")
    spread_s: float = Field(1800, ge=0, le=7200, description="what waited for 09:00 leaves within")
    poll_s: float = Field(0.2, gt=0, le=10, description="how often due messages are looked for")
    database_pool: int = Field(12, ge=3, le=100, description="connections to Postgres")

    @field_validator("receipts")
    @classmethod
    def _each_has_its_address_and_its_gateway(
        cls, value: tuple[AnyReporter, ...], info: ValidationInfo
    ) -> tuple[AnyReporter, ...]:
        paths = [one.path.get_secret_value() for one in value]
        sms, smtp = info.data.get("sms"), info.data.get("smtp")
        if len({*paths, sms.gateway_id if sms else ""}) != len(paths) + 1:
            raise ValueError("two gateways report at one address: each needs a path of its own")
        mails = any(one.channel is Channel.EMAIL for one in value)
        if mails and smtp is not None and smtp.host is None:
            raise ValueError("one reports of e-mail: set HUILIU_SMTP__HOST too")
        return value

    @field_validator("claim_timeout_s")
    @classmethod
    def _a_request_ends_before_its_claim(cls, value: float, info: ValidationInfo) -> float:
        if value <= info.data.get("request_timeout_s", 0):
            raise ValueError("must be above HUILIU_REQUEST_TIMEOUT_S")
        return value

    def terms(self) -> Terms:
        """Return what the gate goes by."""
        sms, smtp = self.sms, self.smtp
        prices = Prices(sms.currency, sms.price_micros, sms.prices_micros)
        outlets = {Channel.SMS: Outlet(sms.gateway_id, prices)}
        if smtp.host is not None:
            flat = Prices(smtp.currency, smtp.price_micros)
            outlets[Channel.EMAIL] = Outlet(smtp.gateway_id, flat, smtp.sender)
        return Terms(outlets, spread=timedelta(seconds=self.spread_s))
