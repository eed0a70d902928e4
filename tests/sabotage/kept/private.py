"""Nothing private, nothing silent: logs, errors, metrics, dead letters, traces."""

from tests.sabotage.mutation import Mutation

MUTATIONS: tuple[Mutation, ...] = ()
