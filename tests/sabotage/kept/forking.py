"""Services as copies of one process."""

from tests.sabotage.mutation import Mutation, Replace

FORKING = "tests/unit/local/test_forking.py"
UP = "tests/integration/local/test_local_up.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a copy outlives what it was copied of",
        "edges",
        "libs/local/fork_server.py::_end_with",
        Replace("ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)", "pass"),
        (f"{FORKING}::test_without_their_origin_copies_end_and_no_more_are_made",),
    ),
    Mutation(
        "a copy keeps the descriptors of its origin",
        "edges",
        "libs/local/fork_server.py::_fork",
        Replace("os.close(descriptor)", "pass"),
        (f"{FORKING}::test_a_copy_has_its_own_environment_session_and_name_and_no_descriptor_of_ours",),
    ),
    Mutation(
        "a copy sees the environment of its origin, too",
        "edges",
        "libs/local/fork_server.py::_become",
        Replace("os.environ.clear()", "pass"),
        (f"{FORKING}::test_a_copy_has_its_own_environment_session_and_name_and_no_descriptor_of_ours",),
    ),
    Mutation(
        "the end of a copy ends its origin",
        "edges",
        "libs/local/fork_server.py::main",
        Replace("os.waitstatus_to_exitcode(status)", "sys.exit(status)"),
        (f"{FORKING}::test_who_is_killed_takes_nobody_along_and_is_started_again",),
    ),
    Mutation(
        "services that can not be copied are not started",
        "edges",
        "libs/local/supervisor.py::Stack._starter.start",
        Replace("self._fork_server = None", "raise"),
        (f"{UP}::test_services_come_back_without_the_process_that_they_were_copies_of",),
    ),
)
