"""What care-triggers needs to know from its environment."""

from pathlib import Path

from pydantic import Field

from web.settings import DataKey, Port, ServiceSettings, ShopPatience


class Settings(ServiceSettings):
    http_port: Port = 8103
    ops_port: Port = 9103
    shop_patience_s: ShopPatience = 30
    data_key: DataKey = Field(description="base64 of 32 bytes: encrypts personal data")
    rules_file: Path | None = Field(None, description="YAML; by default the rules shipped with it")
    timers_every_s: float = Field(
        0.25, gt=0, le=60, description="how often due timers are asked for"
    )
