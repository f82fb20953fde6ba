"""Why a command failed: one line for the person, and an exit status for scripts.

CliError
├─ Refused      1  the service answered, and said no
├─ BadSetting   2  an environment variable is missing or wrong (as wrong arguments are)
└─ Unreachable  3  no service answered there
"""


class CliError(Exception):
    exit_status = 1


class Refused(CliError):
    exit_status = 1


class BadSetting(CliError):
    exit_status = 2


class Unreachable(CliError):
    exit_status = 3
