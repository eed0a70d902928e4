"""A full disk costs nothing but the time until there is room."""

from tests.sabotage.mutation import Mutation, Replace

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a log that can't be written fails the work that it is about",
        "edges",
        "libs/common/log.py::_Printer.msg",
        Replace("suppress(OSError)", "nullcontext()"),
        ("tests/unit/common/test_log_lines.py::test_a_full_disk_costs_lines_of_the_log_and_nothing_else",),
    ),
    Mutation(
        "a full disk of the database counts as a failure of the work",
        "lost",
        "libs/common/db.py::OUTAGES",
        Replace("asyncpg.DiskFullError", "asyncpg.AdminShutdownError"),
        ("tests/unit/common/test_outages.py::test_a_database_without_room_on_its_disk_is_an_outage",),
    ),
    Mutation(
        "a server that could not be started on a full disk is never tried again",
        "lost",
        "libs/local/keep_alive.py::_start_again",
        Replace('report(f"{server.name} could not be started: {error}")', "raise"),
        (
            "tests/unit/local/test_keep_alive.py::test_a_server_that_could_not_be_started_on_a_full_disk_is_started_when_there_is_room",
        ),
    ),
    Mutation(
        "a server that runs and can't work until it is started anew is left so",
        "lost",
        "libs/local/keep_alive.py::_end_useless",
        Replace("await server.process.stop(server.stop_signal, STOP_SECONDS)", ""),
        (
            "tests/unit/local/test_keep_alive.py::test_a_server_that_is_of_no_use_until_it_is_started_anew_is_started_anew",
        ),
    ),
)
