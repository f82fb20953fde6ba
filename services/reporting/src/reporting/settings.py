"""Settings of reporting: only the ports are its own."""

from web.settings import Port, ServiceSettings


class Settings(ServiceSettings):
    http_port: Port = 8105
    ops_port: Port = 9105
