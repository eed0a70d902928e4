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
