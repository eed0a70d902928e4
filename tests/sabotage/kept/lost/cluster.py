"""Nothing lost with a primary: its standby has every commit, and there is never a second primary (`libs`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

CLUSTER = "tests/integration/local/test_local_cluster.py"
PROMOTION = f"{CLUSTER}::test_a_promotion_loses_no_commit_and_a_pool_finds_it_after_nothing_but_outages"
STANDBYS = f"{CLUSTER}::test_where_only_standbys_are_left_that_is_an_outage"
CLIENT = (
    "tests/unit/common/test_bus_client.py::test_whatever_ends_a_connection_another_server_is_asked_with_the_same_login"
)
PAIR = "libs/local/cluster/postgres_pair.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a database that is away passes for a browser that has left",
        "lost",
        "libs/common/db.py::open_pool",
        Replace("_connect", "asyncpg.connect"),
        (PROMOTION,),
    ),
    Mutation(
        "a standby where the primary was counts as a failure of the work",
        "lost",
        "libs/common/db.py::OUTAGES",
        Replace("asyncpg.ReadOnlySQLTransactionError", "asyncpg.AdminShutdownError"),
        (STANDBYS,),
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
    Mutation(
        "a primary that was replaced is started as a primary again",
        "lost",
        f"{PAIR}::PostgresNode.command",
        Replace("self.fenced", "False"),
        (PROMOTION,),
    ),
    Mutation(
        "a standby is promoted that does not have everything yet",
        "lost",
        f"{PAIR}::PostgresPair.promote",
        Replace("not self.in_step or not new.running", "False"),
        (PROMOTION,),
    ),
    Mutation(
        "a commit does not wait for the standby",
        "lost",
        f"{PAIR}::PostgresPair._require_standby",
        InText("synchronous_standby_names = '", "cluster_name = '"),
        (f"{CLUSTER}::test_a_commit_is_one_when_the_standby_has_it",),
    ),
    Mutation(
        "a server of the cluster that another one names is asked without a login",
        "lost",
        "libs/common/bus/client.py::connect",
        Replace("{**options, **login}", "options"),
        (CLIENT,),
    ),
    Mutation(
        "a client whose server ends the connection with an error is closed for good",
        "lost",
        "libs/common/bus/client.py::_Client._process_err",
        Replace("not self.is_connected", "True"),
        (CLIENT,),
    ),
)
