"""The segmenter's own settings; what all services share is in `web.settings`."""

from pydantic import Field

from web.settings import DataKey, Port, ServiceSettings, ShopPatience


class Settings(ServiceSettings):
    http_port: Port = Field(8102, description="port of the API")
    shop_patience_s: ShopPatience = 30
    ops_port: Port = Field(9102, description="port of health and metrics")
    data_key: DataKey | None = Field(
        None, description="base64 of 32 bytes: seals profiles that end as dead letters"
    )
    roll_every_s: float = Field(
        1.0, gt=0, le=30, description="how often to look for shops whose day has turned, seconds"
    )
    tend_batch: int = Field(
        500, ge=1, le=10_000, description="members whose levels or points are settled at once"
    )
    roll_batch: int = Field(
        5000,
        ge=1,
        le=100_000,
        description="customers that a midnight pass settles, or rows read for pairs, at once",
    )
    fit_every_s: float = Field(
        10.0, gt=0, le=600, description="how often to look for shops whose value is to be fitted"
    )
    fit_takes_s: float = Field(
        60.0, ge=1, le=600, description="what a fit of one shop's model of value may take"
    )
    judge_every_s: float = Field(
        1.0, gt=0, le=30, description="how often to look for audiences to be judged, seconds"
    )
    judge_batch: int = Field(
        5000, ge=1, le=100_000, description="entries and exits of an audience written at once"
    )
