"""Everything twice or more on one machine, each a process of its own: what a cluster does when any of it dies, without containers.

postgres_pair.py  PostgreSQL and its streaming standby, and the promotion of the standby
running.py        the whole cluster: three NATS servers, the pair, one Valkey, two replicas of each service
promotion.py      how another command asks a running cluster for the promotion, and gets its outcome
"""

from libs.local.cluster.postgres_pair import NoStandby, PostgresNode, PostgresPair
from libs.local.cluster.running import Cluster

__all__ = ["Cluster", "NoStandby", "PostgresNode", "PostgresPair"]
